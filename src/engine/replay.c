/* replay: POST /api/v1/runs/{id}/replay. Interprets a run's journal once more in a worker, without any effect, and says
 * whether it gives the same end, byte for byte [I4]: evidence that the journal is what happened. Nothing is written but the
 * leaf that somebody looked. */
#include <stdlib.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "engine/load.h"
#include "engine/look.h"
#include "engine/replay.h"
#include "engine/request.h"
#include "engine/runs.h"
#include "engine/slow.h"
#include "engine/workflows.h"

struct replay {
    struct request *request;
    struct run_id id;
    struct workflow *workflow;
    struct seal_key key;
    struct journal_copy journal;
    struct buffer output, error;
    uint32_t workflow_id;
    int64_t started_ms;
    enum run_state state;
    int worker, code;
    uint64_t ticket; /* of the step that the worker owes */
};

static struct replay *under_way[LIMIT_REPLAYS];

static void replay_free(struct replay *p)
{
    for (size_t i = 0; i < LIMIT_REPLAYS; i++)
        if (under_way[i] == p)
            under_way[i] = NULL;
    seal_key_wipe(&p->key);
    journal_copy_free(&p->journal);
    buffer_free(&p->output);
    buffer_free(&p->error);
    free(p);
}

static void fail(struct replay *p, int code, const char *detail)
{
    respond_problem(p->request, code, "%s", detail);
    replay_free(p);
}

static int on_run(void *user, const struct store_run *row)
{
    struct replay *p = user;
    struct namespace *ns = namespace_find(row->ns);
    if (!ns)
        return -SP_EKEY;
    p->workflow_id = row->workflow_id;
    p->state = row->state;
    p->started_ms = row->started_ms;
    seal_key_derive(ns->key, row->id, &p->key);
    int r = seal_open_column(&p->key, SEAL_RUN_OUTPUT, row->output, &p->output);
    return r < 0 ? r : seal_open_column(&p->key, SEAL_RUN_ERROR, row->error, &p->error);
}

static void replay_work(struct store_reader *reader, void *user)
{
    struct replay *p = user;
    p->code = store_run_by_id(reader, p->id, on_run, p);
    if (p->code < 0)
        return;
    journal_copy_begin(&p->journal, &p->key);
    p->code = journal_copy_read(&p->journal, reader);
}

static int send_journal(struct replay *p)
{
    struct msg_worker_start m = {.run = p->id.n, .started_ms = p->started_ms};
    memcpy(m.digest, p->workflow->digest, sizeof m.digest);
    seal_run_random(&p->key, m.nonce, m.seed);
    p->worker = workers_choose();
    return journal_copy_send(&p->journal, p->worker, &m, &p->ticket);
}

/* The worker has a run under its own id, which its expressions see: there is one of it at a time. */
static bool is_in_hand(const struct replay *p)
{
    for (size_t i = 0; i < LIMIT_REPLAYS; i++)
        if (under_way[i] && under_way[i] != p && under_way[i]->id.n == p->id.n && under_way[i]->worker != NO_WORKER)
            return true;
    return run_state_now(p->id) != (enum run_state)0;
}

static void replay_loaded(void *user)
{
    struct replay *p = user;
    p->workflow = p->code < 0 ? NULL : workflow_by_id(p->workflow_id);
    if (p->code < 0 || !p->workflow) {
        fail(p, p->code < 0 ? p->code : -SP_ENOTFOUND,
             p->code == -SP_ENOTFOUND ? "There is no such run." : "The run's journal cannot be read.");
        return;
    }
    if (p->state != RUN_COMPLETED && p->state != RUN_FAULTED) {
        fail(p, -SP_ECONFLICT, "Only a run that completed or faulted can be replayed.");
        return;
    }
    if (is_in_hand(p)) {
        fail(p, -SP_ECONFLICT, "The run is being replayed, or has not quite ended; try again.");
        return;
    }
    if (!look_record(p->request, AUDIT_RUN_READ, p->id, SLICE_LITERAL("replay"))) {
        replay_free(p);
        return;
    }
    int r = send_journal(p);
    if (r < 0)
        fail(p, r, "No worker can replay the run now.");
}

void replay_on_step(int worker, uint64_t ticket, const struct msg_worker_step *m)
{
    struct replay *p = NULL;
    for (size_t i = 0; i < LIMIT_REPLAYS; i++)
        if (under_way[i] && under_way[i]->worker == worker && under_way[i]->ticket == ticket)
            p = under_way[i];
    if (!p)
        return;
    bool is_end = m->status != STEP_WAITING;
    bool is_same = is_end && (m->status == STEP_COMPLETED) == (p->state == RUN_COMPLETED) &&
                   slice_equal(m->output, buffer_slice(&p->output)) && slice_equal(m->error, buffer_slice(&p->error));
    if (is_end)
        workers_ended(worker);
    else
        workers_drop(worker, p->id);
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_TEXT);
    struct json_writer w = JSON_WRITER(&body);
    char id[RUN_ID_LEN + 1];
    run_id_text(p->id, id);
    json_object_begin(&w);
    json_key_text(&w, "id", id);
    json_key_bool(&w, "identical", is_same);
    json_key_u64(&w, "results", p->journal.n_results);
    json_key_text(&w, "state", m->status == STEP_COMPLETED ? "completed" : m->status == STEP_FAULTED ? "faulted" : "waiting");
    json_object_end(&w);
    respond_json(p->request, 200, &body);
    replay_free(p);
}

void replay_on_worker_died(int worker)
{
    for (size_t i = 0; i < LIMIT_REPLAYS; i++)
        if (under_way[i] && under_way[i]->worker == worker)
            fail(under_way[i], -SP_EBUDGET, "The worker was lost during the replay.");
}

void api_runs_replay(struct request *r)
{
    struct replay **place = under_way;
    while (place < under_way + LIMIT_REPLAYS && *place)
        place++;
    struct replay *p = place < under_way + LIMIT_REPLAYS ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        respond_problem(r, -SP_EOVERLOAD, "Too many replays are under way.");
        return;
    }
    *p = (struct replay){.request = r, .worker = NO_WORKER, .output = BUFFER_MAX(LIMIT_BODY), .error = BUFFER_MAX(LIMIT_CONFIG)};
    *place = p;
    if (run_id_parse(r->params[0], &p->id) < 0)
        fail(p, -SP_ENOTFOUND, "There is no such run.");
    else if (slow_submit(replay_work, replay_loaded, p) < 0)
        fail(p, -SP_EOVERLOAD, "Too much is being read now.");
}
