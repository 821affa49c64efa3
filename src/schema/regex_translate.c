/* regex_translate: ECMA-262 patterns (section 22.2, with the `u` flag) read strictly and written again for PCRE2. Strict,
 * because what is merely passed on would mean something else there: `(?i)`, `\Q`, `[[:alpha:]]`, `(*VERB)`, possessive
 * quantifiers. The one leniency is that any ASCII punctuation may be escaped, as schemas in the wild do. */
#include "schema/regex.h"

#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"

#define DEPTH 200 /* groups within one another; PCRE2's own limit is 250 */

#define SPACE     "\\t\\n\\x{b}\\f\\r\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
                  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

struct reader {
    const uint8_t *at, *end;
    struct slice whole;
    struct buffer *out;
    const char *why;      /* set by the first failure */
    unsigned n_groups;    /* that capture, in the whole pattern */
    unsigned depth;
    bool is_assertion[DEPTH]; /* of each open group */
    bool repeatable;      /* a quantifier may follow */
};

#define NONE UINT32_MAX /* the character escape was a class */

static int fail(struct reader *r, const char *why)
{
    r->why = why;
    return -SP_EINVALID;
}

static int peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

static bool take(struct reader *r, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static uint32_t next_code_point(struct reader *r)
{
    uint32_t c = *r->at++;
    size_t more = c < 0xC0 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (more)
        c &= 0x3Fu >> more;
    for (; more && r->at < r->end; more--)
        c = c << 6 | (*r->at++ & 0x3F);
    return c;
}

static bool hex_digits(struct reader *r, size_t n, uint32_t *ret)
{
    uint32_t value = 0;
    const uint8_t *at = r->at;
    for (; n; n--, at++) {
        int c = at < r->end ? *at | 0x20 : -1;
        if (is_digit(c))
            value = value << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    r->at = at;
    *ret = value;
    return true;
}

/* Behind "\u": four digits, a surrogate pair of two such escapes, or {…}. */
static int unicode_escape(struct reader *r, uint32_t *ret)
{
    uint32_t value = 0, low;
    if (take(r, "{")) {
        size_t digits = 0;
        for (uint32_t digit; hex_digits(r, 1, &digit); digits++)
            if ((value = value << 4 | digit) > 0x10FFFF)
                return fail(r, "\\u{…} is beyond U+10FFFF");
        if (!digits || !take(r, "}"))
            return fail(r, "\\u{…} is malformed");
        *ret = value;
        return 0;
    }
    if (!hex_digits(r, 4, &value))
        return fail(r, "\\u needs four hexadecimal digits");
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
static int property_escape(struct reader *r, char p)
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
        return fail(r, "\\p needs a property in braces");
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
        return fail(r, "\\p{…} is malformed");
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

/* Behind a backslash, what means the same in a class and outside. A class is written and *ret is NONE. */
static int character_escape(struct reader *r, bool in_class, uint32_t *ret)
{
    static const char controls[] = "t\tn\nv\vf\fr\r";
    int c = peek(r);
    *ret = NONE;
    if (c < 0)
        return fail(r, "a backslash ends the pattern");
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
            return fail(r, "\\x needs two hexadecimal digits");
    } else if (c == 'c') {
        if (!is_letter(peek(r)))
            return fail(r, "\\c needs a letter");
        *ret = *r->at++ & 31;
    } else if (c == '0' && !is_digit(peek(r))) {
        *ret = 0;
    } else if (c > ' ' && c < 0x7F && !is_letter(c) && !is_digit(c)) {
        *ret = (uint32_t)c;
    } else {
        return fail(r, "this escape is not in ECMA-262");
    }
    return 0;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

/* No text holds a lone surrogate, so one matches nothing. */
static void write_character(struct reader *r, uint32_t c)
{
    if (is_surrogate(c))
        buffer_append_text(r->out, "(?!)");
    else if (c < 0x80 && (is_letter((int)c) || is_digit((int)c)))
        buffer_append_byte(r->out, (uint8_t)c);
    else
        buffer_printf(r->out, "\\x{%x}", c);
}

static void write_range(struct reader *r, uint32_t low, uint32_t high)
{
    if (is_surrogate(low))
        low = 0xE000;
    if (is_surrogate(high))
        high = 0xD7FF;
    if (low < high)
        buffer_printf(r->out, "\\x{%x}-\\x{%x}", low, high);
    else if (low == high)
        buffer_printf(r->out, "\\x{%x}", low);
}

static int class_atom(struct reader *r, uint32_t *ret)
{
    if (peek(r) < 0)
        return fail(r, "a character class is not closed");
    if (!take(r, "\\")) {
        *ret = next_code_point(r);
        return 0;
    }
    if (take(r, "b")) {
        *ret = '\b';
        return 0;
    }
    return character_escape(r, true, ret);
}

static int class(struct reader *r)
{
    bool negated = take(r, "^");
    size_t start = r->out->len;
    buffer_append_text(r->out, negated ? "[^" : "[");
    size_t empty = r->out->len;
    while (!take(r, "]")) {
        uint32_t low, high;
        if (class_atom(r, &low) < 0)
            return -SP_EINVALID;
        if (peek(r) != '-' || r->end - r->at < 2 || r->at[1] == ']') {
            if (low != NONE)
                write_range(r, low, low);
            continue;
        }
        r->at++;
        if (class_atom(r, &high) < 0)
            return -SP_EINVALID;
        if (low == NONE || high == NONE || low > high)
            return fail(r, "a range in a character class is out of order");
        write_range(r, low, high);
    }
    if (r->out->len > empty) {
        buffer_append_byte(r->out, ']');
    } else {
        buffer_truncate(r->out, start);
        buffer_append_text(r->out, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
    }
    r->repeatable = true;
    return 0;
}

static int group_open(struct reader *r)
{
    static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
    if (r->depth == DEPTH)
        return fail(r, "the groups are nested too deeply");
    buffer_append_byte(r->out, '(');
    r->is_assertion[r->depth] = false;
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && !take(r, kinds[i]))
        i++;
    if (i < sizeof kinds / sizeof *kinds) {
        buffer_append_text(r->out, kinds[i]);
        r->is_assertion[r->depth] = i > 0;
    } else if (take(r, "?")) {
        const uint8_t *start = r->at;
        if (!take(r, "<") || is_digit(peek(r)))
            return fail(r, "this kind of group is not in ECMA-262");
        while (is_letter(peek(r)) || is_digit(peek(r)) || peek(r) == '_')
            r->at++;
        if (r->at == start + 1 || !take(r, ">"))
            return fail(r, "a group's name is malformed");
        buffer_append_byte(r->out, '?');
        buffer_append(r->out, start, (size_t)(r->at - start));
    }
    r->depth++;
    r->repeatable = false;
    return 0;
}

static bool has_group(const struct reader *r, struct slice name)
{
    for (size_t i = 0; i + name.len + 4 <= r->whole.len; i++) {
        struct slice rest = slice_of(r->whole.p + i, r->whole.len - i);
        if (slice_starts(rest, "(?<") && memcmp(rest.p + 3, name.p, name.len) == 0 && rest.p[3 + name.len] == '>')
            return true;
    }
    return false;
}

static unsigned count_groups(struct slice pattern)
{
    unsigned n = 0;
    bool in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.p[i];
        struct slice rest = slice_of(pattern.p + i + 1, pattern.len - i - 1);
        if (c == '\\')
            i++;
        else if (c == '[' || c == ']')
            in_class = c == '[';
        else if (c == '(' && !in_class)
            n += !slice_starts(rest, "?") ||
                 (slice_starts(rest, "?<") && !slice_starts(rest, "?<=") && !slice_starts(rest, "?<!"));
    }
    return n;
}

static int backslash(struct reader *r)
{
    int c = peek(r);
    r->repeatable = true;
    if (c == 'b' || c == 'B') {
        r->at++;
        buffer_printf(r->out, "\\%c", c);
        r->repeatable = false;
        return 0;
    }
    if (c >= '1' && c <= '9') {
        unsigned n = 0;
        while (is_digit(peek(r)) && n < 100000)
            n = n * 10 + (unsigned)(*r->at++ - '0');
        if (n > r->n_groups)
            return fail(r, "a back-reference names a group that is not there");
        return buffer_printf(r->out, "\\g{%u}", n);
    }
    if (take(r, "k<")) {
        struct slice name = slice_of(r->at, 0);
        while (is_letter(peek(r)) || is_digit(peek(r)) || peek(r) == '_')
            r->at++, name.len++;
        if (!take(r, ">") || !has_group(r, name))
            return fail(r, "a back-reference names a group that is not there");
        return buffer_printf(r->out, "\\k<%.*s>", SLICE_ARGS(name));
    }
    uint32_t literal;
    if (character_escape(r, false, &literal) < 0)
        return -SP_EINVALID;
    if (literal != NONE)
        write_character(r, literal);
    return 0;
}

/* {n}, {n,} or {n,m}, behind the brace. */
static int braces(struct reader *r)
{
    unsigned long bounds[2] = {0, 0};
    bool has[2] = {false, false}, comma = false;
    for (int i = 0; i < 2; i++) {
        for (; is_digit(peek(r)); r->at++, has[i] = true)
            if (bounds[i] < 1000000000)
                bounds[i] = bounds[i] * 10 + (unsigned long)(*r->at - '0');
        if (i == 0 && !(comma = take(r, ",")))
            break;
    }
    if (!has[0] || !take(r, "}"))
        return fail(r, "a brace is neither escaped nor a quantifier");
    if (has[1] && bounds[1] < bounds[0])
        return fail(r, "a quantifier's bounds are out of order");
    buffer_printf(r->out, "{%lu%s", bounds[0], comma ? "," : "");
    if (has[1])
        buffer_printf(r->out, "%lu", bounds[1]);
    return buffer_append_byte(r->out, '}');
}

static int quantifier(struct reader *r, int c)
{
    if (!r->repeatable)
        return fail(r, "there is nothing to repeat");
    if (c == '{') {
        int e = braces(r);
        if (e < 0)
            return e;
    } else {
        buffer_append_byte(r->out, (uint8_t)c);
    }
    if (take(r, "?"))
        buffer_append_byte(r->out, '?');
    r->repeatable = false;
    return 0;
}

static int term(struct reader *r)
{
    int c = peek(r);
    if (c >= 0x80) {
        write_character(r, next_code_point(r));
        r->repeatable = true;
        return 0;
    }
    r->at++;
    switch (c) {
    case '\\':
        return backslash(r);
    case '[':
        return class(r);
    case '(':
        return group_open(r);
    case ')':
        if (r->depth == 0)
            return fail(r, "a group is closed that was not opened");
        r->repeatable = !r->is_assertion[--r->depth];
        return buffer_append_byte(r->out, ')');
    case '*':
    case '+':
    case '?':
    case '{':
        return quantifier(r, c);
    case '|':
    case '^':
    case '$':
        r->repeatable = false;
        return buffer_append_byte(r->out, (uint8_t)c);
    case ']':
    case '}':
        return fail(r, "a closing bracket is not escaped");
    case '.':
        buffer_append_text(r->out, "[^\\n\\r\\x{2028}\\x{2029}]");
        break;
    default:
        write_character(r, (uint32_t)c);
    }
    r->repeatable = true;
    return 0;
}

int regex_translate(struct slice pattern, struct buffer *out, char ret_why[REGEX_WHY])
{
    struct reader r = {.at = pattern.p, .end = pattern.p + pattern.len, .whole = pattern, .out = out};
    if (pattern.len > LIMIT_SCHEMA_PATTERN / 8) {
        snprintf(ret_why, REGEX_WHY, "it is too long");
        return -SP_EINVALID;
    }
    r.n_groups = count_groups(pattern);
    int e = 0;
    while (e >= 0 && r.at < r.end && !buffer_error(out))
        e = term(&r);
    if (e >= 0)
        e = buffer_error(out); /* the pattern was not read to its end */
    if (e == -SP_ELIMIT)
        e = fail(&r, "it is too long");
    if (e == 0 && r.depth)
        e = fail(&r, "a group is not closed");
    if (e == -SP_EINVALID)
        snprintf(ret_why, REGEX_WHY, "%s", r.why);
    return e;
}
