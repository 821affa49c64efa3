/* A worker that was taken over: it answers each run with what the run's input asks for, {"mode": N}: a lie of one kind. In the
 * place of sallyport-worker, in a copy of the folder; tests/abuse/test_hostile_worker.py. */
#include <ev.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "role/engine_only.h"
#include "role/role.h"

static struct channel *engine;
static struct worker_page *page;

static void send_step(const struct msg_worker_step *m)
{
    CHANNEL_TRY(engine, WORKER_STEP, worker_step, m);
}

static struct msg_worker_step completed(uint64_t run)
{
    return (struct msg_worker_step){.run = run, .status = STEP_COMPLETED, .output = SLICE_LITERAL("{\"hostile\":true}"),
                                    .context = SLICE_LITERAL("null")};
}

static void send_effects(uint64_t run, uint8_t kind, uint32_t number, struct slice record, unsigned n)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_BODY);
    for (unsigned i = 0; i < n; i++)
        wire_effects_put(&b, kind, number + i, record);
    struct msg_worker_step m = {.run = run, .status = STEP_WAITING, .effects = buffer_slice(&b)};
    send_step(&m);
}

static void lie_in_steps(uint64_t run, unsigned mode)
{
    struct msg_worker_step m = completed(run);
    if (mode == 0)
        m.output = SLICE_LITERAL("{\"a\":\"\377\376\"}");
    else if (mode == 1)
        m.trace = SLICE_LITERAL("\0\0");
    else if (mode == 2)
        m.output = (struct slice){0};
    else if (mode == 3)
        m = (struct msg_worker_step){.run = run, .status = STEP_FAULTED, .error = SLICE_LITERAL("{\"type\":\"\377\"}")};
    else if (mode == 4)
        m = (struct msg_worker_step){.run = run, .status = STEP_WAITING};
    else if (mode == 5)
        m.status = 200;
    else if (mode == 6)
        m.results = UINT32_MAX;
    send_step(&m);
    if (mode == 6)
        _exit(0);
}

static void lie_in_effects(uint64_t run, unsigned mode)
{
    _cleanup_buffer_ struct buffer timer = BUFFER_MAX(64), event = BUFFER_MAX(64);
    wire_encode_effect_timer(&timer, &(struct msg_effect_timer){.delay_ms = mode == 11 ? UINT64_MAX : 1000});
    wire_encode_effect_event(&event, &(struct msg_effect_event){.event = SLICE_LITERAL("{}")});
    if (mode == 10)
        send_effects(run, EFFECT_EVENT, 1u << 24, buffer_slice(&event), 1);
    else if (mode == 11)
        send_effects(run, EFFECT_TIMER, 1, buffer_slice(&timer), 1);
    else if (mode == 12)
        send_effects(run, EFFECT_TIMER, 1, buffer_slice(&timer), 300);
    else if (mode == 13)
        send_effects(run, EFFECT_CALL, 1, SLICE_LITERAL("garbage"), 1);
    else if (mode == 14)
        send_effects(run, 99, 1, SLICE_LITERAL(""), 1);
    else if (mode == 15)
        send_effects(run, EFFECT_TIMER, UINT32_MAX, buffer_slice(&timer), 2);
    else if (mode == 16)
        send_effects(run, EFFECT_EVENT, 1, buffer_slice(&event), 30000);
}

/* Steps of runs that are others', twice the same end, and a descriptor: each time the run's own end comes, too. */
static void lie_about_others(uint64_t run, unsigned mode)
{
    struct msg_worker_step m = completed(run);
    const uint64_t others[] = {0, 1, run + 1, run ^ 1, UINT64_MAX, UINT64_MAX - 1};
    if (mode == 20) {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            struct msg_worker_step other = completed(others[i]);
            send_step(&other);
        }
    } else if (mode == 21) {
        send_step(&m);
    } else if (mode == 22) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_FRAME);
        wire_encode_worker_step(&b, &m);
        if (channel_send_fd(engine, WIRE_WORKER_STEP, &b, STDERR_FILENO) < 0)
            _exit(1);
    } else if (mode == 24) {
        CHANNEL_TRY(engine, WORKER_UNKNOWN, worker_unknown, &(struct msg_worker_unknown){.run = run});
    } else if (mode == 23) {
        return; /* not a word */
    } else if (mode == 25 || mode == 26) {
        if (page) {
            page->run = mode == 25 ? run + 1 : run;
            page->cause = WORKER_CAUSE_TIME;
        }
        _exit(1);
    }
    send_step(&m);
}

/* An honest step each time, but never soon: one run that is always about to wait a moment more. */
static struct {
    ev_timer timer;
    uint64_t run;
    uint32_t results;
} slow;

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    _cleanup_buffer_ struct buffer moment = BUFFER_MAX(64), effects = BUFFER_MAX(LIMIT_TEXT);
    wire_encode_effect_timer(&moment, &(struct msg_effect_timer){.delay_ms = 1});
    wire_effects_put(&effects, EFFECT_TIMER, slow.results + 1, buffer_slice(&moment));
    struct msg_worker_step m = {.run = slow.run, .status = STEP_WAITING, .results = slow.results, .effects = buffer_slice(&effects)};
    send_step(&m);
}

static void answer_late(uint64_t run, uint32_t results)
{
    slow.run = run;
    slow.results = results;
    ev_timer_init(&slow.timer, on_late, 14., 0.);
    ev_timer_start(role_loop(), &slow.timer);
}

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    struct msg_worker_start m;
    if (type == WIRE_WORKER_RESULT && slow.run)
        answer_late(slow.run, slow.results + 1);
    if (type != WIRE_WORKER_START)
        return 0;
    engine = channel;
    int r = wire_decode_worker_start(payload, &m);
    if (r < 0)
        return r;
    const uint8_t *digits = m.input.len ? memchr(m.input.p, ':', m.input.len) : NULL;
    unsigned mode = digits ? (unsigned)strtoul((const char *)digits + 1, NULL, 10) : 0;
    if (mode == 27)
        answer_late(m.run, 0);
    else if (mode < 10)
        lie_in_steps(m.run, mode);
    else if (mode < 20)
        lie_in_effects(m.run, mode);
    else
        lie_about_others(m.run, mode);
    return 0;
}

static const struct channel_handlers engine_handlers = {.message = on_message, .closed = engine_only_closed};

static int on_connect(enum role peer, uint16_t index, int fd)
{
    (void)index;
    return engine_only_connect(ROLE_WORKER, peer, fd, &engine_handlers);
}

static int on_file(enum control_file_kind kind, uint16_t index, int fd)
{
    (void)kind;
    (void)index;
    void *shared = mmap(NULL, sizeof(struct worker_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    page = shared == MAP_FAILED ? NULL : shared;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {.self = ROLE_WORKER, .connect = on_connect, .file = on_file};
    return role_main(argc, argv, &handlers);
}
