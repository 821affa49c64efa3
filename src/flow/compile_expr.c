/* compile_expr: expressions, templates, durations and schemas of a definition. All expressions go into the
 * one program; each is also read here to note which variables it names, so that a run builds only those.
 * Called by the other compile_*.c files. What must hold: only text of the definition becomes an expression
 * [I9]. */
#include "base/error.h"
#include "base/id.h"
#include "flow/compile.h"
#include "flow/duration.h"
#include "flow/lexer.h"

static const char *const variable_names[] = {
#define V(NAME, name) [VARIABLE_##NAME] = name,
    FLOW_VARIABLES(V)
#undef V
};

/* The variables in scope, as the program wants them. `storage` keeps the copies of our own names. */
struct scope {
    const char *names[VARIABLE_COUNT + COMPILE_OWN_MAX + 1];
    char storage[COMPILE_OWN_MAX][LIMIT_NAME + 1];
};

static void scope_fill(const struct compiler *c, unsigned bits, struct scope *s)
{
    unsigned n = 0;
    for (unsigned v = 0; v < VARIABLE_COUNT; v++)
        if (bits & 1u << v)
            s->names[n++] = variable_names[v];
    for (unsigned i = 0; i < c->n_own; i++) {
        size_t len = c->own[i].len > LIMIT_NAME ? LIMIT_NAME : c->own[i].len;
        memcpy(s->storage[i], c->own[i].p, len);
        s->storage[i][len] = 0;
        bool is_known = false;
        for (unsigned j = 0; j < n; j++)
            is_known = is_known || strcmp(s->names[j], s->storage[i]) == 0;
        if (!is_known)
            s->names[n++] = s->storage[i];
    }
    s->names[n] = NULL;
}

void compile_secret(struct compiler *c, struct slice name)
{
    jv secrets = c->d->secrets;
    if (is_kind(secrets, JV_KIND_ARRAY))
        for (int i = 0, n = jv_array_length(jv_copy(secrets)); i < n; i++)
            if (slice_equal(text_of(peek_item(secrets, i)), name))
                return;
    complain(c, "undeclared-secret", "declare it: use: { secrets: [ NAME ] }",
             "the secret `%.*s` is not declared in `use.secrets`", name.len > 100 ? 100 : (int)name.len,
             (const char *)name.p);
}

/* `$secrets.NAME` and `$secrets["NAME"]`: follows the tokens after `$secrets`. */
static void see_token(struct compiler *c, const struct flow_token *t, unsigned *state)
{
    if (*state == 1 && t->kind == FLOW_TOKEN_FIELD) {
        struct slice name = t->text;
        while (name.len && (name.p[0] == '.' || name.p[0] == ' '))
            name = slice_of(name.p + 1, name.len - 1);
        compile_secret(c, name);
        *state = 0;
    } else if (*state == 1 && t->kind == FLOW_TOKEN_OPEN && slice_is(t->text, "[")) {
        *state = 2;
    } else if (*state == 2 && t->kind == FLOW_TOKEN_STRING && t->text.len && name_is_credential(t->text)) {
        compile_secret(c, t->text);
        *state = 0;
    } else {
        *state = t->kind == FLOW_TOKEN_VARIABLE && slice_is(t->text, "secrets");
    }
}

/* Which variables the text names. A text that jq would not take gives nothing: adding it tells why. */
static unsigned find_uses(struct compiler *c, struct slice text)
{
    struct flow_lexer lexer;
    struct flow_token t;
    unsigned uses = 0, state = 0;
    if (flow_lexer_begin(&lexer, text, NULL) < 0)
        return 0;
    while (flow_lexer_next(&lexer, &t, NULL) >= 0 && t.kind != FLOW_TOKEN_END) {
        see_token(c, &t, &state);
        if (t.kind != FLOW_TOKEN_VARIABLE)
            continue;
        for (unsigned v = 0; v < VARIABLE_COUNT; v++)
            if (slice_is(t.text, variable_names[v]))
                uses |= 1u << v;
        for (unsigned i = 0; i < c->n_own; i++)
            if (slice_equal(t.text, c->own[i]))
                uses |= USES_OWN;
    }
    return uses;
}

static void complain_expression(struct compiler *c, int code, const struct diag *diag)
{
    const char *rule = code == -SP_ESYNTAX                                 ? "expression-syntax"
                       : strstr(diag->text, "is not defined here") != NULL ? "unknown-variable"
                                                                           : "expression-forbidden";
    size_t mark = c->path.len;
    (void)buffer_append_text(&c->path, diag->pointer);
    complain(c, rule, diag->hint[0] ? diag->hint : NULL, "%s", diag->text);
    leave(c, mark);
}

/* Notes what the program gave for an expression at this place. */
static void keep(struct compiler *c, int index, const struct diag *diag, unsigned uses, struct expr *ret)
{
    if (index == -ENOMEM) {
        c->error = -ENOMEM;
    } else if (index < 0) {
        complain_expression(c, index, diag);
    } else if ((size_t)index < LIMIT_EXPRESSIONS) {
        free(c->pointers[index]);
        c->pointers[index] = strdup(here(c));
        if (!c->pointers[index])
            c->error = -ENOMEM;
        *ret = (struct expr){EXPR_PROGRAM, index, uses, jv_null()};
    }
}

void compile_expression(struct compiler *c, jv v, unsigned scope_bits, struct expr *ret)
{
    if (!is_kind(v, JV_KIND_STRING))
        return; /* the table of properties has complained */
    struct slice text = text_of(v);
    (void)flow_text_is_expression(text, &text);
    struct scope scope;
    struct diag diag = {0};
    scope_fill(c, scope_bits, &scope);
    int index = flow_program_add(c->d->program, text, scope.names, &diag);
    keep(c, index, &diag, find_uses(c, text), ret);
}

/* Reads the strings of a template: notes variables, tells of `${` that nobody evaluates. True if one is an
 * expression. */
static bool see_template(struct compiler *c, jv v, unsigned *uses)
{
    bool found = false;
    if (is_kind(v, JV_KIND_STRING)) {
        struct slice text = text_of(v), inner;
        bool is_whole = flow_text_is_expression(text, &inner);
        if (is_whole || c->d->is_loose)
            *uses |= find_uses(c, is_whole ? inner : text);
        else if (memmem(text.p, text.len, "${", 2))
            advise(c, "expression-not-evaluated",
                   "make the whole text one expression: ${ \"Hello \\(.name)\" }",
                   "`${` stands within a longer text, so it is not evaluated");
        return is_whole || c->d->is_loose;
    }
    if (is_kind(v, JV_KIND_ARRAY))
        for (int i = 0, n = jv_array_length(jv_copy(v)); i < n; i++) {
            size_t mark = enter_item(c, (unsigned)i);
            found = see_template(c, peek_item(v, i), uses) || found;
            leave(c, mark);
        }
    if (is_kind(v, JV_KIND_OBJECT))
        for (int i = jv_object_iter(v); jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
            jv key = jv_object_iter_key(v, i), item = jv_object_iter_value(v, i);
            size_t mark = enter_name(c, text_of(key));
            found = see_template(c, item, uses) || found;
            leave(c, mark);
            jv_free(key);
            jv_free(item);
        }
    return found;
}

void compile_template(struct compiler *c, jv v, unsigned scope_bits, struct expr *ret)
{
    if (is_kind(v, JV_KIND_INVALID))
        return;
    unsigned uses = 0;
    if (!see_template(c, v, &uses)) {
        *ret = (struct expr){EXPR_CONSTANT, 0, 0, jv_copy(v)};
        return;
    }
    struct scope scope;
    struct diag diag = {0};
    scope_fill(c, scope_bits, &scope);
    int index = flow_program_add_template(c->d->program, jv_copy(v), c->d->is_loose, scope.names, &diag);
    keep(c, index, &diag, uses, ret);
}

void compile_transform(struct compiler *c, jv v, unsigned scope, struct expr *ret)
{
    if (is_kind(v, JV_KIND_STRING))
        compile_expression(c, v, scope, ret);
    else
        compile_template(c, v, scope, ret);
}

void compile_timing(struct compiler *c, jv v, unsigned scope, struct timing *ret)
{
    if (is_kind(v, JV_KIND_INVALID) || !check_kind(c, v, P_STRING | P_OBJECT))
        return;
    if (is_kind(v, JV_KIND_STRING) && flow_text_is_expression(text_of(v), NULL)) {
        compile_expression(c, v, scope, &ret->expr);
        if (ret->expr.kind == EXPR_PROGRAM)
            ret->kind = TIMING_EXPR;
        return;
    }
    struct diag diag = {0};
    if (flow_duration_from_jv(jv_copy(v), &ret->ms, &diag) < 0)
        complain(c, "invalid-value", diag.hint[0] ? diag.hint : "write { seconds: 30 } or PT30S", "%s",
                 diag.text);
    else
        ret->kind = TIMING_LITERAL;
}

void compile_schema(struct compiler *c, jv v, struct schema **ret)
{
    static const struct property table[] = {
        {"format", P_STRING, false}, {"document", P_ANY, false}, {"resource", P_OBJECT, false}, {0}};
    if (is_kind(v, JV_KIND_INVALID) || !check_properties(c, v, table, NULL))
        return;
    jv format = property(v, "format", P_STRING), document = peek(v, "document");
    if (!is_kind(peek(v, "resource"), JV_KIND_INVALID)) {
        complain(c, "remote-schema", "put the schema into `document`",
                 "a schema is never fetched from elsewhere");
        return;
    }
    if (is_kind(format, JV_KIND_STRING) && !slice_is(text_of(format), "json") &&
        !slice_starts(text_of(format), "json:"))
        complain(c, "unsupported-schema-format", "use JSON Schema: format: json",
                 "only JSON Schema is supported");
    if (is_kind(document, JV_KIND_INVALID)) {
        complain(c, "missing-property", NULL, "the property `document` is missing");
        return;
    }
    size_t mark = enter(c, "document");
    struct diag diag = {0};
    int r = schema_compile(jv_copy(document), NULL, ret, &diag);
    if (r == -ENOMEM)
        c->error = r;
    (void)buffer_append_text(&c->path, r < 0 ? diag.pointer : "");
    if (r < 0)
        complain(c, "invalid-schema", diag.hint[0] ? diag.hint : NULL, "%s", diag.text);
    leave(c, mark);
}

void compile_own(struct compiler *c, struct slice name)
{
    bool is_word = name.len > 0 && name.len <= LIMIT_NAME && !(name.p[0] >= '0' && name.p[0] <= '9');
    for (size_t i = 0; i < name.len; i++)
        is_word = is_word && (name.p[i] == '_' || (name.p[i] >= '0' && name.p[i] <= '9') ||
                              ((name.p[i] | 32) >= 'a' && (name.p[i] | 32) <= 'z'));
    bool is_taken = flow_text_is_keyword(name);
    for (unsigned v = 0; v < VARIABLE_COUNT; v++)
        is_taken = is_taken || slice_is(name, variable_names[v]);
    if (!is_word || is_taken || slice_is(name, "ENV") || slice_starts(name, "__"))
        complain(c, "invalid-value", "use letters, digits and `_`, and no name of the language's own",
                 "this cannot be the name of a variable");
    else if (c->n_own == COMPILE_OWN_MAX)
        complain(c, "limit", NULL, "too many variables are in scope");
    else
        c->own[c->n_own++] = name;
}

jv compile_use(struct compiler *c, const char *section, struct slice name)
{
    jv all = peek(c->use, section);
    const char *names[64];
    size_t n = 0;
    jv keys = is_kind(all, JV_KIND_OBJECT) ? jv_keys(jv_copy(all)) : jv_array();
    for (int i = 0, len = jv_array_length(jv_copy(keys)); i < len; i++) {
        jv key = peek_item(keys, i);
        if (slice_equal(text_of(key), name)) {
            jv v = jv_object_get(jv_copy(all), jv_copy(key));
            jv_free(keys);
            jv_free(v); /* the document keeps it */
            return v;
        }
        if (n < 64)
            names[n++] = jv_string_value(key);
    }
    char hint[256];
    const char *near = nearest(name, names, n);
    (void)snprintf(hint, sizeof hint, near ? "did you mean `%s`?" : "define it in `use.%s`",
                   near ? near : section);
    complain(c, "unknown-reference", hint, "there is no `%.*s` in `use.%s`",
             name.len > 100 ? 100 : (int)name.len, (const char *)name.p, section);
    jv_free(keys);
    return jv_invalid();
}

struct buffer enter_use(struct compiler *c, const char *section, struct slice name)
{
    struct buffer old = c->path;
    c->path = BUFFER_MAX(old.max);
    (void)enter(c, "use");
    (void)enter(c, section);
    (void)enter_name(c, name);
    c->seen = jv_object_set(c->seen, jv_string(here(c)), jv_true());
    return old;
}

void leave_use(struct compiler *c, struct buffer *path)
{
    buffer_free(&c->path);
    c->path = *path;
}
