/* format_mail: mailboxes of RFC 5321, section 4.1.2, and of RFC 6531, which lets other than ASCII in. */
#include "schema/format.h"
#include "schema/format_text.h"

static bool is_dot_string(struct slice text, bool international)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == '.') {
            if (after_dot)
                return false;
            after_dot = true;
            continue;
        }
        after_dot = false;
        if (!text_is_letter(c) && !text_is_digit(c) && !text_is_among(c, "!#$%&'*+-/=?^_`{|}~") &&
            !(international && c >= 0x80))
            return false;
    }
    return !after_dot;
}

/* What stands between the quotes. */
static bool is_quoted(struct slice text, bool international)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == '\\' && ++i < text.len)
            c = text.p[i] >= 0x20 && text.p[i] < 0x7F ? 'a' : 0;
        else if (c == '"' || c == '\\')
            return false;
        if (c < 0x20 || c == 0x7F || (c >= 0x80 && !international))
            return false;
    }
    return true;
}

static bool is_domain(struct slice text, bool international)
{
    if (text.len > 2 && text.p[0] == '[' && text.p[text.len - 1] == ']') {
        struct slice inner = slice_of(text.p + 1, text.len - 2);
        if (slice_starts(inner, "IPv6:"))
            return format_ipv6(slice_of(inner.p + 5, inner.len - 5));
        return format_ipv4(inner);
    }
    return international ? format_idn_hostname(text) : format_hostname(text);
}

static bool is_mailbox(struct slice text, bool international)
{
    size_t at = text.len;
    while (at > 0 && text.p[at - 1] != '@')
        at--;
    if (at < 2 || at - 1 > 64)
        return false;
    struct slice local = slice_of(text.p, at - 1), domain = slice_of(text.p + at, text.len - at);
    bool quoted = local.len >= 2 && local.p[0] == '"' && local.p[local.len - 1] == '"';
    bool good = quoted ? is_quoted(slice_of(local.p + 1, local.len - 2), international) : is_dot_string(local, international);
    return good && is_domain(domain, international);
}

int format_email(struct slice text)
{
    return is_mailbox(text, false);
}

int format_idn_email(struct slice text)
{
    return is_mailbox(text, true);
}
