/* document_scalar: resolves scalars by the core schema, ourselves, so that every version of libfyaml gives the same values.
 * What must hold: `yes`, `on`, `0777` and times are not what YAML 1.1 made of them. Called by document.c alone. */
#include "flow/document_scalar.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define CORE "tag:yaml.org,2002:"
#define NUMBER_MAX 512 /* characters of one number */

int document_tag_find(struct slice uri)
{
    static const struct {
        const char *uri;
        enum document_tag tag;
    } tags[] = {{"!", TAG_STRING},        {CORE "str", TAG_STRING}, {CORE "int", TAG_INTEGER},  {CORE "float", TAG_FLOAT},
                {CORE "bool", TAG_BOOLEAN}, {CORE "null", TAG_NULL},  {CORE "seq", TAG_SEQUENCE}, {CORE "map", TAG_MAPPING}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (slice_is(uri, tags[i].uri))
            return (int)tags[i].tag;
    return -SP_EINVALID;
}

static bool is_one_of(struct slice text, const char *const *words)
{
    for (; *words; words++)
        if (slice_is(text, *words))
            return true;
    return false;
}

static bool as_null(struct slice text, jv *ret)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    *ret = jv_null();
    return is_one_of(text, words);
}

static bool as_boolean(struct slice text, jv *ret)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL}, *const no[] = {"false", "False", "FALSE", NULL};
    bool value = is_one_of(text, yes);
    *ret = jv_bool(value);
    return value || is_one_of(text, no);
}

static size_t digits(struct slice text, size_t at, unsigned base)
{
    size_t n = 0;
    for (; at + n < text.len; n++) {
        uint8_t c = text.p[at + n];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a') + 10 : 99;
        if (digit >= base)
            break;
    }
    return n;
}

/* 0o17 and 0xff. The value is summed in floating point, as a decimal one of that size would be. */
static bool as_based(struct slice text, jv *ret)
{
    unsigned base = slice_starts(text, "0o") ? 8 : slice_starts(text, "0x") ? 16 : 0;
    if (base == 0 || text.len < 3 || digits(text, 2, base) != text.len - 2)
        return false;
    double value = 0;
    for (size_t i = 2; i < text.len; i++)
        value = value * base + (text.p[i] <= '9' ? text.p[i] - '0' : (text.p[i] | 32) - 'a' + 10);
    *ret = jv_number(value);
    return true;
}

/* [-+]? digits, with `ret_is_float` also . and exponent; 0 when the text is no number. */
static bool is_decimal(struct slice text, bool *ret_is_float)
{
    size_t at = text.len && (text.p[0] == '-' || text.p[0] == '+') ? 1 : 0;
    size_t whole = digits(text, at, 10), fraction = 0;
    at += whole;
    *ret_is_float = false;
    if (at < text.len && text.p[at] == '.') {
        *ret_is_float = true;
        fraction = digits(text, at + 1, 10);
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (at < text.len && (text.p[at] | 32) == 'e') {
        *ret_is_float = true;
        at++;
        if (at < text.len && (text.p[at] == '-' || text.p[at] == '+'))
            at++;
        size_t n = digits(text, at, 10);
        if (n == 0)
            return false;
        at += n;
    }
    return at == text.len;
}

static jv decimal_value(struct slice text)
{
    char copy[NUMBER_MAX + 1];
    if (text.p[0] == '+')
        text = slice_of(text.p + 1, text.len - 1);
    memcpy(copy, text.p, text.len);
    copy[text.len] = 0;
    return jv_number(strtod(copy, NULL));
}

static bool is_infinite_or_nan(struct slice text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
    if (text.len && (text.p[0] == '-' || text.p[0] == '+') && text.len == 5 && (text.p[2] | 32) == 'i')
        text = slice_of(text.p + 1, text.len - 1);
    return is_one_of(text, words);
}

static int not_finite(struct diag *reterr)
{
    diag_set(reterr, -SP_EINVALID, "JSON has no such number");
    diag_hint(reterr, "put the text into quotes if it is meant as a text");
    return -SP_EINVALID;
}

/* Untagged: 1 when the text is a number, 0 when it is none. */
static int as_number(struct slice text, jv *ret, bool *ret_is_float, struct diag *reterr)
{
    *ret_is_float = false;
    if (as_based(text, ret))
        return isfinite(jv_number_value(*ret)) ? 1 : not_finite(reterr);
    if (is_infinite_or_nan(text))
        return not_finite(reterr);
    if (!is_decimal(text, ret_is_float))
        return 0;
    if (text.len > NUMBER_MAX)
        return diag_set(reterr, -SP_ELIMIT, "the number has too many digits");
    *ret = decimal_value(text);
    return isfinite(jv_number_value(*ret)) ? 1 : not_finite(reterr);
}

int document_scalar_value(struct slice text, bool is_plain, enum document_tag tag, jv *ret, struct diag *reterr)
{
    bool is_float = false;
    bool is_any = tag == TAG_NONE && is_plain;
    if (tag == TAG_STRING || (tag == TAG_NONE && !is_plain)) {
        *ret = jv_string_sized((const char *)text.p, (int)text.len);
        return 0;
    }
    if ((is_any || tag == TAG_NULL) && as_null(text, ret))
        return 0;
    if ((is_any || tag == TAG_BOOLEAN) && as_boolean(text, ret))
        return 0;
    if (is_any || tag == TAG_INTEGER || tag == TAG_FLOAT) {
        int r = as_number(text, ret, &is_float, reterr);
        if (r < 0 || (r > 0 && !(is_float && tag == TAG_INTEGER)))
            return r < 0 ? r : 0;
    }
    if (!is_any)
        return diag_set(reterr, -SP_EINVALID, "the text does not fit its tag");
    *ret = jv_string_sized((const char *)text.p, (int)text.len);
    return 0;
}
