/* regex_translate: ECMA-262 patterns (section 22.2, with the `u` flag) read strictly and written again for PCRE2. Strict,
 * because what is merely passed on would mean something else there: `(?i)`, `\Q`, `[[:alpha:]]`, `(*VERB)`, possessive
 * quantifiers. The one leniency is that any ASCII punctuation may be escaped, as schemas in the wild do. */
#include "schema/regex.h"

#include <stdio.h>

#include "base/limits.h"
#include "schema/format_text.h"
#include "schema/regex_reader.h"

static uint32_t next_code_point(struct regex_reader *r)
{
    struct slice rest = slice_of(r->at, (size_t)(r->end - r->at));
    uint32_t c = text_next(&rest);
    r->at = rest.p;
    return c;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

/* No text holds a lone surrogate, so one matches nothing. */
static void write_character(struct regex_reader *r, uint32_t c)
{
    if (is_surrogate(c))
        buffer_append_text(r->out, "(?!)");
    else if (c < 0x80 && (is_letter((int)c) || is_digit((int)c)))
        buffer_append_byte(r->out, (uint8_t)c);
    else
        buffer_printf(r->out, "\\x{%x}", c);
}

static void write_range(struct regex_reader *r, uint32_t low, uint32_t high)
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

static int class_atom(struct regex_reader *r, uint32_t *ret)
{
    if (peek(r) < 0)
        return regex_fail(r, "a character class is not closed");
    if (!take(r, "\\")) {
        *ret = next_code_point(r);
        return 0;
    }
    if (take(r, "b")) {
        *ret = '\b';
        return 0;
    }
    return regex_escape(r, true, ret);
}

static int class(struct regex_reader *r)
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
            if (low != REGEX_CLASS)
                write_range(r, low, low);
            continue;
        }
        r->at++;
        if (class_atom(r, &high) < 0)
            return -SP_EINVALID;
        if (low == REGEX_CLASS || high == REGEX_CLASS || low > high)
            return regex_fail(r, "a range in a character class is out of order");
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

static int group_open(struct regex_reader *r)
{
    static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
    if (r->depth == REGEX_DEPTH)
        return regex_fail(r, "the groups are nested too deeply");
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
            return regex_fail(r, "this kind of group is not in ECMA-262");
        while (is_letter(peek(r)) || is_digit(peek(r)) || peek(r) == '_')
            r->at++;
        if (r->at == start + 1 || !take(r, ">"))
            return regex_fail(r, "a group's name is malformed");
        buffer_append_byte(r->out, '?');
        buffer_append(r->out, start, (size_t)(r->at - start));
    }
    r->depth++;
    r->repeatable = false;
    return 0;
}

static bool has_group(const struct regex_reader *r, struct slice name)
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

static int backslash(struct regex_reader *r)
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
            return regex_fail(r, "a back-reference names a group that is not there");
        return buffer_printf(r->out, "\\g{%u}", n);
    }
    if (take(r, "k<")) {
        struct slice name = slice_of(r->at, 0);
        while (is_letter(peek(r)) || is_digit(peek(r)) || peek(r) == '_')
            r->at++, name.len++;
        if (!take(r, ">") || !has_group(r, name))
            return regex_fail(r, "a back-reference names a group that is not there");
        return buffer_printf(r->out, "\\k<%.*s>", SLICE_ARGS(name));
    }
    uint32_t literal;
    if (regex_escape(r, false, &literal) < 0)
        return -SP_EINVALID;
    if (literal != REGEX_CLASS)
        write_character(r, literal);
    return 0;
}

/* {n}, {n,} or {n,m}, behind the brace. */
static int braces(struct regex_reader *r)
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
        return regex_fail(r, "a brace is neither escaped nor a quantifier");
    if (has[1] && bounds[1] < bounds[0])
        return regex_fail(r, "a quantifier's bounds are out of order");
    buffer_printf(r->out, "{%lu%s", bounds[0], comma ? "," : "");
    if (has[1])
        buffer_printf(r->out, "%lu", bounds[1]);
    return buffer_append_byte(r->out, '}');
}

static int quantifier(struct regex_reader *r, int c)
{
    if (!r->repeatable)
        return regex_fail(r, "there is nothing to repeat");
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

static int term(struct regex_reader *r)
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
            return regex_fail(r, "a group is closed that was not opened");
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
        return regex_fail(r, "a closing bracket is not escaped");
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
    struct regex_reader r = {.at = pattern.p, .end = pattern.p + pattern.len, .whole = pattern, .out = out};
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
        e = regex_fail(&r, "it is too long");
    if (e == 0 && r.depth)
        e = regex_fail(&r, "a group is not closed");
    if (e == -SP_EINVALID)
        snprintf(ret_why, REGEX_WHY, "%s", r.why);
    return e;
}
