/* handle: finds the handles of one run in a text and puts values in their place. What must hold: only the exact nonce of
 * the run whose call this is counts, so that nothing that came as data can name a secret [I2, I9]; a value that is put in
 * cannot change the structure around it. Pure; called by request.c. */
#include "egress/handle.h"

#include "base/error.h"

#define HANDLE_BEGIN "sph1."
#define HANDLE_END   ".e"

/* RFC 4648, section 6, in lower case and without padding. */
static void base32(const uint8_t nonce[HANDLE_NONCE_LEN], char ret[26])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (size_t i = 0; i < 26; i++) {
        unsigned bits = 0;
        for (size_t bit = i * 5; bit < i * 5 + 5; bit++)
            bits = bits << 1 | (bit < HANDLE_NONCE_LEN * 8 ? (unsigned)nonce[bit / 8] >> (7 - bit % 8) & 1u : 0u);
        ret[i] = alphabet[bits];
    }
}

void handle_pattern_init(struct handle_pattern *p, const uint8_t nonce[HANDLE_NONCE_LEN], unsigned n_secrets)
{
    char text[27] = {0};
    base32(nonce, text);
    int n = snprintf(p->prefix, sizeof p->prefix, HANDLE_BEGIN "%s.", text);
    p->len = (size_t)n;
    p->n_secrets = n_secrets;
}

/* Reads what follows the prefix: "a" or a number, then the end. */
static int slot_parse(const struct handle_pattern *p, struct slice *rest, unsigned *ret_slot)
{
    size_t n = 0;
    while (n < rest->len && n < 3 && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    uint64_t slot = HANDLE_AUTHORIZATION;
    if (n == 0 && rest->len && rest->p[0] == 'a')
        n = 1;
    else if (slice_parse_u64(slice_of(rest->p, n), &slot) < 0 || slot >= p->n_secrets)
        return -SP_EINVALID;
    *rest = slice_of(rest->p + n, rest->len - n);
    if (!slice_starts(*rest, HANDLE_END))
        return -SP_EINVALID;
    *rest = slice_of(rest->p + sizeof HANDLE_END - 1, rest->len - (sizeof HANDLE_END - 1));
    *ret_slot = (unsigned)slot;
    return 0;
}

int handle_next(const struct handle_pattern *p, struct slice *rest, struct slice *ret_before, unsigned *ret_slot)
{
    const uint8_t *at = rest->len >= p->len ? memmem(rest->p, rest->len, p->prefix, p->len) : NULL;
    if (!at) {
        *ret_before = *rest;
        *rest = (struct slice){NULL, 0};
        return 0;
    }
    size_t before = (size_t)(at - rest->p);
    struct slice tail = slice_of(at + p->len, rest->len - before - p->len);
    int r = slot_parse(p, &tail, ret_slot);
    if (r < 0)
        return r;
    *ret_before = slice_of(rest->p, before);
    *rest = tail;
    return 1;
}

int handle_collect(const struct handle_pattern *p, struct slice text, bool used[HANDLE_SLOTS])
{
    struct slice before;
    unsigned slot = 0;
    int n = 0;
    int r;
    while ((r = handle_next(p, &text, &before, &slot)) > 0) {
        used[slot] = true;
        n++;
    }
    return r < 0 ? r : n;
}

static bool is_unreserved(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("-._~", c));
}

void escape_percent(struct buffer *out, struct slice s, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (is_unreserved(c)) {
            (void)buffer_append_byte(out, c);
        } else {
            uint8_t escaped[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
            (void)buffer_append(out, escaped, sizeof escaped);
        }
    }
}

void escape_json(struct buffer *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (c == '"' || c == '\\') {
            (void)buffer_append_byte(out, '\\');
            (void)buffer_append_byte(out, c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            (void)buffer_append_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (c < 0x20) {
            (void)buffer_printf(out, "\\u%04x", c);
        } else {
            (void)buffer_append_byte(out, c);
        }
    }
}

static int value_append(struct buffer *out, enum handle_escape escape, struct slice value)
{
    switch (escape) {
    case HANDLE_RAW:
        return buffer_append_slice(out, value);
    case HANDLE_PERCENT:
        escape_percent(out, value, true);
        return buffer_error(out);
    case HANDLE_JSON:
        if (!slice_is_utf8(value))
            return -SP_EINVALID;
        escape_json(out, value);
        return buffer_error(out);
    case HANDLE_MASK:
        break;
    }
    return buffer_append_text(out, "***");
}

int handle_substitute(const struct handle_pattern *p, struct slice text, enum handle_escape escape,
                      const struct slice values[HANDLE_SLOTS], struct buffer *out)
{
    struct slice before;
    unsigned slot = 0;
    int r;
    while ((r = handle_next(p, &text, &before, &slot)) > 0) {
        if (escape != HANDLE_MASK && !values[slot].p)
            return -SP_EDENIED;
        (void)buffer_append_slice(out, before);
        r = value_append(out, escape, escape == HANDLE_MASK ? (struct slice){NULL, 0} : values[slot]);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : buffer_append_slice(out, before);
}
