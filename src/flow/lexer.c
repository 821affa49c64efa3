/* lexer: cuts an expression into the tokens that jq would see.
 *
 * What must hold: a text that this accepts is cut by jq into the same strings, comments and brackets, and its brackets
 * match. Then no text can close the parentheses that program.c puts around it, and every function's name is seen by
 * expression_lint.c. Where jq 1.6, 1.7 and 1.8 read a text differently, it is refused.
 * Called by expression_lint.c and template.c alone. */
#include "flow/lexer.h"

#include <stdarg.h>

#include "base/error.h"

static bool is_word_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return is_word_start(c) || is_digit(c);
}

void flow_text_place(struct slice text, size_t at, struct diag *diag)
{
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        } else if ((text.p[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    diag_place(diag, line, column);
}

[[gnu::format(printf, 5, 6)]] static int fail(const struct flow_lexer *lexer, size_t at, int code, struct diag *reterr,
                                              const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_set(reterr, code, "%s", text);
    flow_text_place(lexer->text, at, reterr);
    return code;
}

bool flow_text_is_keyword(struct slice word)
{
    static const char *const keywords[] = {
        "__loc__", "and",    "as",      "break", "catch", "def", "elif", "else", "end", "foreach", "if",
        "import",  "include", "label",  "module", "or",   "reduce", "then", "try",
    };
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (slice_is(word, keywords[i]))
            return true;
    return false;
}

int flow_lexer_begin(struct flow_lexer *lexer, struct slice text, struct diag *reterr)
{
    lexer->text = text;
    lexer->at = 0;
    lexer->depth = 0;
    lexer->in_string = false;
    if (text.len > LIMIT_EXPRESSION)
        return diag_set(reterr, -SP_ELIMIT, "the expression is longer than %d bytes", LIMIT_EXPRESSION);
    if (!slice_is_utf8(text))
        return diag_set(reterr, -SP_ESYNTAX, "the expression is not well-formed UTF-8");
    for (size_t i = 0; i < text.len; i++)
        if ((text.p[i] < 0x20 && text.p[i] != '\n' && text.p[i] != '\t') || text.p[i] == 0x7F)
            return fail(lexer, i, -SP_ESYNTAX, reterr, "control character U+%04X in an expression", text.p[i]);
    return 0;
}

char flow_lexer_open(const struct flow_lexer *lexer)
{
    return lexer->depth ? lexer->open[lexer->depth - 1] : 0;
}

static int open_bracket(struct flow_lexer *lexer, char kind, struct diag *reterr)
{
    if (lexer->depth == FLOW_LEXER_DEPTH)
        return fail(lexer, lexer->at, -SP_ELIMIT, reterr, "more than %d brackets within one another", FLOW_LEXER_DEPTH);
    lexer->open[lexer->depth++] = kind;
    return 0;
}

static int close_bracket(struct flow_lexer *lexer, char closing, size_t at, struct diag *reterr)
{
    char open = flow_lexer_open(lexer);
    bool fits = (closing == ')' && (open == '(' || open == '"')) || (closing == ']' && open == '[') ||
                (closing == '}' && open == '{') || (closing == 'e' && open == 'i');
    if (!fits)
        return fail(lexer, at, -SP_ESYNTAX, reterr, closing == 'e' ? "`end` without its `if`" : "`%c` without its opening bracket",
                    closing);
    lexer->depth--;
    /* After the `)` of an interpolation its string goes on. */
    lexer->in_string = open == '"';
    return 0;
}

/* Skips white space and comments. jq 1.7 lets a comment that ends in a backslash go on in the next line, 1.6 does not. */
static int skip_blank(struct flow_lexer *lexer, struct diag *reterr)
{
    struct slice t = lexer->text;
    for (;;) {
        while (lexer->at < t.len && (t.p[lexer->at] == ' ' || t.p[lexer->at] == '\n' || t.p[lexer->at] == '\t'))
            lexer->at++;
        if (lexer->at == t.len || t.p[lexer->at] != '#')
            return 0;
        while (lexer->at < t.len && t.p[lexer->at] != '\n')
            lexer->at++;
        if (t.p[lexer->at - 1] == '\\')
            return fail(lexer, lexer->at - 1, -SP_ESYNTAX, reterr, "a comment must not end in a backslash");
    }
}

/* The length of the escape at `at`, 0 if it is none that JSON knows. */
static size_t escape_len(struct slice t, size_t at)
{
    if (at + 1 >= t.len)
        return 0;
    if (t.p[at + 1] != 'u')
        return strchr("\"\\/bfnrt", t.p[at + 1]) ? 2 : 0;
    if (at + 6 > t.len)
        return 0;
    for (size_t i = at + 2; i < at + 6; i++)
        if (!is_digit(t.p[i]) && !((t.p[i] | 32) >= 'a' && (t.p[i] | 32) <= 'f'))
            return 0;
    return 6;
}

/* A string's text from `at` to its end or to an interpolation. */
static int read_string(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    struct slice t = lexer->text;
    size_t start = lexer->at;
    lexer->in_string = false;
    ret->kind = FLOW_TOKEN_STRING;
    while (lexer->at < t.len) {
        uint8_t c = t.p[lexer->at];
        if (c == '"') {
            ret->text = slice_of(t.p + start, lexer->at++ - start);
            return 0;
        }
        if (c == '\\' && lexer->at + 1 < t.len && t.p[lexer->at + 1] == '(') {
            ret->text = slice_of(t.p + start, lexer->at - start);
            lexer->at += 2;
            return open_bracket(lexer, '"', reterr);
        }
        size_t n = c == '\\' ? escape_len(t, lexer->at) : 1;
        if (n == 0)
            return fail(lexer, lexer->at, -SP_ESYNTAX, reterr, "this escape is not one of JSON's");
        lexer->at += n;
    }
    return fail(lexer, ret->at, -SP_ESYNTAX, reterr, "the string has no end");
}

static size_t digits(struct slice t, size_t at)
{
    size_t n = 0;
    while (at + n < t.len && is_digit(t.p[at + n]))
        n++;
    return n;
}

/* A number is bounded: an exponent of many digits makes jq 1.7's decimal arithmetic work for minutes. */
static int read_number(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    struct slice t = lexer->text;
    size_t at = lexer->at + digits(t, lexer->at), exponent = 0;
    if (at < t.len && t.p[at] == '.')
        at += 1 + digits(t, at + 1);
    if (at < t.len && (t.p[at] | 32) == 'e') {
        size_t sign = at + 1 < t.len && (t.p[at + 1] == '+' || t.p[at + 1] == '-');
        exponent = digits(t, at + 1 + sign);
        at += exponent ? 1 + sign + exponent : 0;
    }
    if (exponent > 3 || at - lexer->at > 100)
        return fail(lexer, lexer->at, -SP_ELIMIT, reterr, "the number has too many digits");
    ret->kind = FLOW_TOKEN_NUMBER;
    lexer->at = at;
    return 0;
}

static void read_word(struct flow_lexer *lexer)
{
    while (lexer->at < lexer->text.len && is_word(lexer->text.p[lexer->at]))
        lexer->at++;
}

/* A word before a colon is a key (or the name after `def`), never a call. Other `if` and `end` count as brackets: between
 * them a comma does not part the members of an object. */
static int end_ident(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    int r = skip_blank(lexer, reterr);
    if (r < 0)
        return r;
    ret->before_colon = lexer->at < lexer->text.len && lexer->text.p[lexer->at] == ':';
    if (ret->before_colon)
        return 0;
    if (slice_is(ret->text, "if"))
        return open_bracket(lexer, 'i', reterr);
    if (slice_is(ret->text, "end"))
        return close_bracket(lexer, 'e', ret->at, reterr);
    return 0;
}

static int read_variable(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    lexer->at++;
    size_t start = lexer->at;
    if (start < lexer->text.len && is_word_start(lexer->text.p[start]))
        read_word(lexer);
    if (lexer->at == start)
        return fail(lexer, ret->at, -SP_ESYNTAX, reterr, "a variable's name must follow the `$`");
    ret->kind = FLOW_TOKEN_VARIABLE;
    ret->text = slice_of(lexer->text.p + start, lexer->at - start);
    return 0;
}

static int read_operator(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    /* Longest first, as flex does it. */
    static const char *const operators[] = {"?//", "//=", "//", "==", "!=", "<=", ">=", "|=", "+=", "-=", "*=", "/=", "%=", "..",
                                            ".",   "?",   "=",  ";",  ",",  ":",  "|",  "+",  "-",  "*",  "/",  "%",  "<",  ">"};
    struct slice rest = slice_of(lexer->text.p + lexer->at, lexer->text.len - lexer->at);
    if (slice_starts(rest, "::"))
        return fail(lexer, ret->at, -SP_EINVALID, reterr, "expressions have no modules");
    ret->kind = FLOW_TOKEN_OPERATOR;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (slice_starts(rest, operators[i])) {
            lexer->at += strlen(operators[i]);
            return 0;
        }
    }
    if (rest.p[0] >= 0x80)
        return fail(lexer, ret->at, -SP_ESYNTAX, reterr, "letters beyond ASCII must stand in a string");
    return fail(lexer, ret->at, -SP_ESYNTAX, reterr, "`%c` has no meaning here", rest.p[0]);
}

static int read_bracket(struct flow_lexer *lexer, struct flow_token *ret, uint8_t c, struct diag *reterr)
{
    bool opens = c == '(' || c == '[' || c == '{';
    lexer->at++;
    ret->kind = opens ? FLOW_TOKEN_OPEN : FLOW_TOKEN_CLOSE;
    return opens ? open_bracket(lexer, (char)c, reterr) : close_bracket(lexer, (char)c, ret->at, reterr);
}

static int read_token(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    struct slice t = lexer->text;
    uint8_t c = t.p[lexer->at], next = lexer->at + 1 < t.len ? t.p[lexer->at + 1] : 0;
    if (c == '"') {
        lexer->at++;
        return read_string(lexer, ret, reterr);
    }
    if (strchr("()[]{}", c))
        return read_bracket(lexer, ret, c, reterr);
    if (is_word_start(c)) {
        read_word(lexer);
        ret->kind = FLOW_TOKEN_IDENT;
        return 0;
    }
    if (c == '$')
        return read_variable(lexer, ret, reterr);
    if (is_digit(c) || (c == '.' && is_digit(next)))
        return read_number(lexer, ret, reterr);
    if ((c == '.' && is_word_start(next)) || (c == '@' && is_word(next))) {
        lexer->at++;
        read_word(lexer);
        ret->kind = c == '.' ? FLOW_TOKEN_FIELD : FLOW_TOKEN_FORMAT;
        return 0;
    }
    return read_operator(lexer, ret, reterr);
}

static int read_end(struct flow_lexer *lexer, struct diag *reterr)
{
    static const char *const names[] = {['('] = "a `(`", ['['] = "a `[`", ['{'] = "a `{`", ['"'] = "an interpolation `\\(`", ['i'] = "an `if`"};
    if (lexer->depth == 0)
        return 0;
    return fail(lexer, lexer->text.len, -SP_ESYNTAX, reterr, "%s is not closed", names[(unsigned char)flow_lexer_open(lexer)]);
}

int flow_lexer_next(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr)
{
    *ret = (struct flow_token){.at = lexer->at};
    if (lexer->in_string)
        return read_string(lexer, ret, reterr);
    int r = skip_blank(lexer, reterr);
    if (r < 0)
        return r;
    ret->at = lexer->at;
    if (lexer->at == lexer->text.len)
        return read_end(lexer, reterr);
    r = read_token(lexer, ret, reterr);
    if (r < 0)
        return r;
    if (!ret->text.p)
        ret->text = slice_of(lexer->text.p + ret->at, lexer->at - ret->at);
    return ret->kind == FLOW_TOKEN_IDENT ? end_ident(lexer, ret, reterr) : 0;
}
