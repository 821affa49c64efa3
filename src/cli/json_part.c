/* json_part: finds a member's value without decoding it. The text comes from a JSON writer of ours and was parsed before; still
 * no byte outside of it is read. */
#include "cli/json_part.h"

static struct slice skip_space(struct slice s)
{
    while (s.len && (*s.p == ' ' || *s.p == '\t' || *s.p == '\n' || *s.p == '\r'))
        s = slice_of(s.p + 1, s.len - 1);
    return s;
}

static size_t string_len(struct slice s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return s.len;
}

static bool is_in(uint8_t c, const char *set)
{
    return c && strchr(set, c);
}

/* The length of the value at the front of `s`. */
static size_t value_len(struct slice s)
{
    size_t depth = 0, i = 0;
    while (i < s.len) {
        uint8_t c = s.p[i];
        if (c == '"') {
            i += string_len(slice_of(s.p + i, s.len - i));
            if (depth == 0)
                return i;
            continue;
        }
        if (depth == 0 && is_in(c, ",}] \t\r\n"))
            return i;
        depth += is_in(c, "{[");
        depth -= is_in(c, "}]");
        i++;
        if (depth == 0 && is_in(c, "}]"))
            return i;
    }
    return i;
}

bool json_part(struct slice json, const char *key, struct slice *ret)
{
    struct slice s = skip_space(json);
    size_t key_len = strlen(key);
    if (!s.len || *s.p != '{')
        return false;
    s = skip_space(slice_of(s.p + 1, s.len - 1));
    while (s.len && *s.p == '"') {
        size_t n = string_len(s);
        bool is_key = n == key_len + 2 && memcmp(s.p + 1, key, key_len) == 0;
        s = skip_space(slice_of(s.p + n, s.len - n));
        if (!s.len || *s.p != ':')
            return false;
        s = skip_space(slice_of(s.p + 1, s.len - 1));
        n = value_len(s);
        if (is_key) {
            *ret = slice_of(s.p, n);
            return n > 0;
        }
        s = skip_space(slice_of(s.p + n, s.len - n));
        if (s.len && *s.p == ',')
            s = skip_space(slice_of(s.p + 1, s.len - 1));
    }
    return false;
}
