/* format: the table of formats, and those that need no file of their own. Called by rule.c (format_find) and check.c. */
#include "schema/format.h"

#include "schema/format_text.h"
#include "schema/regex.h"

format_check *format_find(struct slice name)
{
    static const struct {
        const char *name;
        format_check *check;
    } formats[] = {{"date-time", format_date_time}, {"date", format_date}, {"time", format_time},
                   {"duration", format_duration}, {"email", format_email}, {"idn-email", format_idn_email},
                   {"hostname", format_hostname}, {"idn-hostname", format_idn_hostname}, {"ipv4", format_ipv4},
                   {"ipv6", format_ipv6}, {"uri", format_uri}, {"uri-reference", format_uri_reference},
                   {"iri", format_iri}, {"iri-reference", format_iri_reference}, {"uri-template", format_uri_template},
                   {"json-pointer", format_json_pointer}, {"relative-json-pointer", format_relative_json_pointer},
                   {"regex", regex_is_valid}, {"uuid", format_uuid}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (slice_is(name, formats[i].name))
            return formats[i].check;
    return NULL;
}

/* RFC 6901. */
int format_json_pointer(struct slice text)
{
    if (text.len && text.p[0] != '/')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '~' && (i + 1 == text.len || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
            return false;
    return true;
}

/* draft-bhutton-relative-json-pointer: a number without superfluous zeros, then "#" or a pointer. */
int format_relative_json_pointer(struct slice text)
{
    size_t digits = 0;
    while (digits < text.len && text_is_digit(text.p[digits]))
        digits++;
    if (digits == 0 || (digits > 1 && text.p[0] == '0'))
        return false;
    struct slice rest = slice_of(text.p + digits, text.len - digits);
    return slice_is(rest, "#") || format_json_pointer(rest);
}

int format_uuid(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.p[i] != '-' : !text_is_hex(text.p[i]))
            return false;
    }
    return text.len == 36;
}

int format_ipv4(struct slice text)
{
    struct slice part;
    int parts = 0;
    uint64_t n;
    if (!text.len || text.p[text.len - 1] == '.')
        return false;
    for (; slice_split(&text, '.', &part); parts++)
        if (part.len > 3 || slice_parse_u64(part, &n) < 0 || n > 255)
            return false;
    return parts == 4;
}

/* RFC 4291, section 2.2: eight groups, one run of them perhaps as "::", the last two perhaps as IPv4. */
int format_ipv6(struct slice text)
{
    int groups = 0;
    bool gap = false;
    size_t i = 0;
    if (slice_starts(text, "::")) {
        gap = true;
        i = 2;
    }
    while (i < text.len) {
        size_t start = i;
        while (i < text.len && text_is_hex(text.p[i]))
            i++;
        if (i < text.len && text.p[i] == '.') {
            groups += 2;
            return format_ipv4(slice_of(text.p + start, text.len - start)) && (gap ? groups < 8 : groups == 8);
        }
        if (i == start || i - start > 4 || ++groups > 8)
            return false;
        if (i == text.len)
            break;
        if (text.p[i++] != ':' || i == text.len)
            return false;
        if (text.p[i] == ':') {
            if (gap)
                return false;
            gap = true;
            i++;
        }
    }
    return gap ? groups < 8 : groups == 8;
}
