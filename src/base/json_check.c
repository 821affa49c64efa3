/* json_check: a pass over the bytes with a bit for each open level. No recursion, no memory; time in the
 * length of the text. */
#include "base/json_check.h"

struct walk {
    const uint8_t *p, *end;
    uint8_t objects[LIMIT_JSON_PASSED_DEPTH / 8]; /* a bit for each level: an object, or an array */
    unsigned depth;
};

static void skip_space(struct walk *w)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
        w->p++;
}

static bool take(struct walk *w, uint8_t byte)
{
    if (w->p == w->end || *w->p != byte)
        return false;
    w->p++;
    return true;
}

static bool take_word(struct walk *w, const char *word)
{
    size_t len = strlen(word);
    if (!slice_starts(slice_of(w->p, (size_t)(w->end - w->p)), word))
        return false;
    w->p += len;
    return true;
}

static bool take_escape(struct walk *w)
{
    uint8_t unit[2];
    if (w->p == w->end)
        return false;
    if (*w->p != 'u')
        return *w->p && strchr("\"\\/bfnrt", *w->p++);
    w->p++;
    if (w->end - w->p < 4 || slice_parse_hex(slice_of(w->p, 4), unit) < 0)
        return false;
    w->p += 4;
    return true;
}

static bool take_string(struct walk *w)
{
    if (!take(w, '"'))
        return false;
    while (w->p < w->end && *w->p >= 0x20) {
        uint8_t c = *w->p++;
        if (c == '"')
            return true;
        if (c == '\\' && !take_escape(w))
            return false;
    }
    return false;
}

static bool take_digits(struct walk *w)
{
    const uint8_t *start = w->p;
    while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
        w->p++;
    return w->p > start;
}

static bool take_number(struct walk *w)
{
    (void)take(w, '-');
    if (!take(w, '0') && !take_digits(w))
        return false;
    if (take(w, '.') && !take_digits(w))
        return false;
    if (!take(w, 'e') && !take(w, 'E'))
        return true;
    if (!take(w, '+'))
        (void)take(w, '-');
    return take_digits(w);
}

static bool take_scalar(struct walk *w)
{
    if (w->p == w->end)
        return false;
    switch (*w->p) {
    case '"':
        return take_string(w);
    case 't':
        return take_word(w, "true");
    case 'f':
        return take_word(w, "false");
    case 'n':
        return take_word(w, "null");
    default:
        return take_number(w);
    }
}

static bool is_object(const struct walk *w)
{
    return w->objects[(w->depth - 1) / 8] >> (w->depth - 1) % 8 & 1;
}

static bool enter(struct walk *w, bool object)
{
    if (w->depth == LIMIT_JSON_PASSED_DEPTH)
        return false;
    uint8_t bit = (uint8_t)(1u << w->depth % 8), *at = &w->objects[w->depth++ / 8];
    *at = (uint8_t)(object ? *at | bit : *at & ~bit);
    skip_space(w);
    return true;
}

static bool take_key(struct walk *w)
{
    skip_space(w);
    if (!take_string(w))
        return false;
    skip_space(w);
    return take(w, ':');
}

/* Behind a value: closes levels until another value is due, 1, or the outermost is closed, 0; -1 when it is
 * no JSON. */
static int take_end(struct walk *w)
{
    for (;;) {
        skip_space(w);
        if (w->depth == 0)
            return 0;
        if (take(w, ','))
            return is_object(w) && !take_key(w) ? -1 : 1;
        if (!take(w, is_object(w) ? '}' : ']'))
            return -1;
        w->depth--;
    }
}

/* A value up to its end, or up to the first one within it. As take_end. */
static int take_value(struct walk *w)
{
    skip_space(w);
    bool object = w->p < w->end && *w->p == '{';
    if (!object && (w->p == w->end || *w->p != '['))
        return take_scalar(w) ? take_end(w) : -1;
    w->p++;
    if (!enter(w, object))
        return -1;
    if (w->p < w->end && *w->p == (object ? '}' : ']'))
        return take_end(w);
    return object && !take_key(w) ? -1 : 1;
}

bool json_is_value(struct slice text)
{
    struct walk w = {.p = text.p, .end = text.p + text.len};
    int r = text.len && slice_is_utf8(text) ? 1 : -1;
    while (r > 0)
        r = take_value(&w);
    return r == 0 && w.p == w.end;
}
