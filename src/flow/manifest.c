/* manifest: what the engine needs to know of a definition, as JSON (docs/formats/findings.md), and the checks
 * of `document.metadata.sallyport`, from which part of it comes. Called by compile.c. What must hold: the
 * engine, which never sees the definition as a document, finds everything here with its defaults filled in.
 */
#include "base/error.h"
#include "base/id.h"
#include "flow/compile.h"
#include "flow/duration.h"
#include "flow/metadata.h"
#include "flow/uri_template.h"

#define DEFAULT_TOLERANCE_MS (5 * 60 * 1000)
#define DEFAULT_PERIOD_MS    1000

#define PROPERTY(key, kinds, is_required, ...) {key, kinds, is_required},

static void check_duration(struct compiler *c, jv object, const char *key)
{
    struct diag diag = {0};
    int64_t ms;
    jv v = property(object, key, P_STRING | P_OBJECT);
    if (!jv_is_valid(v))
        return;
    size_t mark = enter(c, key);
    if (flow_duration_from_jv(jv_copy(v), &ms, &diag) < 0)
        complain(c, "invalid-value", "write { minutes: 5 } or PT5M", "%s", diag.text);
    else if (ms <= 0)
        complain(c, "invalid-value", NULL, "the duration is longer than nothing");
    leave(c, mark);
}

static void check_integer(struct compiler *c, jv object, const char *key, double max)
{
    jv v = property(object, key, P_NUMBER);
    size_t mark = enter(c, key);
    double n = jv_is_valid(v) ? jv_number_value(v) : 1;
    if (!(n >= 1 && n <= max) || n != (double)(int64_t)n)
        complain(c, "invalid-value", NULL, "this is a whole number from 1 to %.0f", max);
    leave(c, mark);
}

static void check_webhook(struct compiler *c, jv v)
{
    static const struct property table[] = {METADATA_WEBHOOK(PROPERTY){0}};
    if (!jv_is_valid(v))
        return;
    size_t mark = enter(c, "webhook");
    (void)check_properties(c, v, table, NULL);
    jv scheme = property(v, "scheme", P_STRING), key = property(v, "key", P_STRING),
       answer = property(v, "answer", P_STRING);
    int number = jv_is_valid(scheme) ? webhook_scheme_parse(text_of(scheme)) : WEBHOOK_NONE;
    size_t inner = enter(c, "scheme");
    if (number < 0)
        complain(c, "invalid-value", NULL,
                 "`scheme` is github, standard-webhooks, stripe, slack, bearer or none");
    else if (number == WEBHOOK_NONE && jv_is_valid(scheme))
        advise(c, "webhook-unsigned", "choose the scheme that the sender signs with",
               "anyone who knows the address can start the workflow");
    leave(c, inner);
    if (number > WEBHOOK_NONE && !jv_is_valid(key))
        complain(c, "missing-property", "name the credential that signatures are checked with",
                 "the property `key` is missing");
    inner = enter(c, "key");
    if (jv_is_valid(key) && !name_is_credential(text_of(key)))
        complain(c, "invalid-value", "1-64 letters, digits, `_`, `.` and `-`",
                 "this cannot be the name of a credential");
    leave(c, inner);
    inner = enter(c, "answer");
    if (jv_is_valid(answer) && !slice_is(text_of(answer), "output") && !slice_is(text_of(answer), "accepted"))
        complain(c, "invalid-value", NULL, "`answer` is output or accepted");
    leave(c, inner);
    check_duration(c, v, "tolerance");
    leave(c, mark);
}

static void check_rate(struct compiler *c, jv v)
{
    static const struct property table[] = {METADATA_RATE(PROPERTY){0}};
    if (!jv_is_valid(v))
        return;
    size_t mark = enter(c, "rate");
    (void)check_properties(c, v, table, NULL);
    check_integer(c, v, "limit", 1e6);
    check_integer(c, v, "burst", 1e6);
    check_duration(c, v, "period");
    leave(c, mark);
}

static void check_origin_text(struct compiler *c, struct slice text)
{
    struct flow_uri uri;
    struct diag diag = {0};
    if (flow_uri_check(text, &uri, &diag) < 0)
        complain(c, "invalid-value", "write https://api.example.com", "%s", diag.text);
    else if (uri.path.len || uri.query.p || memchr(text.p, '#', text.len) || memchr(text.p, '{', text.len) ||
             memchr(text.p, '*', text.len))
        complain(c, "invalid-value", "write https://api.example.com, and put paths into `paths`",
                 "an origin is a scheme, a host and perhaps a port, and nothing more");
}

static void check_texts(struct compiler *c, jv object, const char *key, bool is_method)
{
    jv list = property(object, key, P_ARRAY);
    size_t mark = enter(c, key);
    for (int i = 0, n = jv_is_valid(list) ? jv_array_length(jv_copy(list)) : 0; i < n; i++) {
        jv v = peek_item(list, i);
        size_t inner = enter_item(c, (unsigned)i);
        if (check_kind(c, v, P_STRING)) {
            struct slice text = text_of(v);
            if (is_method && http_method_parse(text) < 0)
                complain(c, "invalid-value", "write GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS",
                         "this is not an HTTP method");
            if (!is_method && (text.len == 0 || text.len > LIMIT_PATH || text.p[0] != '/'))
                complain(c, "invalid-value", NULL, "a path begins with `/`");
        }
        leave(c, inner);
    }
    leave(c, mark);
}

static void check_origins(struct compiler *c, jv list)
{
    static const struct property table[] = {METADATA_ORIGIN(PROPERTY){0}};
    if (!jv_is_valid(list))
        return;
    size_t mark = enter(c, "origins");
    int n = jv_array_length(jv_copy(list));
    if (n > LIMIT_ORIGINS)
        complain(c, "limit", NULL, "there are at most %d origins", LIMIT_ORIGINS);
    for (int i = 0; i < n; i++) {
        jv v = peek_item(list, i);
        size_t inner = enter_item(c, (unsigned)i);
        if (is_kind(v, JV_KIND_STRING)) {
            check_origin_text(c, text_of(v));
        } else if (check_properties(c, v, table, NULL)) {
            check_texts(c, v, "methods", true);
            check_texts(c, v, "paths", false);
            (void)enter(c, "origin");
            if (is_kind(peek(v, "origin"), JV_KIND_STRING))
                check_origin_text(c, text_of(peek(v, "origin")));
        }
        leave(c, inner);
    }
    leave(c, mark);
}

void compile_sallyport(struct compiler *c, jv v)
{
    static const struct property table[] = {METADATA_SALLYPORT(PROPERTY){0}};
    if (!jv_is_valid(v) || !check_properties(c, v, table, NULL))
        return;
    check_webhook(c, property(v, "webhook", P_OBJECT));
    check_rate(c, property(v, "rate", P_OBJECT));
    check_integer(c, v, "concurrency", LIMIT_RUNS_WAITING);
    check_origins(c, property(v, "origins", P_ARRAY));
    check_duration(c, v, "retention");
}

/* --- writing ------------------------------------------------------------------------------------------ */

static void write_jv(struct json_writer *w, jv v /* borrowed */)
{
    jv text = jv_dump_string(jv_copy(v), 0);
    json_raw(w, text_of(text));
    jv_free(text);
}

static void write_text(struct json_writer *w, const char *key, jv v, const char *otherwise)
{
    json_key_string(w, key, is_kind(v, JV_KIND_STRING) ? text_of(v) : slice_text(otherwise));
}

static int64_t duration_of(jv object, const char *key, int64_t otherwise)
{
    int64_t ms = otherwise;
    jv v = property(object, key, P_STRING | P_OBJECT);
    if (jv_is_valid(v) && flow_duration_from_jv(jv_copy(v), &ms, NULL) < 0)
        ms = otherwise;
    return ms;
}

static int64_t integer_of(jv object, const char *key, int64_t otherwise)
{
    jv v = property(object, key, P_NUMBER);
    double n = jv_is_valid(v) ? jv_number_value(v) : (double)otherwise;
    return n >= 0 && n <= 1e9 ? (int64_t)n : otherwise;
}

static void write_webhook(struct json_writer *w, jv v)
{
    json_key(w, "webhook");
    if (!jv_is_valid(v)) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    write_text(w, "scheme", peek(v, "scheme"), "none");
    write_text(w, "key", peek(v, "key"), "");
    write_text(w, "answer", peek(v, "answer"), "output");
    json_key_i64(w, "toleranceMs", duration_of(v, "tolerance", DEFAULT_TOLERANCE_MS));
    json_object_end(w);
}

static void write_rate(struct json_writer *w, jv v)
{
    json_key(w, "rate");
    if (!jv_is_valid(v)) {
        json_put_null(w);
        return;
    }
    int64_t limit = integer_of(v, "limit", 1);
    json_object_begin(w);
    json_key_i64(w, "limit", limit);
    json_key_i64(w, "periodMs", duration_of(v, "period", DEFAULT_PERIOD_MS));
    json_key_i64(w, "burst", integer_of(v, "burst", limit));
    json_object_end(w);
}

static void write_list(struct json_writer *w, const char *key, jv v)
{
    json_key(w, key);
    if (is_kind(v, JV_KIND_ARRAY))
        write_jv(w, v);
    else
        json_raw(w, SLICE_LITERAL("[]"));
}

static void write_origins(struct json_writer *w, jv list)
{
    json_key_array(w, "origins");
    for (int i = 0, n = jv_is_valid(list) ? jv_array_length(jv_copy(list)) : 0; i < n; i++) {
        jv v = peek_item(list, i);
        json_object_begin(w);
        write_text(w, "origin", is_kind(v, JV_KIND_STRING) ? v : peek(v, "origin"), "");
        /* Absent means all; an empty list would grant nothing, and policy/grant.h refuses it. */
        if (is_kind(peek(v, "methods"), JV_KIND_ARRAY))
            write_list(w, "methods", peek(v, "methods"));
        if (is_kind(peek(v, "paths"), JV_KIND_ARRAY))
            write_list(w, "paths", peek(v, "paths"));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_sallyport(struct json_writer *w, jv v)
{
    json_key_object(w, "sallyport");
    write_webhook(w, property(v, "webhook", P_OBJECT));
    write_rate(w, property(v, "rate", P_OBJECT));
    json_key_i64(w, "concurrency", integer_of(v, "concurrency", 0));
    write_origins(w, property(v, "origins", P_ARRAY));
    json_key_i64(w, "retentionMs", duration_of(v, "retention", 0));
    json_object_end(w);
}

static void write_tasks(struct json_writer *w, const struct flow_definition *d)
{
    static const char *const names[TASK_KIND_COUNT] = {
#define K(NAME, name, summary) [TASK_##NAME] = name,
        FLOW_TASK_KINDS(K)
#undef K
            [TASK_FUNCTION] = "call",
    };
    json_key_array(w, "tasks");
    for (uint16_t i = 0; i < d->n_tasks; i++) {
        const struct task *t = d->tasks[i];
        json_object_begin(w);
        json_key_text(w, "reference", t->reference);
        json_key_string(w, "name", t->name);
        json_key_text(w, "kind", names[t->kind]);
        json_object_end(w);
    }
    json_array_end(w);
}

void manifest_write(const struct flow_definition *d, struct buffer *out)
{
    struct json_writer w = JSON_WRITER(out);
    jv document = peek(d->value, "document"), tags = property(document, "tags", P_OBJECT);
    json_object_begin(&w);
    json_key_string(&w, "namespace", d->ns.p ? d->ns : slice_text(""));
    json_key_string(&w, "name", d->name.p ? d->name : slice_text(""));
    json_key_string(&w, "version", d->version.p ? d->version : slice_text(""));
    write_text(&w, "dsl", peek(document, "dsl"), "");
    write_text(&w, "title", peek(document, "title"), "");
    write_text(&w, "summary", peek(document, "summary"), "");
    json_key(&w, "tags");
    if (jv_is_valid(tags))
        write_jv(&w, tags);
    else
        json_raw(&w, SLICE_LITERAL("{}"));
    write_list(&w, "secrets", d->secrets);
    write_tasks(&w, d);
    json_key_bool(&w, "hasInputSchema", d->workflow.input_schema != NULL);
    write_sallyport(&w, peek(peek(document, "metadata"), "sallyport"));
    json_object_end(&w);
}
