/* validate: the checks of a request's parts. Called for each request and by the fuzzer. Pure; must never change or keep what
 * it looks at. */
#include "gateway/validate.h"

#include "base/error.h"
#include "base/limits.h"

enum {
    IS_TOKEN = 1,
    IS_PATH = 2,  /* unreserved, sub-delims, ":", "@", "/" and "%" of RFC 3986 */
    IS_QUERY = 4, /* the same and "?", and what browsers leave as it is: [ ] | ^ ` { } " are not */
    IS_HEX = 8,
    IS_DIGIT = 16,
    IS_HOST = 32,
};

#define ALNUM_BITS (IS_TOKEN | IS_PATH | IS_QUERY | IS_HOST)
static const uint8_t CLASS[256] = {
    ['0' ... '9'] = ALNUM_BITS | IS_HEX | IS_DIGIT,
    ['a' ... 'f'] = ALNUM_BITS | IS_HEX,
    ['A' ... 'F'] = ALNUM_BITS | IS_HEX,
    ['g' ... 'z'] = ALNUM_BITS,
    ['G' ... 'Z'] = ALNUM_BITS,
    ['-'] = ALNUM_BITS, ['.'] = ALNUM_BITS, ['_'] = ALNUM_BITS,
    ['~'] = IS_TOKEN | IS_PATH | IS_QUERY,
    ['!'] = IS_TOKEN | IS_PATH | IS_QUERY, ['$'] = IS_TOKEN | IS_PATH | IS_QUERY, ['&'] = IS_TOKEN | IS_PATH | IS_QUERY,
    ['\''] = IS_TOKEN | IS_PATH | IS_QUERY, ['*'] = IS_TOKEN | IS_PATH | IS_QUERY, ['+'] = IS_TOKEN | IS_PATH | IS_QUERY,
    ['%'] = IS_TOKEN | IS_PATH | IS_QUERY,
    ['#'] = IS_TOKEN, ['^'] = IS_TOKEN, ['`'] = IS_TOKEN, ['|'] = IS_TOKEN,
    ['('] = IS_PATH | IS_QUERY, [')'] = IS_PATH | IS_QUERY, [','] = IS_PATH | IS_QUERY, [';'] = IS_PATH | IS_QUERY,
    ['='] = IS_PATH | IS_QUERY, [':'] = IS_PATH | IS_QUERY, ['@'] = IS_PATH | IS_QUERY, ['/'] = IS_PATH | IS_QUERY,
    ['?'] = IS_QUERY, ['['] = IS_QUERY, [']'] = IS_QUERY,
};

static bool all_of(struct slice s, uint8_t class)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(CLASS[s.p[i]] & class))
            return false;
    return true;
}

bool is_token(struct slice name)
{
    return name.len > 0 && all_of(name, IS_TOKEN);
}

bool is_digits(struct slice s)
{
    return s.len > 0 && all_of(s, IS_DIGIT);
}

bool is_field_value(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return false;
    return true;
}

static int hex_value(uint8_t c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Every "%" starts two hex digits; `refuse_separators` refuses those that hide a separator or a dot. */
static bool escapes_are_plain(struct slice s, bool refuse_separators)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '%')
            continue;
        if (s.len - i < 3 || !(CLASS[s.p[i + 1]] & IS_HEX) || !(CLASS[s.p[i + 2]] & IS_HEX))
            return false;
        int byte = hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]);
        if (byte == 0)
            return false;
        if (refuse_separators && (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\' || byte == '.' || byte == '%'))
            return false;
        i += 2;
    }
    return true;
}

bool path_is_plain(struct slice path)
{
    if (path.len == 0 || path.p[0] != '/' || !all_of(path, IS_PATH) || !escapes_are_plain(path, true))
        return false;
    struct slice rest = slice_of(path.p + 1, path.len - 1), segment;
    while (slice_split(&rest, '/', &segment)) {
        bool is_last = segment.p + segment.len == path.p + path.len;
        if ((segment.len == 0 && !is_last) || slice_is(segment, ".") || slice_is(segment, ".."))
            return false;
    }
    return true;
}

bool query_is_plain(struct slice query)
{
    return all_of(query, IS_QUERY) && escapes_are_plain(query, false);
}

/* Cuts "http://" or "https://" and the authority off. */
static int cut_authority(struct slice *uri, struct slice *ret_authority)
{
    size_t scheme = 0;
    if (uri->len >= 7 && slice_equal_nocase(slice_of(uri->p, 7), SLICE_LITERAL("http://")))
        scheme = 7;
    else if (uri->len >= 8 && slice_equal_nocase(slice_of(uri->p, 8), SLICE_LITERAL("https://")))
        scheme = 8;
    else
        return -SP_EINVALID;
    size_t end = scheme;
    while (end < uri->len && uri->p[end] != '/' && uri->p[end] != '?')
        end++;
    *ret_authority = slice_of(uri->p + scheme, end - scheme);
    *uri = slice_of(uri->p + end, uri->len - end);
    return is_host(*ret_authority) ? 0 : -SP_EINVALID;
}

int target_parse(struct slice uri, struct target *ret)
{
    struct target t = {0};
    if (uri.len && uri.p[0] != '/') {
        int r = cut_authority(&uri, &t.authority);
        if (r < 0)
            return r;
    }
    const uint8_t *mark = uri.len ? memchr(uri.p, '?', uri.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - uri.p) : uri.len;
    t.path = slice_of(uri.p, path_len);
    t.query = mark ? slice_of(mark + 1, uri.len - path_len - 1) : slice_of(uri.p + uri.len, 0);
    if (t.path.len > LIMIT_PATH || t.query.len > LIMIT_QUERY)
        return -SP_ELIMIT;
    /* "http://host" means its root (RFC 9110, 4.2.3). */
    if (t.path.len == 0 && t.authority.len)
        t.path = SLICE_LITERAL("/");
    if (!path_is_plain(t.path) || !query_is_plain(t.query))
        return -SP_EINVALID;
    *ret = t;
    return 0;
}

bool is_host(struct slice host)
{
    size_t end = 0;
    if (host.len == 0 || host.len > 255 + 6)
        return false;
    if (host.p[0] == '[') {
        for (end = 1; end < host.len && host.p[end] != ']'; end++)
            if (!(CLASS[host.p[end]] & IS_HEX) && host.p[end] != ':' && host.p[end] != '.')
                return false;
        if (end++ == host.len || end < 4)
            return false;
    } else {
        while (end < host.len && host.p[end] != ':')
            if (!(CLASS[host.p[end++]] & IS_HOST))
                return false;
        if (end == 0)
            return false;
    }
    if (end == host.len)
        return true;
    struct slice port = slice_of(host.p + end + 1, host.len - end - 1);
    return host.p[end] == ':' && port.len <= 5 && is_digits(port);
}

bool host_equal(struct slice a, struct slice b)
{
    return slice_equal_nocase(a, b);
}
