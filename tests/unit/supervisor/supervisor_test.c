/* The supervisor with fake roles: start, channels, restart with new channels, refusal, stop; and what a role's process looks
 * like. The test plays the engine. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "supervisor/child.h"
#include "supervisor/supervisor.h"

#define N_WORKERS 2

struct world {
    struct supervisor *s;
    struct channel *workers[N_WORKERS];
    unsigned n_connects;
    bool is_ready, is_failed, is_stopped;
    int status, code;
    enum role failed_role;
    char text[1024];
    bool is_answered;
    bool is_late;
};

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)c;
    struct world *w = user;
    struct msg_worker_step m;
    assert_int_equal(type, WIRE_WORKER_STEP);
    assert_int_equal(fd, -1);
    assert_int_equal(wire_decode_worker_step(payload, &m), 0);
    (void)snprintf(w->text, sizeof w->text, "%.*s", SLICE_ARGS(m.output));
    w->is_answered = true;
    ev_break(EV_DEFAULT, EVBREAK_ALL);
    return 0;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    (void)reason;
    struct world *w = user;
    for (unsigned i = 0; i < N_WORKERS; i++)
        if (w->workers[i] == c)
            w->workers[i] = NULL;
    channel_free(c);
}

static int on_connect(enum role peer, uint16_t index, int fd, void *user)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    struct world *w = user;
    assert_int_equal(peer, ROLE_WORKER);
    assert_true(index < N_WORKERS);
    w->n_connects++;
    int r = channel_new(EV_DEFAULT, fd, ROLE_ENGINE, ROLE_WORKER, &handlers, w, &w->workers[index]);
    ev_break(EV_DEFAULT, EVBREAK_ALL);
    return r;
}

static void on_ready(void *user)
{
    ((struct world *)user)->is_ready = true;
    ev_break(EV_DEFAULT, EVBREAK_ALL);
}

static void on_failed(enum role role, int code, struct slice text, void *user)
{
    struct world *w = user;
    w->is_failed = true;
    w->failed_role = role;
    w->code = code;
    (void)snprintf(w->text, sizeof w->text, "%.*s", SLICE_ARGS(text));
}

static void on_stopped(int status, void *user)
{
    struct world *w = user;
    w->is_stopped = true;
    w->status = status;
    ev_break(EV_DEFAULT, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *t, int events)
{
    (void)events;
    ((struct world *)t->data)->is_late = true;
    ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop until `*flag` or for so long; whether the flag came. */
static bool run_until(struct world *w, const bool *flag, double seconds)
{
    ev_timer late;
    ev_timer_init(&late, on_late, seconds, 0.);
    late.data = w;
    w->is_late = false;
    ev_timer_start(EV_DEFAULT, &late);
    while (!*flag && !w->is_late)
        ev_run(EV_DEFAULT, 0);
    ev_timer_stop(EV_DEFAULT, &late);
    return *flag;
}

static const struct supervisor_handlers handlers = {
    .ready = on_ready, .failed = on_failed, .connect = on_connect, .stopped = on_stopped};

static void world_open(struct world *w, const char *config)
{
    struct diag why = {0};
    const struct supervisor_options o = {.libexec_dir = FAKE_ROLES, .n_workers = N_WORKERS, .roles = 1u << ROLE_WORKER};
    *w = (struct world){0};
    assert_int_equal(supervisor_new(EV_DEFAULT, &o, &handlers, w, &w->s), 0);
    assert_int_equal(supervisor_play(w->s, ROLE_ENGINE), 0);
    assert_int_equal(supervisor_configure(w->s, ROLE_WORKER, slice_text(config)), 0);
    if (supervisor_start(w->s, &why) < 0)
        fail_msg("%s", why.text);
}

static void world_close(struct world *w)
{
    supervisor_stop(w->s);
    assert_true(run_until(w, &w->is_stopped, 15.));
    supervisor_free(w->s);
    for (unsigned i = 0; i < N_WORKERS; i++)
        channel_free(w->workers[i]);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void order(struct world *w, unsigned worker, const char *text)
{
    const struct msg_worker_define m = {.text = slice_text(text)};
    w->is_answered = false;
    assert_non_null(w->workers[worker]);
    assert_int_equal(CHANNEL_SEND(w->workers[worker], WORKER_DEFINE, worker_define, &m), 0);
}

static void ask(struct world *w, unsigned worker, const char *text)
{
    order(w, worker, text);
    assert_true(run_until(w, &w->is_answered, 10.));
}

static bool wait_for_connects(struct world *w, unsigned n, double seconds)
{
    int64_t end = clock_monotonic_ms() + (int64_t)(seconds * 1000);
    bool never = false;
    while (w->n_connects < n && clock_monotonic_ms() < end)
        (void)run_until(w, &never, .05);
    return w->n_connects >= n;
}

static void starts_connects_and_stops(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{\"x\":1}");
    assert_int_equal(w.n_connects, N_WORKERS);
    assert_true(run_until(&w, &w.is_ready, 10.));
    ask(&w, 1, "config");
    assert_string_equal(w.text, "{\"x\":1}");
    ask(&w, 1, "file");
    assert_string_equal(w.text, "kind=5 index=1 page=mapped;");
    world_close(&w);
    assert_int_equal(w.status, 0);
}

static void process_is_bare(void **state)
{
    (void)state;
    struct world w;
    char expected[512];
    bool root = geteuid() == 0;
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (root)
        child_identity(ROLE_WORKER, &uid, &gid);
    setenv("SALLYPORT_TEST_SECRET", "canary", 1);
    int stray = open("/dev/null", O_RDONLY);
    world_open(&w, "{}");
    ask(&w, 0, "process");
    close(stray);
    int groups = root ? 0 : getgroups(0, NULL);
    (void)snprintf(expected, sizeof expected,
                   "uid=%u/%u/%u gid=%u groups=%d env=0 fds=f null=1 session=1 caps=%d death=9", uid, uid, uid, gid, groups,
                   root ? 0 : 1);
    assert_string_equal(w.text, expected);
    world_close(&w);
}

static void dead_role_comes_back_with_new_channels(void **state)
{
    (void)state;
    static const char *const deaths[] = {"crash", "budget"};
    struct world w;
    world_open(&w, "{}");
    assert_true(run_until(&w, &w.is_ready, 10.));
    for (unsigned i = 0; i < 2; i++) {
        int64_t start = clock_monotonic_ms();
        order(&w, 0, deaths[i]);
        assert_true(wait_for_connects(&w, N_WORKERS + 1 + i, 5.));
        assert_true(clock_monotonic_ms() - start < 1000);
        ask(&w, 0, "config");
        assert_string_equal(w.text, "{}");
        ask(&w, 1, "config");
    }
    world_close(&w);
    assert_int_equal(w.status, 0);
}

static void pause_between_deaths_rises(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{\"die-at-start\":1}");
    /* 100 + 200 + 400 + 800 ms: about four starts of each worker in two seconds, not hundreds. */
    (void)wait_for_connects(&w, 1000, 2.);
    assert_in_range(w.n_connects, 3 * N_WORKERS, 6 * N_WORKERS);
    assert_false(w.is_ready);
    world_close(&w);
}

/* A worker whose engine is gone ends in order: it is there again for the next one, however often that happens. */
static void orderly_end_costs_no_pause(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{}");
    assert_true(run_until(&w, &w.is_ready, 10.));
    int64_t start = clock_monotonic_ms();
    for (unsigned i = 1; i <= 8; i++) {
        order(&w, 0, "end");
        assert_true(wait_for_connects(&w, N_WORKERS + i, 10.));
        ask(&w, 0, "config"); /* it was ready */
    }
    /* With the pauses of deaths it would be 100 + 200 + … + 12,800 ms. */
    assert_true(clock_monotonic_ms() - start < 12000);
    world_close(&w);
}

static void refusal_stops_the_whole(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{\"refuse\":1}");
    assert_true(run_until(&w, &w.is_stopped, 10.));
    assert_true(w.is_failed);
    assert_int_equal(w.failed_role, ROLE_WORKER);
    assert_int_equal(w.code, -SP_EKEY);
    assert_string_equal(w.text, "the key does not fit");
    assert_int_equal(w.status, 4);
    assert_true(w.n_connects <= N_WORKERS); /* none was started again; one may have refused before the other was connected */
    world_close(&w);
}

/* A role that has served says that it will not, or ends as if it could not be executed: it alone is started again. */
static void refusal_after_the_start_stops_nobody(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{}");
    assert_true(run_until(&w, &w.is_ready, 10.));
    order(&w, 0, "fail");
    order(&w, 1, "no-exec");
    assert_true(wait_for_connects(&w, 2 * N_WORKERS, 10.));
    assert_false(w.is_failed);
    ask(&w, 0, "config");
    ask(&w, 1, "config");
    world_close(&w);
    assert_int_equal(w.status, 0);
}

static void stop_kills_what_hangs(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, "{}");
    assert_true(run_until(&w, &w.is_ready, 10.));
    order(&w, 0, "hang");
    bool never = false;
    (void)run_until(&w, &never, .2);
    supervisor_stop(w.s);
    (void)run_until(&w, &never, .2);
    world_close(&w);
    assert_true(w.is_stopped);
}

static void missing_executable_is_said(void **state)
{
    (void)state;
    struct diag why = {0};
    struct supervisor *s;
    const struct supervisor_options o = {.libexec_dir = "/nowhere", .n_workers = 1, .roles = 1u << ROLE_WORKER};
    assert_int_equal(supervisor_new(EV_DEFAULT, &o, &handlers, NULL, &s), 0);
    assert_int_equal(supervisor_start(s, &why), -ENOENT);
    assert_non_null(strstr(why.text, "/nowhere/sallyport-worker"));
    supervisor_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_connects_and_stops),
        cmocka_unit_test(process_is_bare),
        cmocka_unit_test(dead_role_comes_back_with_new_channels),
        cmocka_unit_test(pause_between_deaths_rises),
        cmocka_unit_test(orderly_end_costs_no_pause),
        cmocka_unit_test(refusal_stops_the_whole),
        cmocka_unit_test(refusal_after_the_start_stops_nobody),
        cmocka_unit_test(stop_kills_what_hangs),
        cmocka_unit_test(missing_executable_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
