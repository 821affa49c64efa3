/* compile: a definition's text becomes a struct flow_definition, or findings. Called by the worker through
 * flow.h. What must hold: a definition with an error is never handed out, so what the compiler left half done
 * is never run. */
#include "flow/compile.h"
#include "base/error.h"
#include "base/id.h"

static void compile_identity(struct compiler *c, jv document)
{
    static const struct {
        const char *key, *hint;
        bool (*is_valid)(struct slice s);
    } fields[] = {
        {"dsl", "write dsl: '1.0.3'", is_semver},
        {"namespace", "1-63 letters, digits and inner hyphens", name_is_dsl},
        {"name", "1-63 letters, digits and inner hyphens", name_is_dsl},
        {"version", "write a semantic version: '0.1.0'", is_semver},
    };
    struct slice *const places[] = {NULL, &c->d->ns, &c->d->name, &c->d->version};
    for (size_t i = 0; i < 4; i++) {
        jv v = property(document, fields[i].key, P_STRING);
        size_t mark = enter(c, fields[i].key);
        if (jv_is_valid(v) && !fields[i].is_valid(text_of(v)))
            complain(c, "invalid-value", fields[i].hint, "this is not a valid %s", fields[i].key);
        else if (jv_is_valid(v) && i == 0 && !slice_starts(text_of(v), "1."))
            complain(c, "unsupported-dsl", fields[i].hint, "only version 1 of the DSL is supported");
        if (jv_is_valid(v) && places[i])
            *places[i] = text_of(v);
        leave(c, mark);
    }
}

static void compile_document(struct compiler *c, jv root)
{
    static const struct property table[] = {
        {"dsl", P_STRING, true},     {"namespace", P_STRING, true}, {"name", P_STRING, true},
        {"version", P_STRING, true}, {"title", P_STRING, false},    {"summary", P_STRING, false},
        {"tags", P_OBJECT, false},   {"metadata", P_OBJECT, false}, {0}};
    jv document = property(root, "document", P_OBJECT);
    if (!jv_is_valid(document))
        return;
    size_t mark = enter(c, "document");
    (void)check_properties(c, document, table, NULL);
    compile_identity(c, document);
    (void)enter(c, "metadata");
    (void)enter(c, "sallyport");
    compile_sallyport(c, peek(peek(document, "metadata"), "sallyport"));
    leave(c, mark);
}

static void compile_evaluate(struct compiler *c, jv v)
{
    static const struct property table[] = {{"language", P_STRING, false}, {"mode", P_STRING, false}, {0}};
    if (!jv_is_valid(v))
        return;
    size_t mark = enter(c, "evaluate");
    (void)check_properties(c, v, table, NULL);
    jv language = property(v, "language", P_STRING), mode = property(v, "mode", P_STRING);
    if (jv_is_valid(language) && !slice_is(text_of(language), "jq"))
        complain(c, "unsupported-language", "write expressions in jq", "only jq is supported");
    if (jv_is_valid(mode) && slice_is(text_of(mode), "loose"))
        c->d->is_loose = true;
    else if (jv_is_valid(mode) && !slice_is(text_of(mode), "strict"))
        complain(c, "invalid-value", NULL, "`mode` is strict or loose");
    leave(c, mark);
}

static void compile_secrets(struct compiler *c)
{
    jv secrets = property(c->use, "secrets", P_ARRAY);
    if (!jv_is_valid(secrets))
        return;
    size_t mark = enter(c, "use");
    (void)enter(c, "secrets");
    int n = jv_array_length(jv_copy(secrets));
    if (n > LIMIT_SECRETS)
        complain(c, "limit", NULL, "a definition uses at most %d secrets", LIMIT_SECRETS);
    c->d->secrets = jv_array();
    for (int i = 0; i < n && i < LIMIT_SECRETS; i++) {
        jv name = peek_item(secrets, i);
        size_t inner = enter_item(c, (unsigned)i);
        if (check_kind(c, name, P_STRING) && !name_is_credential(text_of(name)))
            complain(c, "invalid-value", "1-64 letters, digits, `_`, `.` and `-`",
                     "this cannot be the name of a secret");
        else if (is_kind(name, JV_KIND_STRING))
            c->d->secrets = jv_array_append(c->d->secrets, jv_copy(name));
        leave(c, inner);
    }
    leave(c, mark);
}

static void compile_root(struct compiler *c, jv root)
{
    static const struct property table[] = {{"document", P_OBJECT, true},
                                            {"input", P_OBJECT, false},
                                            {"use", P_OBJECT, false},
                                            {"do", P_ARRAY, true},
                                            {"timeout", P_STRING | P_OBJECT, false},
                                            {"output", P_OBJECT, false},
                                            {"schedule", P_OBJECT, false},
                                            {"evaluate", P_OBJECT, false},
                                            {0}};
    struct task *w = &c->d->workflow;
    if (is_kind(root, JV_KIND_NULL)) {
        complain(c, "wrong-type", "begin with document: { dsl: '1.0.3', namespace: …, name: …, version: … }", "the definition is empty");
        return;
    }
    if (!check_properties(c, root, table, NULL))
        return;
    c->use = property(root, "use", P_OBJECT);
    compile_evaluate(c, property(root, "evaluate", P_OBJECT));
    compile_secrets(c);
    compile_document(c, root);
    if (jv_is_valid(peek(root, "schedule"))) {
        size_t mark = enter(c, "schedule");
        complain(c, "unsupported-schedule", "start the workflow by its webhook or the command",
                 "schedules are not supported yet");
        leave(c, mark);
    }
    w->definition = root;
    w->reference = strdup("");
    if (!w->reference)
        c->error = -ENOMEM;
    compile_data(c, root, "input", "from", SCOPE_WORKFLOW_IN, &w->input_from, &w->input_schema);
    compile_data(c, root, "output", "as", SCOPE_WORKFLOW_OUT, &w->output_as, &w->output_schema);
    size_t mark = enter(c, "timeout");
    compile_timeout(c, property(root, "timeout", P_STRING | P_OBJECT), SCOPE_WORKFLOW_IN, &w->timeout);
    leave(c, mark);
    mark = enter(c, "do");
    compile_list(c, property(root, "do", P_ARRAY), false, &w->list);
    leave(c, mark);
    compile_functions(c);
    compile_uses(c);
    lint_secrets(c, root);
    if (!w->input_schema)
        note(c, "no-input-schema", "add input: { schema: { document: … } }",
             "the workflow takes any input: it has no `input.schema`");
}

/* jq looks at all expressions together, after the last was added. */
static void compile_program(struct compiler *c)
{
    int failed = -1;
    struct diag diag = {0};
    int r = flow_program_compile(c->d->program, &failed, &diag);
    if (r == -ENOMEM)
        c->error = r;
    else if (r < 0) {
        leave(c, 0);
        if (failed >= 0 && failed < LIMIT_EXPRESSIONS && c->pointers[failed])
            (void)buffer_append_text(&c->path, c->pointers[failed]);
        (void)buffer_append_text(&c->path, diag.pointer);
        complain(c, "expression-syntax", diag.hint[0] ? diag.hint : NULL, "%s", diag.text);
        leave(c, 0);
    }
}

static void compile_all(struct compiler *c, jv root)
{
    c->pointers = calloc(LIMIT_EXPRESSIONS, sizeof *c->pointers);
    if (!c->pointers || flow_program_new(&c->d->program) < 0) {
        c->error = -ENOMEM;
        return;
    }
    compile_root(c, root);
    compile_program(c);
}

static void compiler_free(struct compiler *c)
{
    for (size_t i = 0; c->pointers && i < LIMIT_EXPRESSIONS; i++)
        free(c->pointers[i]);
    free(c->pointers);
    buffer_free(&c->path);
    jv_free(c->seen);
    flow_definition_unref(c->d);
}

int flow_definition_compile(struct slice text, struct buffer *findings, struct buffer *manifest,
                            struct flow_definition **ret)
{
    _cleanup_(flow_document_freep)
    struct flow_document *document = NULL;
    struct compiler c = {.d = definition_new(),
                         .path = BUFFER_MAX(LIMIT_DEFINITION),
                         .seen = jv_object(),
                         .use = jv_invalid()};
    struct diag diag = {0};
    if (!c.d) {
        compiler_free(&c);
        return -ENOMEM;
    }
    findings_begin(&c.f, findings);
    int r = flow_document_parse(text, &document, &diag);
    if (r < 0) {
        if (r != -ENOMEM)
            findings_add_diag(&c.f, "syntax", &diag);
    } else {
        c.f.document = document;
        c.d->value = flow_document_value(document);
        compile_all(&c, c.d->value);
        if (is_kind(c.d->value, JV_KIND_OBJECT))
            manifest_write(c.d, manifest);
        r = c.error ? c.error : c.f.errors ? -SP_EINVALID : 0;
    }
    findings_end(&c.f);
    if (r == 0 && (buffer_error(findings) || buffer_error(manifest) || buffer_error(&c.path)))
        r = buffer_error(findings) == -ENOMEM || buffer_error(manifest) == -ENOMEM ? -ENOMEM : -SP_EINVALID;
    if (r == 0)
        *ret = TAKE_PTR(c.d);
    compiler_free(&c);
    return r == -SP_ELIMIT ? -SP_EINVALID : r;
}
