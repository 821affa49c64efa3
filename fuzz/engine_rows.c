/* The database of an engine that was stopped, in the hands of an editor: the fuzzer's bytes are his edits (damaged_rows.c), and an
 * engine starts with what he left, beside a real vault, brings its runs back, and is asked for all that it can show. Must hold: it
 * starts, or says why not; whoever asks is answered, in JSON; a worker gets frames that it can read; the log is verified to
 * an end; nothing ends the engine or goes on for ever.
 *
 * Each input has an engine of its own, in a process of its own, which hands back what it covered. */
int engine_main(int argc, char **argv);
#define main engine_main
#include "engine/main.c"
#undef main

#include <ev.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "child_coverage.h"
#include "damaged_rows.h"
#include "engine_around.h"
#include "far_end.h"
#include "logbook.h"
#include "stand_in_role.h"
#include "vault/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATIENCE_S  30
#define QUIET_US    200
#define SETTLED     20 /* rounds in which nothing came */
#define STARTED_MAX 64

/* --- the engine's peers ------------------------------------------------------------------------------- */

enum player { PLAYER_GATEWAY, PLAYER_EGRESS, PLAYER_WORKER, PLAYERS };
static const enum role players[PLAYERS] = {ROLE_GATEWAY, ROLE_EGRESS, ROLE_WORKER};
static struct ev_loop *loop;
static struct far_end ends[PLAYERS];
static unsigned n_asked, n_answered;
static bool has_come; /* something, in this round */

/* Runs as their worker has them. */
static struct {
    uint64_t run;
    uint32_t results, replayed;
} begun[STARTED_MAX];
static size_t n_begun;

static void step(size_t i)
{
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(LIMIT_FRAME), effects = BUFFER_MAX(LIMIT_FRAME);
    struct msg_worker_step m = {.run = begun[i].run, .results = begun[i].results, .status = STEP_WAITING};
    if (m.results < begun[i].replayed)
        return;
    if (m.results >= ROWS_RESULTS) {
        m.status = STEP_COMPLETED;
        m.output = m.context = SLICE_LITERAL("{}");
    } else {
        enum effect_kind kind = rows_effect((struct run_id){m.run}, m.results, &record);
        wire_effects_put(&effects, (uint8_t)kind, m.results + 1, buffer_slice(&record));
        m.effects = buffer_slice(&effects);
    }
    FAR_END_SEND(&ends[PLAYER_WORKER], WORKER_STEP, worker_step, &m);
}

static size_t find_begun(uint64_t run)
{
    size_t i = 0;
    while (i < n_begun && begun[i].run != run)
        i++;
    return i;
}

static void on_start_of_run(struct slice payload)
{
    struct msg_worker_start m;
    must(wire_decode_worker_start(payload, &m) == 0);
    size_t i = find_begun(m.run);
    must(i < STARTED_MAX);
    n_begun += i == n_begun;
    begun[i].run = m.run;
    begun[i].results = 0;
    begun[i].replayed = m.replayed;
    step(i);
}

static void on_result_of_run(struct slice payload)
{
    struct msg_worker_result m;
    must(wire_decode_worker_result(payload, &m) == 0);
    size_t i = find_begun(m.run);
    must(i < n_begun); /* of a run that it was not given */
    begun[i].results++;
    step(i);
}

static void on_message(struct far_end *f, uint16_t type, struct slice payload)
{
    struct msg_http_response m;
    has_come = true;
    if (type == WIRE_WORKER_START)
        on_start_of_run(payload);
    else if (type == WIRE_WORKER_RESULT)
        on_result_of_run(payload);
    else if (type == WIRE_HTTP_RESPONSE) {
        must(wire_decode_http_response(payload, &m) == 0);
        around_check_response(&m);
        n_answered++;
    }
}

static void look(void)
{
    ev_run(loop, EVRUN_NOWAIT);
    has_come = false;
    for (size_t i = 0; i < PLAYERS; i++) {
        far_end_read(&ends[i], on_message);
        must(ends[i].fd >= 0); /* nobody broke a rule */
    }
    if (!has_come)
        (void)usleep(QUIET_US);
}

static void settle(void)
{
    for (unsigned quiet = 0; quiet < SETTLED || n_answered < n_asked; quiet = has_come ? 0 : quiet + 1)
        look();
}

/* --- a life ------------------------------------------------------------------------------------------- */

static void ends_well(int status)
{
    child_coverage_give();
    _exit(status == 0 ? 0 : 1);
}

static void refused(int code, const char *text)
{
    must(code < 0 && text[0] && strstr(text, ": "));
    ends_well(0);
}

static void ask(enum http_method method, const char *path, struct slice body)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_HEADERS);
    wire_pairs_put(&headers, SLICE_LITERAL("authorization"), SLICE_LITERAL("Bearer " ROWS_TOKEN));
    wire_pairs_put(&headers, SLICE_LITERAL("content-type"), SLICE_LITERAL("application/json"));
    struct msg_http_request m = {
        .tag = ++n_asked, .method = (uint8_t)method, .path = slice_text(path), .headers = buffer_slice(&headers), .body = body};
    FAR_END_SEND(&ends[PLAYER_GATEWAY], HTTP_REQUEST, http_request, &m);
    look();
}

static void ask_of_run(struct run_id run)
{
    static const struct {
        enum http_method method;
        const char *what;
    } views[] = {{HTTP_GET, ""}, {HTTP_GET, "/trace"}, {HTTP_GET, "/proof"}, {HTTP_POST, "/replay"}};
    char id[RUN_ID_LEN + 1], path[64];
    run_id_text(run, id);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        (void)snprintf(path, sizeof path, "/api/v1/runs/%s%s", id, views[i].what);
        ask(views[i].method, path, (struct slice){});
    }
}

static void ask_all(void)
{
    static const char *const lists[] = {"/api/v1/runs",
                                        "/api/v1/workflows",
                                        "/api/v1/workflows/" ROWS_NS "/" ROWS_NAME,
                                        "/api/v1/secrets",
                                        "/api/v1/audit/leaves",
                                        "/api/v1/audit/checkpoint",
                                        "/readyz",
                                        "/metrics"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        ask(HTTP_GET, lists[i], (struct slice){});
    for (unsigned i = 0; i < ROWS_RUNS; i++)
        ask_of_run(rows_run(i));
    ask(HTTP_POST, "/api/v1/runs",
        SLICE_LITERAL("{\"namespace\":\"" ROWS_NS "\",\"workflow\":\"" ROWS_NAME "\",\"input\":{},\"wait\":true}"));
    settle();
}

static void start(const struct secret *root)
{
    loop = stand_in_role_begin(engine_main);
    must(stand_in_role->configure(SLICE_LITERAL("{\"workers\":1,\"addressPerSecond\":10000000,\"addressBurst\":10000000,"
                                                "\"principalPerSecond\":10000000,\"principalBurst\":10000000}")) == 0);
    around_give_page();
    for (size_t i = 0; i < PLAYERS; i++)
        must(stand_in_role->connect(players[i], 0, far_end_open(&ends[i], players[i], ROLE_ENGINE)) == 0);
    around_connect_vault(loop, root);
    (void)stand_in_role->start();
    while (!stand_in_role_is_ready)
        look();
}

static void live(const char *folder, const struct secret *root)
{
    stand_in_role_data_dir = folder;
    stand_in_role_failed = refused;
    stand_in_role_ended = ends_well;
    (void)signal(SIGALRM, SIG_DFL); /* not the fuzzer's */
    (void)alarm(PATIENCE_S);
    start(root);
    settle();
    ask_all();
    stand_in_role->stop();
    for (;;)
        look();
}

/* --- one input ---------------------------------------------------------------------------------------- */

static char folder[128], path[256];

static void remove_folder(void)
{
    logbook_folder_remove(folder);
}

static struct secret *begin(void)
{
    must(crypto_init() == 0);
    struct secret *root = secret_new(32);
    must(root);
    logbook_folder(folder);
    (void)atexit(remove_folder);
    (void)snprintf(path, sizeof path, "%s/sallyport.db", folder);
    rows_make(folder, root);
    child_coverage_begin();
    return root;
}

/* As the command does; whatever it finds. */
static void verify(const struct secret *root)
{
    _cleanup_keys_ struct vault_keys *keys = NULL;
    struct audit_report report = {};
    struct store_reader *reader = NULL;
    struct diag diag = {};
    must(vault_keys_derive(root, &keys) == 0);
    struct audit_verify_options options = {.key = {.origin = slice_text(keys->origin)}};
    memcpy(options.key.public_key, keys->audit_public, sizeof options.key.public_key);
    int r = store_reader_open_file(path, &reader, &diag);
    if (r == 0 && store_snapshot_begin(reader) == 0) {
        struct audit_source source = store_audit_source(reader);
        r = audit_verify(&source, &options, NULL, NULL, &report, &diag);
        store_snapshot_end(reader);
    }
    must(r >= 0 || diag.text[0] || report.errors);
    if (reader)
        store_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct secret *root;
    if (!root)
        root = begin();
    rows_edit(slice_of(data, size), path);
    verify(root);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0)
        live(folder, root);
    int status;
    while (waitpid(child, &status, 0) < 0)
        must(errno == EINTR); /* the fuzzer's own timer */
    child_coverage_take();
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)unlink(path);
    return 0;
}
