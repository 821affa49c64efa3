/* workers: the pool of workers as the engine sees it. A worker is hostile by assumption: what it says about a run counts only
 * if that run was given to it.
 * A worker owes a step for each start, replay and result, in the order in which they were sent: a step out of turn closes its
 * channel, and one that does not come in time ends it, whatever the worker says that it is doing; so does one that is always late. */
#include "engine/workers.h"

#include <ev.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/metrics.h"
#include "engine/deadline.h"
#include "role/role.h"

#define KNOWN_DEFINITIONS (LIMIT_WORKER_DEFINITIONS / 2)

/* A step that a worker has yet to answer. The ticket tells apart two that the same run asked for. */
struct owed {
    uint64_t run, ticket;
    uint32_t worth_ms; /* what the deadline is moved by, at most */
};

struct worker {
    struct channel *channel;
    struct worker_page *page;
    unsigned n_runs; /* it holds */
    uint8_t known[KNOWN_DEFINITIONS][32];
    unsigned n_known, next_known;
    struct owed owed[LIMIT_WORKER_OWED]; /* a ring */
    uint32_t first_owed, n_owed;
    struct deadline deadline;
    uint32_t worth_ms; /* of the step for the run that is being given to it */
};

static struct worker workers[LIMIT_WORKERS];
static unsigned n_workers;
static ev_timer watch_timer;

static struct worker *alive(int index)
{
    return index >= 0 && (unsigned)index < n_workers && workers[index].channel ? &workers[index] : NULL;
}

/* --- what workers say ---------------------------------------------------------------------------------------------- */

static int index_of(const struct channel *channel)
{
    for (unsigned i = 0; i < n_workers; i++)
        if (workers[i].channel == channel)
            return (int)i;
    return NO_WORKER;
}

static void take_first_owed(struct worker *w, struct owed *ret)
{
    *ret = w->owed[w->first_owed];
    deadline_pass(&w->deadline, clock_monotonic_ms(), true);
    deadline_restore(&w->deadline, ret->worth_ms);
    w->first_owed = (w->first_owed + 1) % LIMIT_WORKER_OWED;
    w->n_owed--;
}

static bool owes(const struct worker *w, uint64_t run)
{
    for (uint32_t i = 0; i < w->n_owed; i++)
        if (w->owed[(w->first_owed + i) % LIMIT_WORKER_OWED].run == run)
            return true;
    return false;
}

static int on_step(struct channel *channel, struct slice payload, int fd)
{
    (void)fd;
    int index = index_of(channel);
    struct worker *w = &workers[index];
    struct msg_worker_step m;
    struct owed owed;
    int r = wire_decode_worker_step(payload, &m);
    if (r < 0)
        return r;
    if (!step_status_text(m.status) || w->n_owed == 0 || w->owed[w->first_owed].run != m.run)
        return -SP_EPROTOCOL;
    take_first_owed(w, &owed);
    return runs_on_step(index, owed.ticket, &m);
}

static int on_unknown(struct channel *channel, struct slice payload, int fd)
{
    /* We define before we start, and know the bound of its cache: this does not happen with an honest worker. */
    (void)channel;
    (void)fd;
    struct msg_worker_unknown m;
    int r = wire_decode_worker_unknown(payload, &m);
    return r < 0 ? r : -SP_EPROTOCOL;
}

static role_message_handler *const handlers[WIRE_TYPE_COUNT] = {
    [WIRE_WORKER_STEP] = on_step,
    [WIRE_WORKER_UNKNOWN] = on_unknown,
};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    return role_dispatch(handlers, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

/* --- their coming and going ---------------------------------------------------------------------------------------- */

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)user;
    int index = index_of(channel);
    if (index >= 0 && channel_is_breached(channel))
        (void)role_ask_restart(ROLE_WORKER, (uint16_t)index);
    channel_free(channel);
    if (index < 0)
        return;
    struct worker *w = &workers[index];
    /* One that was killed from outside says nothing of a cause: its run is tried again as all others are. */
    const char *cause = w->page && w->page->cause ? worker_cause_text((int)w->page->cause) : NULL;
    struct run_id at_work = {w->page ? w->page->run : 0};
    bool is_named = owes(w, at_work.n);
    if (!is_named)
        at_work.n = w->n_owed ? w->owed[w->first_owed].run : 0;
    w->channel = NULL;
    w->n_runs = w->n_known = w->next_known = w->n_owed = 0;
    log_event(LOG_LEVEL_WARN, "engine.worker-lost", "worker", LOG_U64((unsigned)index), "reason", reason, "cause", cause, NULL);
    metrics_count(METRIC_WORKERS_LOST);
    runs_on_worker_died(index, at_work, is_named ? cause : NULL);
}

static const struct channel_handlers channel_table = {.message = on_message, .closed = on_closed};

static void on_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    int64_t now = clock_monotonic_ms();
    for (unsigned i = 0; i < n_workers; i++) {
        struct worker *w = &workers[i];
        if (!w->channel)
            continue;
        deadline_pass(&w->deadline, now, w->n_owed > 0);
        if (!deadline_is_over(&w->deadline) || w->n_owed == 0)
            continue;
        deadline_begin(&w->deadline, now);
        log_event(LOG_LEVEL_ERROR, "engine.worker-silent", "worker", LOG_U64(i), NULL);
        runs_on_worker_silent((struct run_id){w->owed[w->first_owed].run});
        (void)role_ask_restart(ROLE_WORKER, (uint16_t)i);
    }
}

void workers_set_count(unsigned n)
{
    n_workers = n < LIMIT_WORKERS ? n : LIMIT_WORKERS;
    ev_timer_init(&watch_timer, on_watch, 2., 2.);
    ev_timer_start(role_loop(), &watch_timer);
    ev_unref(role_loop());
}

int workers_connect(uint16_t index, int fd)
{
    if (index >= LIMIT_WORKERS) {
        close(fd);
        return -SP_EPROTOCOL;
    }
    if (index >= n_workers)
        n_workers = index + 1u;
    if (workers[index].channel)
        on_closed(workers[index].channel, "replaced", NULL);
    deadline_begin(&workers[index].deadline, clock_monotonic_ms());
    int r = channel_new(role_loop(), fd, ROLE_ENGINE, ROLE_WORKER, &channel_table, NULL, &workers[index].channel);
    if (r == 0)
        runs_on_worker_born();
    return r;
}

int workers_give_page(uint16_t index, int fd)
{
    struct stat st;
    void *page = MAP_FAILED;
    if (index < LIMIT_WORKERS && fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct worker_page))
        page = mmap(NULL, sizeof(struct worker_page), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return -SP_EPROTOCOL;
    if (workers[index].page)
        (void)munmap(workers[index].page, sizeof(struct worker_page));
    workers[index].page = page;
    return 0;
}

int workers_choose(void)
{
    int best = NO_WORKER;
    for (unsigned i = 0; i < n_workers; i++) {
        const struct worker *w = &workers[i];
        if (!w->channel || w->n_runs >= LIMIT_WORKER_RUNS)
            continue;
        if (best < 0 || w->n_runs < workers[best].n_runs)
            best = (int)i;
    }
    return best;
}

bool workers_any(void)
{
    for (unsigned i = 0; i < n_workers; i++)
        if (workers[i].channel)
            return true;
    return false;
}

/* --- what we say to them ------------------------------------------------------------------------------------------- */

static int define_if_needed(struct worker *w, const uint8_t digest[32])
{
    for (unsigned i = 0; i < w->n_known; i++)
        if (memcmp(w->known[i], digest, 32) == 0)
            return 0;
    struct msg_worker_define m = {.text = workflows_definition_text(digest)};
    if (m.text.len == 0)
        return -SP_ENOTFOUND;
    memcpy(m.digest, digest, 32);
    int r = CHANNEL_SEND(w->channel, WORKER_DEFINE, worker_define, &m);
    if (r < 0)
        return r;
    /* The worker keeps twice as many and drops the least recently used: what we think known is known. */
    w->worth_ms = LIMIT_WORKER_SILENCE_MS; /* it is compiled first */
    memcpy(w->known[w->next_known], digest, 32);
    w->next_known = (w->next_known + 1) % KNOWN_DEFINITIONS;
    if (w->n_known < KNOWN_DEFINITIONS)
        w->n_known++;
    return 0;
}

static bool may_owe(const struct worker *w)
{
    return w->n_owed < LIMIT_WORKER_OWED;
}

static uint64_t owe(struct worker *w, uint64_t run, uint32_t worth_ms)
{
    static uint64_t last_ticket;
    deadline_pass(&w->deadline, clock_monotonic_ms(), w->n_owed > 0);
    w->owed[(w->first_owed + w->n_owed++) % LIMIT_WORKER_OWED] = (struct owed){run, ++last_ticket, worth_ms};
    return last_ticket;
}

int workers_start(int worker, const struct msg_worker_start *m, uint64_t *ret_ticket)
{
    struct worker *w = alive(worker);
    if (!w)
        return -SP_EUNAVAILABLE;
    w->worth_ms = LIMIT_WORKER_STEP_MS;
    int r = may_owe(w) ? define_if_needed(w, m->digest) : -SP_EOVERLOAD;
    if (r == 0)
        r = CHANNEL_SEND(w->channel, WORKER_START, worker_start, m);
    if (r < 0)
        return r;
    w->n_runs++;
    if (m->replayed == 0)
        *ret_ticket = owe(w, m->run, w->worth_ms);
    return 0;
}

int workers_result(int worker, const struct msg_worker_result *m, uint64_t *ret_ticket)
{
    struct worker *w = alive(worker);
    if (!w)
        return -SP_EUNAVAILABLE;
    int r = may_owe(w) ? CHANNEL_SEND(w->channel, WORKER_RESULT, worker_result, m) : -SP_EOVERLOAD;
    if (r == 0)
        *ret_ticket = owe(w, m->run, LIMIT_WORKER_STEP_MS);
    return r;
}

int workers_replayed(int worker, struct run_id id, struct slice payload, bool is_last, uint64_t *ret_ticket)
{
    struct worker *w = alive(worker);
    if (!w)
        return -SP_EUNAVAILABLE;
    struct buffer frame = BUFFER_MAX(LIMIT_FRAME);
    (void)buffer_append_slice(&frame, payload);
    int r = channel_send(w->channel, WIRE_WORKER_RESULT, &frame);
    buffer_free(&frame);
    if (w->worth_ms < LIMIT_WORKER_SILENCE_MS)
        w->worth_ms += LIMIT_WORKER_STEP_MS; /* one step is owed for all of them */
    if (r == 0 && is_last)
        *ret_ticket = owe(w, id.n, w->worth_ms);
    return r;
}

void workers_drop(int worker, struct run_id id)
{
    struct worker *w = alive(worker);
    if (!w)
        return;
    CHANNEL_TRY(w->channel, WORKER_DROP, worker_drop, &(struct msg_worker_drop){.run = id.n});
    workers_ended(worker);
}

void workers_ended(int worker)
{
    struct worker *w = alive(worker);
    if (w && w->n_runs)
        w->n_runs--;
}
