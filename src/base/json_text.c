/* json_text: the escapes of RFC 8785, section 3.2.2.2. Called by json_writer.c, and by audit's canonical JSON. */
#include "base/json_text.h"

static void append_escaped_byte(struct buffer *b, uint8_t c)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c == '"' || c == '\\') {
        (void)buffer_append_byte(b, '\\');
        (void)buffer_append_byte(b, c);
    } else if (c < sizeof shorts && shorts[c]) {
        (void)buffer_append_byte(b, '\\');
        (void)buffer_append_byte(b, (uint8_t)shorts[c]);
    } else {
        (void)buffer_printf(b, "\\u%04x", c);
    }
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void append_utf8(struct buffer *b, struct slice s)
{
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (is_plain(s.p[i]))
            continue;
        (void)buffer_append(b, s.p + start, i - start);
        append_escaped_byte(b, s.p[i]);
        start = i + 1;
    }
    if (s.len > start)
        (void)buffer_append(b, s.p + start, s.len - start);
}

/* Each maximal run of bytes that is not UTF-8 becomes one U+FFFD. */
static void append_repaired(struct buffer *b, struct slice s)
{
    bool broken = false;
    for (size_t i = 0; i < s.len;) {
        size_t n = 1;
        while (n <= 4 && i + n <= s.len && !slice_is_utf8(slice_of(s.p + i, n)))
            n++;
        if (n > 4 || i + n > s.len) {
            if (!broken)
                (void)buffer_append_text(b, "\xEF\xBF\xBD");
            broken = true;
            i++;
            continue;
        }
        broken = false;
        append_utf8(b, slice_of(s.p + i, n));
        i += n;
    }
}

int buffer_append_json_text(struct buffer *b, struct slice s)
{
    (void)buffer_append_byte(b, '"');
    if (slice_is_utf8(s))
        append_utf8(b, s);
    else
        append_repaired(b, s);
    return buffer_append_byte(b, '"');
}
