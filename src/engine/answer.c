/* answer: the ends of runs as HTTP responses. Who signs a webhook is not who owns the workflow: a fault's details stay inside,
 * except what the sender did wrong. */
#include "engine/answer.h"

#include "base/error.h"
#include "base/json_reader.h"
#include "base/problem.h"
#include "crypto/crypto.h"
#include "engine/run_data.h"

static void location_pair(struct buffer *b, struct run_id id)
{
    char text[RUN_ID_LEN + 1];
    _cleanup_buffer_ struct buffer url = BUFFER_MAX(LIMIT_NAME);
    run_id_text(id, text);
    (void)buffer_printf(&url, "/api/v1/runs/%s", text);
    wire_pairs_put(b, SLICE_LITERAL("location"), buffer_slice(&url));
}

void answer_accepted(struct request *r, struct run_id id)
{
    char text[RUN_ID_LEN + 1];
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_TEXT), extra = BUFFER_MAX(LIMIT_TEXT);
    struct json_writer w = JSON_WRITER(&body);
    run_id_text(id, text);
    json_object_begin(&w);
    json_key_text(&w, "id", text);
    json_key_text(&w, "state", "pending");
    json_key(&w, "url");
    (void)buffer_printf(&body, "\"/api/v1/runs/%s\"", text);
    w.need_comma = true;
    json_object_end(&w);
    location_pair(&extra, id);
    respond(r, 202, "application/json", buffer_slice(&body), buffer_slice(&extra));
}

static bool is_type(const json_t *error, const char *name)
{
    const char *type = json_string_value(json_object_get(error, "type"));
    const char *end = type ? strrchr(type, '/') : NULL;
    return end && strcmp(end + 1, name) == 0;
}

/* That data within the run does not match a schema is a validation error too, but not the sender's business. */
static bool is_senders(const json_t *error)
{
    const char *instance = json_string_value(json_object_get(error, "instance"));
    return is_type(error, "validation") && instance && strcmp(instance, PROBLEM_AT_INPUT) == 0;
}

static void write_text(struct json_writer *w, const json_t *error, const char *member, const char *otherwise)
{
    const json_t *value = json_object_get(error, member);
    if (json_is_string(value))
        json_key_string(w, member, slice_of(json_string_value(value), json_string_length(value)));
    else if (otherwise)
        json_key_text(w, member, otherwise);
}

static void answer_fault(struct request *r, struct slice text, struct slice extra)
{
    json_t *error = json_read(text, 0, NULL);
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_CONFIG);
    struct json_writer w = JSON_WRITER(&body);
    bool is_sender = is_senders(error);
    /* What an upstream answered is not this server's own answer: its 401 or 404 must not look like ours. */
    uint16_t status = is_sender ? 400 : is_type(error, "timeout") ? 504 : is_type(error, "communication") ? 502 : 500;
    const char *inside = "The run faulted; who owns the workflow sees why.";
    json_object_begin(&w);
    write_text(&w, error, "type", "about:blank");
    write_text(&w, error, "title", "the run faulted");
    json_key_i64(&w, "status", status);
    write_text(&w, is_sender ? error : NULL, "detail", inside);
    write_text(&w, error, "instance", NULL);
    json_object_end(&w);
    json_decref(error);
    respond(r, status, PROBLEM_MEDIA_TYPE, buffer_slice(&body), extra);
}

void answer_webhook(struct request *r, const struct run_outcome *outcome)
{
    _cleanup_buffer_ struct buffer extra = BUFFER_MAX(LIMIT_TEXT);
    char id[RUN_ID_LEN + 1];
    run_id_text(outcome->id, id);
    wire_pairs_put(&extra, SLICE_LITERAL("sallyport-run"), slice_text(id));
    if (outcome->state == RUN_COMPLETED)
        respond(r, 200, "application/json", outcome->output, buffer_slice(&extra));
    else if (outcome->state == RUN_FAULTED)
        answer_fault(r, outcome->error, buffer_slice(&extra));
    else
        respond_problem(r, -SP_ECONFLICT, "The run was cancelled.");
}

void answer_run(struct request *r, const struct run_outcome *outcome)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY), extra = BUFFER_MAX(LIMIT_TEXT);
    struct json_writer w = JSON_WRITER(&body);
    char id[RUN_ID_LEN + 1];
    run_id_text(outcome->id, id);
    json_object_begin(&w);
    json_key_text(&w, "id", id);
    json_key_text(&w, "state", run_state_text((int)outcome->state));
    const struct run_data data = {{[PART_OUTPUT] = outcome->state == RUN_COMPLETED ? outcome->output : (struct slice){0},
                                   [PART_ERROR] = outcome->error,
                                   [PART_CONTEXT] = outcome->context}};
    run_data_write(&w, &data, run_data_fitting(&data, LIMIT_BODY - body.len - 1));
    json_object_end(&w);
    if (buffer_error(&body)) {
        respond_problem(r, buffer_error(&body), "Run %s ended as %s; there is no memory now for its data.", id,
                        run_state_text((int)outcome->state));
        return;
    }
    location_pair(&extra, outcome->id);
    respond(r, 200, "application/json", buffer_slice(&body), buffer_slice(&extra));
}

void answer_unknown(struct request *r, int code)
{
    respond_problem(r, code, "What became of the run is known when the server can write again; look for it before you try again.");
}

bool idempotency_of(const struct request *r, const struct workflow *w, uint8_t ret[32])
{
    struct slice key;
    if (!wire_pairs_find(r->headers, "idempotency-key", &key) || key.len == 0)
        return false;
    struct slice parts[] = {slice_text(w->ns->name), SLICE_LITERAL("\0"), slice_text(w->name), SLICE_LITERAL("\0"),
                            slice_text(r->who.name), SLICE_LITERAL("\0"), key};
    crypto_sha256_parts(parts, 7, ret);
    return true;
}
