/* jcs: RFC 8785 over jansson. Holds: equal values give equal bytes. Recursion is bounded by LIMIT_JSON_DEPTH. */
#include "audit/jcs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "base/must.h"

/* A number as digits and an exponent: 0.DIGITS * 10^point. */
struct decimal {
    char digits[18];
    int n, point;
};

/* The shortest digits that give back the number: "%.*e" rounds correctly, so the first that does is also the nearest. None of
 * them is a zero at the end, or fewer would have done. */
static void shortest(double number, struct decimal *ret)
{
    char text[40];
    int precision = 0;
    do {
        must(precision <= 16); /* 17 digits give every double back */
        (void)snprintf(text, sizeof text, "%.*e", precision++, number);
    } while (strtod(text, NULL) != number);
    char *exponent = strchr(text, 'e');
    *ret = (struct decimal){.point = (int)strtol(exponent + 1, NULL, 10) + 1};
    for (const char *p = text; p < exponent; p++)
        if (*p >= '0' && *p <= '9')
            ret->digits[ret->n++] = *p;
}

static int put_zeros(struct buffer *b, int n)
{
    while (n-- > 0)
        (void)buffer_append_byte(b, '0');
    return buffer_error(b);
}

/* ECMA-262, 6.1.6.1.20, steps 6 to 12: `point` is its n, the number of digits its k. */
static void put_decimal(struct buffer *b, const struct decimal *d)
{
    size_t n = (size_t)d->n;
    if (d->n <= d->point && d->point <= 21) {
        (void)buffer_append(b, d->digits, n);
        (void)put_zeros(b, d->point - d->n);
    } else if (0 < d->point && d->point <= 21) {
        (void)buffer_append(b, d->digits, (size_t)d->point);
        (void)buffer_append_byte(b, '.');
        (void)buffer_append(b, d->digits + d->point, n - (size_t)d->point);
    } else if (-6 < d->point && d->point <= 0) {
        (void)buffer_append_text(b, "0.");
        (void)put_zeros(b, -d->point);
        (void)buffer_append(b, d->digits, n);
    } else {
        (void)buffer_append(b, d->digits, 1);
        if (n > 1) {
            (void)buffer_append_byte(b, '.');
            (void)buffer_append(b, d->digits + 1, n - 1);
        }
        (void)buffer_printf(b, "e%+d", d->point - 1);
    }
}

int jcs_number(double number, struct buffer *ret)
{
    if (!isfinite(number))
        return -SP_EINVALID;
    if (number == 0) /* -0 too */
        return buffer_append_byte(ret, '0');
    struct decimal d;
    if (number < 0)
        (void)buffer_append_byte(ret, '-');
    shortest(fabs(number), &d);
    put_decimal(ret, &d);
    return buffer_error(ret);
}

/* Orders UTF-8 texts by their UTF-16 code units. That is the order of bytes, but that surrogates (lead bytes from F0 on) come
 * before U+E000 to U+FFFF (lead bytes EE and EF). */
static int compare_keys(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    while (*x && *x == *y) {
        x++;
        y++;
    }
    if (*x >= 0xEE && *y >= 0xEE && (*x >= 0xF0) != (*y >= 0xF0))
        return *x >= 0xF0 ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static int put_value(const json_t *value, struct buffer *b, unsigned depth);

static int put_members(const json_t *object, const char **keys, size_t n, struct buffer *b, unsigned depth)
{
    (void)buffer_append_byte(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            (void)buffer_append_byte(b, ',');
        (void)buffer_append_json_text(b, slice_text(keys[i]));
        (void)buffer_append_byte(b, ':');
        int r = put_value(json_object_get(object, keys[i]), b, depth);
        if (r < 0)
            return r;
    }
    return buffer_append_byte(b, '}');
}

static int put_object(const json_t *object, struct buffer *b, unsigned depth)
{
    size_t n = 0;
    _cleanup_free_ const char **keys = calloc(json_object_size(object) + 1, sizeof *keys);
    if (!keys)
        return -ENOMEM;
    /* Iterating does not change the object; jansson's iterators are just not const. */
    json_t *walked = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at))
        keys[n++] = json_object_iter_key(at);
    qsort(keys, n, sizeof *keys, compare_keys);
    return put_members(object, keys, n, b, depth);
}

static int put_array(const json_t *array, struct buffer *b, unsigned depth)
{
    (void)buffer_append_byte(b, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            (void)buffer_append_byte(b, ',');
        int r = put_value(json_array_get(array, i), b, depth);
        if (r < 0)
            return r;
    }
    return buffer_append_byte(b, ']');
}

static int put_value(const json_t *value, struct buffer *b, unsigned depth)
{
    if (depth == 0)
        return -SP_ELIMIT;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return put_object(value, b, depth - 1);
    case JSON_ARRAY:
        return put_array(value, b, depth - 1);
    case JSON_STRING:
        return buffer_append_json_text(b, slice_of(json_string_value(value), json_string_length(value)));
    case JSON_INTEGER: /* JSON numbers are doubles here (3.2.2.3), whatever jansson keeps */
        return jcs_number((double)json_integer_value(value), b);
    case JSON_REAL:
        return jcs_number(json_real_value(value), b);
    case JSON_TRUE:
        return buffer_append_text(b, "true");
    case JSON_FALSE:
        return buffer_append_text(b, "false");
    case JSON_NULL:
        return buffer_append_text(b, "null");
    }
    return -SP_EINVALID;
}

/* Appends the canonical text. -SP_EINVALID for NaN and infinity, -SP_ELIMIT when nested deeper than LIMIT_JSON_DEPTH. */
static int jcs_encode(const json_t *value, struct buffer *ret)
{
    return put_value(value, ret, LIMIT_JSON_DEPTH);
}

int jcs_canonicalise(struct slice json, struct buffer *ret)
{
    json_error_t error;
    json_t *value = json_read(json, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (!value)
        return json_read_failure(&error);
    int r = jcs_encode(value, ret);
    json_decref(value);
    return r;
}
