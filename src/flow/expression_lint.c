/* expression_lint: walks an expression's tokens and refuses what it must not name.
 *
 * What must hold [I7]: after a 0 the text calls no function of FLOW_FORBIDDEN_FUNCTIONS, has no module directive, names no
 * variable of ours (`$__…`), and each other variable is in scope or bound in the text. A name that only looks like one (a
 * field, a key, a string) passes. jq decides about the rest when it compiles. Called by template.c and program.c. */
#include "flow/expression_lint.h"

#include "base/error.h"
#include "flow/lexer.h"

struct walk {
    struct flow_lexer lexer;
    struct flow_lint *lint;
    struct flow_token token, next;
    struct flow_token before; /* the token before `token` */
    struct slice bound[FLOW_BOUND_NAMES], defined[FLOW_BOUND_NAMES];
    unsigned n_bound, n_defined;
    bool in_pattern, in_parameters; /* between `as` and the pattern's end; in the parentheses after `def f` */
    unsigned pattern_depth, parameters_depth;
    char open; /* innermost bracket at `token` */
    unsigned depth;
    unsigned n_tokens;
};

static const struct {
    const char *name, *hint;
} forbidden[] = {
#define D(name, arity, hint) {name, hint},
    FLOW_FORBIDDEN_FUNCTIONS(D)
#undef D
};

static int fail_at(const struct walk *w, int code, struct diag *reterr)
{
    flow_text_place(w->lexer.text, w->token.at, reterr);
    return code;
}

static bool has_name(const struct slice *names, unsigned n, struct slice name)
{
    for (unsigned i = 0; i < n; i++)
        if (slice_equal(names[i], name))
            return true;
    return false;
}

static int add_name(const struct walk *w, struct slice *names, unsigned *n, struct slice name, struct diag *reterr)
{
    if (has_name(names, *n, name))
        return 0;
    if (*n == FLOW_BOUND_NAMES) {
        diag_set(reterr, -SP_ELIMIT, "more than %d names in one expression", FLOW_BOUND_NAMES);
        return fail_at(w, -SP_ELIMIT, reterr);
    }
    names[(*n)++] = name;
    return 0;
}

static bool mark_used(struct flow_lint *lint, struct slice name)
{
    for (size_t i = 0; lint->scope && lint->scope[i]; i++) {
        if (slice_is(name, lint->scope[i])) {
            lint->uses[i] = true;
            return true;
        }
    }
    return false;
}

static int unknown_variable(const struct walk *w, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer names = BUFFER_MAX(400);
    for (size_t i = 0; w->lint->scope && w->lint->scope[i]; i++)
        buffer_printf(&names, "%s$%s", i ? ", " : "", w->lint->scope[i]);
    diag_set(reterr, -SP_EINVALID, "`$%.*s` is not defined here", (int)(w->token.text.len > 80 ? 80 : w->token.text.len),
             (const char *)w->token.text.p);
    names.error = 0;
    if (names.len)
        diag_hint(reterr, "in scope are %s", buffer_text(&names));
    else
        diag_hint(reterr, "no variable is in scope here; the data is `.`");
    return fail_at(w, -SP_EINVALID, reterr);
}

static int check_variable(struct walk *w, struct diag *reterr)
{
    struct slice name = w->token.text;
    if (w->before.kind == FLOW_TOKEN_IDENT && (slice_is(w->before.text, "label") || slice_is(w->before.text, "break")))
        return 0;
    if (slice_starts(name, "__") || slice_is(name, "ENV")) {
        diag_set(reterr, -SP_EINVALID, "`$%.*s` is not available in expressions", (int)(name.len > 80 ? 80 : name.len),
                 (const char *)name.p);
        diag_hint(reterr, "expressions see neither the environment nor the server");
        return fail_at(w, -SP_EINVALID, reterr);
    }
    if (flow_text_is_keyword(name)) {
        diag_set(reterr, -SP_EINVALID, "a variable cannot be named `%.*s`, a word of the language", SLICE_ARGS(name));
        return fail_at(w, -SP_EINVALID, reterr);
    }
    bool in_scope = mark_used(w->lint, name);
    if (w->in_pattern || w->in_parameters)
        return add_name(w, w->bound, &w->n_bound, name, reterr);
    if (in_scope || has_name(w->bound, w->n_bound, name))
        return 0;
    return unknown_variable(w, reterr);
}

static bool is_word(const struct flow_token *token, const char *word)
{
    return token->kind == FLOW_TOKEN_IDENT && slice_is(token->text, word);
}

static bool is_operator(const struct flow_token *token, const char *text)
{
    return token->kind == FLOW_TOKEN_OPERATOR && slice_is(token->text, text);
}

/* `{input: 1}`, `{input}` and `{a, input}`: a key, not a call. */
static bool is_key(const struct walk *w)
{
    if (w->token.before_colon)
        return !is_word(&w->before, "def");
    bool begins = w->open == '{' && ((w->before.kind == FLOW_TOKEN_OPEN && slice_is(w->before.text, "{")) || is_operator(&w->before, ","));
    return begins && (is_operator(&w->next, ",") || (w->next.kind == FLOW_TOKEN_CLOSE && slice_is(w->next.text, "}")));
}

static int refuse_function(const struct walk *w, const char *hint, struct diag *reterr)
{
    diag_set(reterr, -SP_EINVALID, "`%.*s` is not available in expressions",
             (int)(w->token.text.len > 80 ? 80 : w->token.text.len), (const char *)w->token.text.p);
    diag_hint(reterr, "%s", hint);
    return fail_at(w, -SP_EINVALID, reterr);
}

static int check_function(struct walk *w, struct diag *reterr)
{
    struct slice name = w->token.text;
    if (slice_starts(name, "__"))
        return refuse_function(w, "names that begin with `__` are the server's own", reterr);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (slice_is(name, forbidden[i].name))
            return refuse_function(w, forbidden[i].hint, reterr);
    if (is_word(&w->before, "def")) {
        w->in_parameters = w->next.kind == FLOW_TOKEN_OPEN;
        w->parameters_depth = w->depth;
    }
    if (is_word(&w->before, "def") || w->in_parameters)
        return add_name(w, w->defined, &w->n_defined, name, reterr);
    if (w->lint->is_function && !has_name(w->defined, w->n_defined, name) && !has_name(w->bound, w->n_bound, name) &&
        !w->lint->is_function(name, w->lint->user)) {
        diag_set(reterr, -SP_EINVALID, "there is no function `%.*s`", (int)(name.len > 80 ? 80 : name.len), (const char *)name.p);
        return fail_at(w, -SP_EINVALID, reterr);
    }
    return 0;
}

static int check_ident(struct walk *w, struct diag *reterr)
{
    struct slice name = w->token.text;
    if (is_key(w))
        return 0;
    if (slice_is(name, "import") || slice_is(name, "include") || slice_is(name, "module"))
        return refuse_function(w, "there are no modules; put what is shared into `use.functions`", reterr);
    if (slice_is(name, "as")) {
        w->in_pattern = true;
        w->pattern_depth = w->depth;
        return 0;
    }
    return flow_text_is_keyword(name) && !slice_starts(name, "__") ? 0 : check_function(w, reterr);
}

/* A pattern ends after its variable or closing bracket, unless `?//` gives another one. */
static void end_pattern(struct walk *w)
{
    bool complete = w->depth == w->pattern_depth && (w->token.kind == FLOW_TOKEN_VARIABLE || w->token.kind == FLOW_TOKEN_CLOSE);
    if (w->in_pattern && complete && !is_operator(&w->next, "?//"))
        w->in_pattern = false;
    if (w->in_parameters && w->depth == w->parameters_depth && w->token.kind == FLOW_TOKEN_CLOSE)
        w->in_parameters = false;
}

static int check_token(struct walk *w, struct diag *reterr)
{
    int r = 0;
    if (w->token.kind == FLOW_TOKEN_VARIABLE)
        r = check_variable(w, reterr);
    else if (w->token.kind == FLOW_TOKEN_IDENT)
        r = check_ident(w, reterr);
    if (r == 0)
        end_pattern(w);
    return r;
}

int flow_expression_lint(struct slice text, struct flow_lint *lint, struct diag *reterr)
{
    struct walk w = {.lint = lint};
    int r = flow_lexer_begin(&w.lexer, text, reterr);
    if (r == 0)
        r = flow_lexer_next(&w.lexer, &w.next, reterr);
    for (; r == 0 && w.next.kind != FLOW_TOKEN_END; w.n_tokens++) {
        w.before = w.token;
        w.token = w.next;
        w.open = flow_lexer_open(&w.lexer);
        w.depth = w.lexer.depth;
        r = flow_lexer_next(&w.lexer, &w.next, reterr);
        if (r == 0)
            r = check_token(&w, reterr);
    }
    if (r == 0 && w.n_tokens == 0)
        return diag_set(reterr, -SP_ESYNTAX, "the expression is empty");
    return r;
}
