/* leaf_decode: reads a leaf and refuses every byte that audit_leaf_encode would not have written. Leaves come from a database
 * that somebody may have edited, and from proof files: input of the worst kind. One pass, no recursion, no allocation beyond
 * one reservation in `memory`, since `verify` does this for millions of them. */
#include "audit/leaf.h"

#include "audit/leaf_fields.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"

#define NUMBER_MAX ((1ull << 53) - 1)

struct scan {
    const uint8_t *p, *end;
    struct buffer *memory; /* reserved: appending never moves it and never fails */
};

static bool take(struct scan *s, uint8_t c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape stands for (after the backslash), or -1 for one that RFC 8785, 3.2.2.2 does not write. */
static int unescape(struct scan *s)
{
    if (s->p == s->end)
        return -1;
    switch (*s->p++) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case 'b':
        return '\b';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    case 'r':
        return '\r';
    case 'u':
        break;
    default:
        return -1;
    }
    if (s->end - s->p < 4 || s->p[0] != '0' || s->p[1] != '0')
        return -1;
    int high = hex_digit(s->p[2]), low = hex_digit(s->p[3]);
    if (high < 0 || high > 1 || low < 0)
        return -1;
    s->p += 4;
    int c = high * 16 + low;
    return c == '\b' || c == '\t' || c == '\n' || c == '\f' || c == '\r' ? -1 : c;
}

/* A string with at least one escape, from its first byte on: goes to memory. */
static int escaped_string(struct scan *s, struct slice *ret)
{
    size_t start = s->memory->len;
    while (s->p != s->end && *s->p != '"') {
        int c = *s->p++;
        if (c < 0x20)
            return -SP_ESYNTAX;
        if (c == '\\')
            c = unescape(s);
        if (c < 0)
            return -SP_ESYNTAX;
        (void)buffer_append_byte(s->memory, (uint8_t)c);
    }
    *ret = slice_of(s->memory->p + start, s->memory->len - start);
    return 0;
}

/* ASCII that a string holds as it is. */
static const bool is_plain[256] = {[' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... 0x7F] = true};

static int string(struct scan *s, struct slice *ret)
{
    if (!take(s, '"'))
        return -SP_ESYNTAX;
    const uint8_t *start = s->p;
    while (s->p != s->end && is_plain[*s->p])
        s->p++;
    bool is_ascii = s->p == s->end || *s->p < 0x80;
    while (s->p != s->end && (is_plain[*s->p] || *s->p >= 0x80))
        s->p++;
    *ret = slice_of(start, (size_t)(s->p - start));
    if (s->p != s->end && *s->p == '\\') {
        s->p = start;
        is_ascii = false;
        int r = escaped_string(s, ret);
        if (r < 0)
            return r;
    }
    if (!take(s, '"') || (!is_ascii && !slice_is_utf8(*ret)))
        return -SP_ESYNTAX;
    return 0;
}

static int text(struct scan *s, struct slice *ret)
{
    int r = string(s, ret);
    if (r < 0)
        return r;
    return ret->len == 0 || ret->len > AUDIT_TEXT_MAX ? -SP_EINVALID : 0;
}

static int number(struct scan *s, uint64_t max, uint64_t *ret)
{
    const uint8_t *start = s->p;
    while (s->p != s->end && *s->p >= '0' && *s->p <= '9' && s->p - start < 20)
        s->p++;
    if (slice_parse_u64(slice_of(start, (size_t)(s->p - start)), ret) < 0)
        return -SP_ESYNTAX;
    return *ret > max ? -SP_EINVALID : 0;
}

static int digest(struct scan *s, struct slice *ret)
{
    struct slice base64;
    int r = string(s, &base64);
    if (r < 0)
        return r;
    size_t start = s->memory->len;
    r = buffer_append_base64_decoded(s->memory, base64); /* has its room */
    *ret = slice_of(s->memory->p + start, s->memory->len - start);
    return r == 0 && ret->len == 32 ? 0 : -SP_EINVALID;
}

/* An array of names becomes the names joined by ",". Its elements are joined in memory after all were read, so that an escaped
 * one does not stand between them. */
static int list(struct scan *s, struct slice *ret)
{
    struct slice names[LIMIT_SECRETS];
    size_t n = 0;
    if (!take(s, '['))
        return -SP_ESYNTAX;
    do {
        if (n == LIMIT_SECRETS)
            return -SP_EINVALID;
        int r = text(s, &names[n]);
        if (r < 0)
            return r;
        if (memchr(names[n].p, ',', names[n].len))
            return -SP_EINVALID;
        n++;
    } while (take(s, ','));
    if (!take(s, ']'))
        return -SP_ESYNTAX;
    size_t start = s->memory->len;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            (void)buffer_append_byte(s->memory, ',');
        (void)buffer_append_slice(s->memory, names[i]);
    }
    *ret = slice_of(s->memory->p + start, s->memory->len - start);
    return 0;
}

static int run(struct scan *s, struct run_id *ret)
{
    struct slice id;
    int r = string(s, &id);
    if (r < 0)
        return r;
    /* An id has one spelling alone: what run_id_parse takes. */
    return run_id_parse(id, ret) < 0 || ret->n == 0 ? -SP_EINVALID : 0;
}

static int action(struct scan *s, enum audit_action *ret)
{
    struct slice slug;
    int r = string(s, &slug);
    if (r < 0)
        return r;
    *ret = audit_action_parse(slug);
    return *ret == AUDIT_ACTION_NONE ? -SP_EINVALID : 0;
}

static int outcome(struct scan *s, enum audit_outcome *ret)
{
    struct slice slug;
    int r = string(s, &slug);
    if (r < 0)
        return r;
    for (unsigned o = 0; o < AUDIT_OUTCOME_COUNT; o++)
        if (slice_is(slug, audit_outcome_slug((enum audit_outcome)o))) {
            *ret = (enum audit_outcome)o;
            return 0;
        }
    return -SP_EINVALID;
}

static int field(struct scan *s, const struct leaf_field *f, struct audit_event *e)
{
    void *at = (char *)e + f->offset;
    uint64_t n = 0;
    int r;
    switch (f->kind) {
    case LEAF_text:
        return text(s, at);
    case LEAF_list:
        return list(s, at);
    case LEAF_digest:
        return digest(s, at);
    case LEAF_number:
        r = number(s, NUMBER_MAX, at);
        return r == 0 && *(uint64_t *)at == 0 ? -SP_EINVALID : r;
    case LEAF_effect:
        r = number(s, UINT32_MAX, &n);
        *(uint32_t *)at = (uint32_t)n;
        return r;
    case LEAF_run:
        return run(s, at);
    case LEAF_time:
        r = number(s, NUMBER_MAX, &n);
        *(int64_t *)at = (int64_t)n;
        return r;
    case LEAF_action:
        return action(s, at);
    case LEAF_outcome:
        return outcome(s, at);
    }
    return -SP_EINVALID;
}

/* Finds the key that stands next in `s` among the fields from `*i` on: keys ascend, so none can come twice. No key has a
 * character that is escaped. */
static const struct leaf_field *next_key(struct scan *s, size_t *i)
{
    size_t left = (size_t)(s->end - s->p);
    if (left < 3 || s->p[0] != '"')
        return NULL;
    for (; *i < leaf_fields_n; (*i)++) {
        const struct leaf_field *f = &leaf_fields[*i];
        const uint8_t *end = s->p + 1 + f->key_len;
        if (s->p[1] != (uint8_t)f->key[0] || left < f->key_len + 3 || end[0] != '"' || end[1] != ':' ||
            memcmp(s->p + 1, f->key, f->key_len) != 0)
            continue;
        s->p = end + 2;
        (*i)++;
        return f;
    }
    return NULL;
}

int audit_leaf_decode(struct slice leaf, struct audit_event *ret, struct buffer *memory)
{
    buffer_clear(memory);
    if (leaf.len > LIMIT_LEAF)
        return -SP_ESYNTAX;
    int r = buffer_reserve(memory, 2 * leaf.len);
    if (r < 0)
        return r;
    struct scan s = {leaf.p, leaf.p + leaf.len, memory};
    struct audit_event e = {};
    uint64_t seen = 0;
    size_t i = 0;
    if (!take(&s, '{'))
        return -SP_ESYNTAX;
    do {
        const struct leaf_field *f = next_key(&s, &i);
        if (!f)
            return -SP_ESYNTAX;
        r = field(&s, f, &e);
        if (r < 0)
            return r;
        seen |= 1ull << f->kind;
    } while (take(&s, ','));
    must(buffer_error(memory) == 0); /* twice the leaf held all that was taken from it */
    if (!take(&s, '}') || s.p != s.end)
        return -SP_ESYNTAX;
    uint64_t always = 1ull << LEAF_action | 1ull << LEAF_outcome | 1ull << LEAF_time;
    bool has_effect = seen & 1ull << LEAF_effect;
    if ((seen & always) != always || has_effect != leaf_has_effect(e.action))
        return -SP_EINVALID;
    *ret = e;
    return 0;
}
