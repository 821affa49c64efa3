/* uri: splitting by the delimiters (RFC 3986, appendix B) and resolving (section 5.2). It does not check characters: the
 * formats do. Called when a schema is compiled. */
#include "schema/uri.h"

#include "base/error.h"

/* The place of the first of two characters, or the length. */
static size_t find(struct slice s, uint8_t a, uint8_t b)
{
    size_t i = 0;
    while (i < s.len && s.p[i] != a && s.p[i] != b)
        i++;
    return i;
}

static struct slice cut(struct slice s, size_t from)
{
    return slice_of(s.p + from, s.len - from);
}

void uri_split(struct slice text, struct uri *ret)
{
    struct uri u = {0};
    size_t at = find(text, '#', '#');
    if (at < text.len)
        u.fragment = cut(text, at + 1);
    text.len = at;
    at = find(text, '?', '?');
    if (at < text.len)
        u.query = cut(text, at + 1);
    text.len = at;
    at = find(text, ':', '/');
    if (at > 0 && at < text.len && text.p[at] == ':') {
        u.scheme = slice_of(text.p, at);
        text = cut(text, at + 1);
    }
    if (slice_starts(text, "//")) {
        text = cut(text, 2);
        at = find(text, '/', '/');
        u.authority = slice_of(text.p, at);
        text = cut(text, at);
    }
    u.path = text;
    *ret = u;
}

/* Appends `path` without "." and ".." segments (section 5.2.4), never cutting what stands before it. */
static void append_without_dots(struct slice path, struct buffer *out)
{
    bool absolute = slice_starts(path, "/");
    size_t at = absolute ? 1 : 0;
    if (absolute)
        buffer_append_byte(out, '/');
    size_t start = out->len;
    for (bool more = true; more && !buffer_error(out);) {
        size_t len = find(cut(path, at), '/', '/');
        struct slice segment = slice_of(path.p + at, len);
        more = at + len < path.len;
        at += len + (more ? 1 : 0);
        if (slice_is(segment, "."))
            continue;
        if (slice_is(segment, "..")) {
            size_t end = out->len > start ? out->len - 1 : start;
            while (end > start && out->p[end - 1] != '/')
                end--;
            buffer_truncate(out, end);
            continue;
        }
        buffer_append_slice(out, segment);
        if (more)
            buffer_append_byte(out, '/');
    }
}

/* The reference's path merged with the base's (section 5.2.3). */
static void append_merged(const struct uri *base, struct slice path, struct buffer *out)
{
    struct buffer merged = BUFFER_MAX(out->max);
    size_t keep = base->path.len;
    while (keep > 0 && base->path.p[keep - 1] != '/')
        keep--;
    if (base->authority.p && base->path.len == 0)
        buffer_append_byte(&merged, '/');
    buffer_append(&merged, base->path.p, keep);
    buffer_append_slice(&merged, path);
    if (buffer_error(&merged))
        out->error = buffer_error(&merged);
    else
        append_without_dots(buffer_slice(&merged), out);
    buffer_free(&merged);
}

int uri_resolve(struct slice base_text, struct slice reference, struct buffer *out)
{
    struct uri base, u;
    uri_split(base_text, &base);
    uri_split(reference, &u);
    bool own_authority = u.scheme.p || u.authority.p;
    struct slice query = u.query;
    buffer_append_slice(out, u.scheme.p ? u.scheme : base.scheme);
    buffer_append_byte(out, ':');
    struct slice authority = own_authority ? u.authority : base.authority;
    if (authority.p) {
        buffer_append_text(out, "//");
        buffer_append_slice(out, authority);
    }
    if (own_authority || slice_starts(u.path, "/")) {
        append_without_dots(u.path, out);
    } else if (u.path.len == 0) {
        buffer_append_slice(out, base.path);
        query = u.query.p ? u.query : base.query;
    } else {
        append_merged(&base, u.path, out);
    }
    if (query.p) {
        buffer_append_byte(out, '?');
        buffer_append_slice(out, query);
    }
    return buffer_error(out);
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uri_decode(struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '%') {
            buffer_append_byte(out, text.p[i]);
            continue;
        }
        if (text.len - i < 3 || hex(text.p[i + 1]) < 0 || hex(text.p[i + 2]) < 0)
            return -SP_ESYNTAX;
        buffer_append_byte(out, (uint8_t)(hex(text.p[i + 1]) << 4 | hex(text.p[i + 2])));
        i += 2;
    }
    return buffer_error(out);
}
