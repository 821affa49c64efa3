/* format_idn: host names of RFC 1123. */
#include "schema/format.h"
#include "schema/format_text.h"

bool format_hostname(struct slice text)
{
    struct slice label;
    if (!text.len || text.len > 253 || text.p[text.len - 1] == '.')
        return false;
    while (slice_split(&text, '.', &label)) {
        if (!label.len || label.len > 63 || label.p[0] == '-' || label.p[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!text_is_letter(label.p[i]) && !text_is_digit(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

bool format_idn_hostname(struct slice text)
{
    return format_hostname(text);
}
