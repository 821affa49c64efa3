/* regex_escape: the escapes of ECMA-262 (section 22.2) that stand for characters or classes of them, written again for PCRE2.
 * Called by regex_translate.c. */
#include "schema/format_text.h"
#include "schema/regex_reader.h"

#define SPACE     "\\t\\n\\x{b}\\f\\r\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
                  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

static bool hex_digits(struct regex_reader *r, size_t n, uint32_t *ret)
{
    uint32_t value = 0;
    const uint8_t *at = r->at;
    for (; n; n--, at++) {
        if (at == r->end || !text_is_hex(*at))
            return false;
        value = value << 4 | (is_digit(*at) ? *at - '0' + 0u : (*at | 0x20u) - 'a' + 10);
    }
    r->at = at;
    *ret = value;
    return true;
}

/* Behind "\u": four digits, a surrogate pair of two such escapes, or {…}. */
static int unicode_escape(struct regex_reader *r, uint32_t *ret)
{
    uint32_t value = 0, low;
    if (take(r, "{")) {
        size_t digits = 0;
        for (uint32_t digit; hex_digits(r, 1, &digit); digits++)
            if ((value = value << 4 | digit) > 0x10FFFF)
                return regex_fail(r, "\\u{…} is beyond U+10FFFF");
        if (!digits || !take(r, "}"))
            return regex_fail(r, "\\u{…} is malformed");
        *ret = value;
        return 0;
    }
    if (!hex_digits(r, 4, &value))
        return regex_fail(r, "\\u needs four hexadecimal digits");
    const uint8_t *back = r->at;
    if (value >= 0xD800 && value <= 0xDBFF && take(r, "\\u") && hex_digits(r, 4, &low)) {
        if (low >= 0xDC00 && low <= 0xDFFF)
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        else
            r->at = back;
    } else {
        r->at = back;
    }
    *ret = value;
    return 0;
}

/* \p{…}: general categories under the names that PCRE2 does not know; scripts and binary properties pass with its spelling. */
static int property_escape(struct regex_reader *r, char p)
{
    static const char *const categories[][2] = {
        {"Letter", "L"}, {"Cased_Letter", "L&"}, {"LC", "L&"}, {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"},
        {"Titlecase_Letter", "Lt"}, {"Modifier_Letter", "Lm"}, {"Other_Letter", "Lo"}, {"Mark", "M"},
        {"Combining_Mark", "M"}, {"Nonspacing_Mark", "Mn"}, {"Spacing_Mark", "Mc"}, {"Enclosing_Mark", "Me"},
        {"Number", "N"}, {"Decimal_Number", "Nd"}, {"digit", "Nd"}, {"Letter_Number", "Nl"}, {"Other_Number", "No"},
        {"Punctuation", "P"}, {"punct", "P"}, {"Connector_Punctuation", "Pc"}, {"Dash_Punctuation", "Pd"},
        {"Open_Punctuation", "Ps"}, {"Close_Punctuation", "Pe"}, {"Initial_Punctuation", "Pi"},
        {"Final_Punctuation", "Pf"}, {"Other_Punctuation", "Po"}, {"Symbol", "S"}, {"Math_Symbol", "Sm"},
        {"Currency_Symbol", "Sc"}, {"Modifier_Symbol", "Sk"}, {"Other_Symbol", "So"}, {"Separator", "Z"},
        {"Space_Separator", "Zs"}, {"Line_Separator", "Zl"}, {"Paragraph_Separator", "Zp"}, {"Other", "C"},
        {"Control", "Cc"}, {"cntrl", "Cc"}, {"Format", "Cf"}, {"Surrogate", "Cs"}, {"Private_Use", "Co"},
        {"Unassigned", "Cn"}};
    if (!take(r, "{"))
        return regex_fail(r, "\\p needs a property in braces");
    const char *prefix = "";
    if (take(r, "Script_Extensions=") || take(r, "scx="))
        prefix = "scx:";
    else if (take(r, "Script=") || take(r, "sc="))
        prefix = "sc:";
    else if (!take(r, "General_Category="))
        take(r, "gc=");
    struct slice name = slice_of(r->at, 0);
    while (is_letter(peek(r)) || is_digit(peek(r)) || peek(r) == '_')
        r->at++, name.len++;
    if (!name.len || name.len > 64 || !take(r, "}"))
        return regex_fail(r, "\\p{…} is malformed");
    const char *known = NULL;
    for (size_t i = 0; !*prefix && i < sizeof categories / sizeof *categories; i++)
        if (slice_is(name, categories[i][0]))
            known = categories[i][1];
    if (slice_is(name, "Assigned")) {
        known = "Cn";
        p = p == 'p' ? 'P' : 'p';
    }
    buffer_printf(r->out, "\\%c{%s%.*s}", p, prefix, known ? (int)strlen(known) : (int)name.len,
                  known ? known : (const char *)name.p);
    return 0;
}

int regex_escape(struct regex_reader *r, bool in_class, uint32_t *ret)
{
    static const char controls[] = "t\tn\nv\vf\fr\r";
    int c = peek(r);
    *ret = REGEX_CLASS;
    if (c < 0)
        return regex_fail(r, "a backslash ends the pattern");
    r->at++;
    const char *control = strchr(controls, c);
    if (c > ' ' && control) {
        *ret = (uint8_t)control[1];
    } else if (c == 'd' || c == 'D' || c == 'w' || c == 'W') {
        buffer_printf(r->out, "\\%c", c);
    } else if (c == 's' || c == 'S') {
        const char *set = c == 's' ? SPACE : NOT_SPACE;
        buffer_printf(r->out, in_class ? "%s" : "[%s]", set);
    } else if (c == 'p' || c == 'P') {
        return property_escape(r, (char)c);
    } else if (c == 'u') {
        return unicode_escape(r, ret);
    } else if (c == 'x') {
        if (!hex_digits(r, 2, ret))
            return regex_fail(r, "\\x needs two hexadecimal digits");
    } else if (c == 'c') {
        if (!is_letter(peek(r)))
            return regex_fail(r, "\\c needs a letter");
        *ret = *r->at++ & 31;
    } else if (c == '0' && !is_digit(peek(r))) {
        *ret = 0;
    } else if (c > ' ' && c < 0x7F && !is_letter(c) && !is_digit(c)) {
        *ret = (uint32_t)c;
    } else {
        return regex_fail(r, "this escape is not in ECMA-262");
    }
    return 0;
}
