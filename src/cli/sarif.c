/* sarif: writes the log of one run of check. Must hold: a result names a rule of the driver by id and by
 * index (3.27.6), and a file by a URI reference (3.4.3). Called by check. */
#include "cli/sarif.h"

#include <errno.h>
#include <fnmatch.h>

#include "base/error.h"
#include "cli/remote.h"
#include "flow/rules.h"

static const char *text_of(const json_t *finding, const char *key)
{
    const char *text = json_string_value(json_object_get(finding, key));
    return text ? text : "";
}

static json_int_t at_least_1(const json_t *finding, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(finding, key));
    return n > 0 ? n : 1;
}

/* A path as a relative or absolute URI reference: all but its slashes is escaped. A colon in it cannot be
 * taken for a scheme. */
static void append_uri(struct buffer *b, const char *file)
{
    for (const char *part = file; *part;) {
        size_t n = strcspn(part, "/");
        _cleanup_buffer_ struct buffer one = BUFFER_MAX(4096);
        (void)buffer_append(&one, part, n);
        remote_append_escaped(b, buffer_text(&one) ? buffer_text(&one) : "");
        part += n;
        for (; *part == '/'; part++)
            (void)buffer_append_byte(b, '/');
    }
}

static void write_location(struct json_writer *w, const char *file, const json_t *f)
{
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(4 * 4096);
    append_uri(&uri, file);
    json_key_array(w, "locations");
    json_object_begin(w);
    json_key_object(w, "physicalLocation");
    json_key_object(w, "artifactLocation");
    json_key_string(w, "uri", buffer_slice(&uri));
    json_object_end(w);
    json_key_object(w, "region");
    json_key_i64(w, "startLine", at_least_1(f, "line"));
    json_key_i64(w, "startColumn", at_least_1(f, "column"));
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_array_end(w);
}

/* What the rule is about; one of a family, "unsupported-*", has the family's text. NULL: a rule of a newer
 * worker. */
static const char *text_of_rule(const char *id)
{
    static const char *const rules[][2] = {
#define R(rule, level, text) {rule, text},
        FLOW_RULES(R)
#undef R
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (fnmatch(rules[i][0], id, 0) == 0)
            return rules[i][1];
    return NULL;
}

/* The index of the rule, which is added when it is new; negative without memory. */
static json_int_t index_of_rule(struct sarif *s, const char *id)
{
    const json_t *known = json_object_get(s->rules, id);
    if (known)
        return json_integer_value(known);
    json_int_t n = (json_int_t)json_object_size(s->rules);
    return json_object_set_new(s->rules, id, json_integer(n)) == 0 ? n : -1;
}

static int write_result(struct sarif *s, const char *file, const json_t *f)
{
    struct json_writer *w = s->w;
    json_int_t rule = index_of_rule(s, text_of(f, "rule"));
    if (rule < 0)
        return -ENOMEM;
    _cleanup_buffer_ struct buffer message = BUFFER_MAX(2 * LIMIT_TEXT);
    (void)buffer_printf(&message, "%s%s%s", text_of(f, "message"), *text_of(f, "hint") ? "; " : "",
                        text_of(f, "hint"));
    json_object_begin(w);
    json_key_text(w, "ruleId", text_of(f, "rule"));
    json_key_i64(w, "ruleIndex", rule);
    json_key_text(w, "level", strcmp(text_of(f, "level"), "info") == 0 ? "note" : text_of(f, "level"));
    json_key_object(w, "message");
    json_key_text(w, "text", buffer_text(&message) ? buffer_text(&message) : text_of(f, "message"));
    json_object_end(w);
    write_location(w, file, f);
    json_object_end(w);
    return 0;
}

int sarif_begin(struct sarif *s, struct json_writer *w)
{
    *s = (struct sarif){.w = w, .rules = json_object()};
    json_object_begin(w);
    json_key_text(w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_key_text(w, "version", "2.1.0");
    json_key_array(w, "runs");
    json_object_begin(w);
    json_key_text(w, "columnKind", "unicodeCodePoints");
    json_key_array(w, "results");
    return s->rules ? 0 : -ENOMEM;
}

int sarif_results(struct sarif *s, const char *file, const json_t *findings)
{
    size_t i;
    const json_t *f;
    int r = 0;
    json_array_foreach(findings, i, f) r = r == 0 ? write_result(s, file, f) : r;
    return r;
}

/* The rules come last, because only now they are known. */
void sarif_end(struct sarif *s)
{
    struct json_writer *w = s->w;
    const char *id;
    json_t *index;
    json_array_end(w);
    json_key_object(w, "tool");
    json_key_object(w, "driver");
    json_key_text(w, "name", "sallyport");
    json_key_text(w, "version", SALLYPORT_VERSION);
    json_key_array(w, "rules");
    json_object_foreach(s->rules, id, index)
    {
        json_object_begin(w);
        json_key_text(w, "id", id);
        if (text_of_rule(id)) {
            json_key_object(w, "shortDescription");
            json_key_text(w, "text", text_of_rule(id));
            json_object_end(w);
        }
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
    json_decref(s->rules);
    s->rules = NULL;
}
