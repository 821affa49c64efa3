/* serve: what the engine may ask of a worker. Each message is one bounded piece of work; before it begins, the worker notes
 * the run's id in the page that it shares with the engine, so that a death can be laid to the run that caused it.
 * An evaluation that exceeds its processor time or memory ends the process: jq cannot be stopped from within. */
#include "base/error.h"
#include "flow/budget.h"
#include "worker/death.h"
#include "role/role.h"
#include "worker/worker.h"

static struct definition_cache *definitions;
static struct run_table *runs;
static struct worker_page *page;

int serve_init(void)
{
    int r = death_init();
    r = r < 0 ? r : flow_budget_init(death_by_time);
    r = r < 0 ? r : definition_cache_new(&definitions);
    return r < 0 ? r : run_table_new(&runs);
}

void serve_set_page(struct worker_page *shared)
{
    page = shared;
    death_set_page(shared);
}

static void work_begins(uint64_t run, unsigned cpu_ms)
{
    if (page)
        page->run = run;
    flow_budget_begin(cpu_ms);
}

/* After an error the worker ends, and the page goes on naming the run that it was for. */
static void work_ends(int r)
{
    flow_budget_end();
    if (r < 0)
        death_by_error();
    else if (page)
        page->run = 0;
}

/* A fault that is not the interpreter's: the definition or input could not be taken at all. */
static int answer_fault(struct channel *channel, const struct msg_worker_start *m, const struct diag *diag)
{
    struct buffer error = BUFFER_MAX(LIMIT_CONFIG);
    flow_fault_json(&error, diag);
    struct msg_worker_step step = {.run = m->run, .status = STEP_FAULTED, .results = m->replayed, .error = buffer_slice(&error),
                                   .context = SLICE_LITERAL("null")};
    int r = buffer_error(&error) ? buffer_error(&error) : CHANNEL_SEND(channel, WORKER_STEP, worker_step, &step);
    buffer_free(&error);
    return r;
}

/* Steps the run and, once the journal is replayed, answers with what the step did. A run that ends before that is answered at
 * once: it goes another way than its journal says, and the engine finds that. */
static int step_run(struct channel *channel, struct run_entry *entry)
{
    struct flow_step step;
    int r = flow_run_step(entry->run, &step);
    if (r < 0)
        return r;
    if (entry->results < entry->replayed) {
        if (step.status == STEP_WAITING)
            return 0;
        entry->results = entry->replayed;
    }
    struct msg_worker_step answer = {.run = entry->id, .status = (uint8_t)step.status, .results = entry->results,
                                     .effects = step.effects, .trace = step.trace, .output = step.output,
                                     .context = step.context, .error = step.error};
    r = CHANNEL_SEND(channel, WORKER_STEP, worker_step, &answer);
    if (step.status != STEP_WAITING)
        run_table_drop(runs, entry->id);
    return r;
}

static int on_define(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    (void)fd;
    struct msg_worker_define m;
    int r = wire_decode_worker_define(payload, &m);
    if (r < 0)
        return r;
    struct buffer findings = BUFFER_MAX(2 * LIMIT_DEFINITION), manifest = BUFFER_MAX(2 * LIMIT_DEFINITION);
    struct flow_definition *definition = NULL;
    work_begins(0, LIMIT_COMPILE_CPU_MS);
    r = flow_definition_compile(m.text, &findings, &manifest, &definition);
    work_ends(r);
    buffer_free(&findings);
    buffer_free(&manifest);
    /* The engine deploys only what a worker has found good: a definition that does not compile here is not that one. */
    if (r < 0)
        return r;
    definition_cache_take(definitions, m.digest, definition);
    return 0;
}

static int on_start(struct channel *channel, struct slice payload, int fd)
{
    (void)fd;
    struct msg_worker_start m;
    int r = wire_decode_worker_start(payload, &m);
    if (r < 0)
        return r;
    struct flow_definition *definition = definition_cache_get(definitions, m.digest);
    if (!definition) {
        struct msg_worker_unknown answer = {.run = m.run};
        memcpy(answer.digest, m.digest, sizeof answer.digest);
        return CHANNEL_SEND(channel, WORKER_UNKNOWN, worker_unknown, &answer);
    }
    struct run_entry *entry;
    /* The engine gives a run anew when its order to drop it could not be queued. */
    run_table_drop(runs, m.run);
    r = run_table_add(runs, m.run, &entry);
    if (r < 0)
        return r;
    entry->replayed = m.replayed;
    struct diag diag;
    work_begins(m.run, LIMIT_EVAL_CPU_MS);
    r = flow_run_new(definition, &m, &entry->run, &diag);
    if (r < 0) {
        run_table_drop(runs, m.run);
        r = answer_fault(channel, &m, &diag);
    } else {
        r = step_run(channel, entry);
    }
    work_ends(r);
    return r;
}

static int on_result(struct channel *channel, struct slice payload, int fd)
{
    (void)fd;
    struct msg_worker_result m;
    int r = wire_decode_worker_result(payload, &m);
    if (r < 0)
        return r;
    struct run_entry *entry = run_table_find(runs, m.run);
    if (!entry)
        return 0; /* dropped, or answered UNKNOWN at its start: the engine starts it again */
    work_begins(m.run, LIMIT_EVAL_CPU_MS);
    r = flow_run_deliver(entry->run, &m);
    if (r >= 0) {
        entry->results++;
        r = step_run(channel, entry);
    }
    work_ends(r);
    return r;
}

static int on_drop(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    (void)fd;
    struct msg_worker_drop m;
    int r = wire_decode_worker_drop(payload, &m);
    if (r < 0)
        return r;
    run_table_drop(runs, m.run);
    return 0;
}

static role_message_handler *const handlers[WIRE_TYPE_COUNT] = {
    [WIRE_WORKER_DEFINE] = on_define,
    [WIRE_WORKER_START] = on_start,
    [WIRE_WORKER_RESULT] = on_result,
    [WIRE_WORKER_DROP] = on_drop,
};

int serve_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    return role_dispatch(handlers, WIRE_TYPE_COUNT, channel, type, payload, fd);
}
