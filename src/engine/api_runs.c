/* api_runs: starts and cancels runs for the API, and says why it does not. */
#include <jansson.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/answer.h"
#include "engine/idempotency.h"
#include "engine/runs.h"
#include "engine/slow.h"

/* --- start --------------------------------------------------------------------------------------------------------- */

struct starting {
    struct request *request;
    uint8_t key[32];
    bool has_key, wants_end;
};

/* What began with the same Idempotency-Key. */
static void on_first(int code, const struct run_outcome *outcome, void *user)
{
    struct starting *s = user;
    if (code < 0)
        respond_problem(s->request, code == -SP_ENOTFOUND ? -SP_ECONFLICT : code,
                        "The run could not be made durable; nothing of it is there.");
    else if (!s->wants_end)
        answer_accepted(s->request, outcome->id);
    else if (!run_state_is_terminal(outcome->state))
        respond_problem(s->request, -SP_ECONFLICT, "The run that this Idempotency-Key began is still under way.");
    else
        answer_run(s->request, outcome);
    free(s);
}

static void on_started(int code, const struct run_outcome *outcome, void *user)
{
    struct starting *s = user;
    struct request *r = s->request;
    if (code == -SP_ECONFLICT && s->has_key && idempotency_first(s->key, on_first, s) == 0)
        return;
    free(s);
    if (code < 0 && outcome)
        answer_unknown(r, code);
    else if (code < 0)
        respond_problem(r, code, "The run could not be made durable; nothing of it is there.");
    else if (outcome->state == RUN_PENDING)
        answer_accepted(r, outcome->id);
    else
        answer_run(r, outcome);
}

static struct slice text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : (struct slice){0};
}

void api_runs_start(struct request *r)
{
    const json_t *root = r->json;
    struct workflow *w = workflow_find(text_of(root, "namespace"), text_of(root, "workflow"));
    if (!w) {
        respond_problem(r, -SP_ENOTFOUND, "There is no such workflow.");
        return;
    }
    if (!w->is_enabled) {
        respond_problem(r, -SP_ECONFLICT, "The workflow is disabled.");
        return;
    }
    const json_t *input = json_object_get(root, "input");
    char *text = input ? json_dumps(input, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("{}");
    struct run_cause cause = {.trigger = TRIGGER_API, .actor = slice_text(r->who.name), .auth = SLICE_LITERAL("token"),
                              .peer = r->peer};
    struct starting *s = calloc(1, sizeof *s);
    struct run_id id;
    int code = -SP_EOVERLOAD;
    if (text && s) {
        *s = (struct starting){.request = r, .wants_end = json_is_true(json_object_get(root, "wait"))};
        s->has_key = idempotency_of(r, w, s->key);
        if (s->has_key)
            cause.idempotency = slice_of(s->key, sizeof s->key);
        code = run_start(w, slice_text(text), &cause, s->wants_end, on_started, s, &id);
    }
    free(text);
    if (code == 0)
        return;
    free(s);
    respond_problem(r, code, "No more runs of this workflow can be taken now.");
}

/* --- cancel -------------------------------------------------------------------------------------------------------- */

static void on_cancelled(int code, const struct run_outcome *outcome, void *user)
{
    struct request *r = user;
    if (code < 0)
        respond_problem(r, code, "The end of the run could not be made durable.");
    else
        answer_run(r, outcome);
}

/* Of a run that is not under way: has it ended, or was it never there? */
struct search {
    struct request *request;
    struct run_id id;
    enum run_state state;
    int code;
};

static int on_found(void *user, const struct store_run *row)
{
    struct search *s = user;
    s->state = row->state;
    return 0;
}

static void search_work(struct store_reader *reader, void *user)
{
    struct search *s = user;
    s->code = store_run_by_id(reader, s->id, on_found, s);
}

static void search_done(void *user)
{
    struct search *s = user;
    if (s->code == -SP_ENOTFOUND)
        respond_problem(s->request, s->code, "There is no such run.");
    else if (s->code < 0)
        respond_problem(s->request, s->code, "The run could not be read.");
    else if (run_state_is_terminal(s->state))
        respond_problem(s->request, -SP_ECONFLICT, "The run has ended already: %s.", run_state_text((int)s->state));
    else
        respond_problem(s->request, -SP_EUNAVAILABLE,
                        "The run could not be taken up at the start of the server; its log says why.");
    free(s);
}

static void refuse_cancel(struct request *r, struct run_id id)
{
    struct search *s = calloc(1, sizeof *s);
    if (s)
        *s = (struct search){.request = r, .id = id};
    if (s && slow_submit(search_work, search_done, s) == 0)
        return;
    free(s);
    respond_problem(r, -SP_EOVERLOAD, "Too much is being read now.");
}

void api_runs_cancel(struct request *r)
{
    struct run_id id;
    if (run_id_parse(r->params[0], &id) < 0) {
        respond_problem(r, -SP_ENOTFOUND, "There is no such run.");
        return;
    }
    int code = run_cancel(id, slice_text(r->who.name), on_cancelled, r);
    if (code == -SP_ENOTFOUND)
        refuse_cancel(r, id);
    else if (code < 0)
        respond_problem(r, code, "The run is ending already.");
}
