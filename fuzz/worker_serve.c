/* A worker, and an engine that was taken over: frames in any order to the real dispatch table. Which
 * definitions there are is the harness's, so that no expression of the fuzzer's runs for ever; what starts,
 * what results and which definition is meant are the fuzzer's. Must hold: what the worker says is what a
 * worker may say, and passes the engine's own check of a step; a run that it was not given is in no answer;
 * the page names no run when none is in hand. */
#include "flow/flow.h"

/* Each of ours is compiled once: compiling is another harness's. */
static int compile_once(struct slice text, struct buffer *findings, struct buffer *manifest,
                        struct flow_definition **ret);
#define flow_definition_compile compile_once
#include "worker/serve.c" /* with its tables, which each input finds empty */
#undef flow_definition_compile

#include <ev.h>
#include <stdlib.h>

#include "engine/step_check.h"
#include "far_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD "{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"a\",\"name\":\"b\",\"version\":\"0.1.0\"},"
static const char *const texts[] = {
    HEAD "\"do\":[{\"s\":{\"set\":{\"x\":{\"n\":{\"n\":{\"n\":\"${ .a }\"}}},\"y\":\"${ $workflow.id }\"}}}]}",
    HEAD "\"do\":[{\"g\":{\"call\":\"http\",\"with\":{\"method\":\"post\",\"endpoint\":\"https://h/"
         "{x}\",\"body\":\"${ . }\","
         "\"output\":\"response\"}}},{\"w\":{\"wait\":\"PT1S\"}}]}",
    HEAD "\"input\":{\"schema\":{\"document\":{\"type\":\"object\",\"required\":[\"a\"]}}},\"do\":[{\"t\":{"
         "\"try\":[{\"r\":{\"raise\":"
         "{\"error\":{\"type\":\"urn:a\",\"status\":400}}}}],\"catch\":{\"as\":\"e\",\"do\":[{\"s\":{\"set\":"
         "\"${ $e }\"}}]}}},"
         "{\"f\":{\"for\":{\"each\":\"i\",\"in\":\"${ [1,2] "
         "}\"},\"do\":[{\"v\":{\"emit\":{\"event\":{\"with\":{\"type\":\"t\","
         "\"data\":\"${ $i }\"}}}}}]}}]}",
    HEAD "\"do\":[{\"f\":{\"fork\":{\"compete\":true,\"branches\":[{\"a\":{\"wait\":\"PT1S\"}},{\"b\":{"
         "\"call\":\"http\",\"with\":"
         "{\"method\":\"get\",\"endpoint\":\"https://h/\"}}}]}}}]}",
};
#define TEXTS    (sizeof texts / sizeof texts[0])
#define RUNS_MAX 64

static struct flow_definition *kept[TEXTS];

/* libjq holds its stack by its end, which the leak sanitizer does not take for a pointer to it. */
static void free_kept(void)
{
    for (size_t i = 0; i < TEXTS; i++)
        flow_definition_unref(kept[i]);
}

static int compile_once(struct slice text, struct buffer *findings, struct buffer *manifest,
                        struct flow_definition **ret)
{
    size_t i = 0;
    while (i < TEXTS && !slice_is(text, texts[i]))
        i++;
    must(i < TEXTS);
    if (!kept[i])
        must(flow_definition_compile(text, findings, manifest, &kept[i]) == 0);
    *ret = flow_definition_ref(kept[i]);
    return 0;
}

static struct ev_loop *loop;
static struct channel *channel;
static struct far_end engine;
static struct worker_page shared;
static bool is_dead;
static struct {
    uint64_t id;
    uint32_t last_effect;
} given[RUNS_MAX];
static size_t n_given;

/* --- death.c, without dying --------------------------------------------------------------------------- */

int death_init(void)
{
    return 0;
}

void death_set_page(struct worker_page *p)
{
}

void death_by_time(void)
{
    must(false); /* none of ours runs so long */
}

void death_by_error(void)
{
    is_dead = true;
}

/* --- what comes back ---------------------------------------------------------------------------------- */

static size_t find(uint64_t run)
{
    size_t i = 0;
    while (i < n_given && given[i].id != run)
        i++;
    must(i < n_given);
    return i;
}

static void on_answer(struct far_end *f, uint16_t type, struct slice payload)
{
    struct msg_worker_step step;
    struct msg_worker_unknown unknown;
    if (type == WIRE_WORKER_STEP) {
        must(wire_decode_worker_step(payload, &step) == 0);
        size_t i = find(step.run);
        must(step_check(&step, given[i].last_effect, &given[i].last_effect) == 0);
    } else {
        must(type == WIRE_WORKER_UNKNOWN && wire_decode_worker_unknown(payload, &unknown) == 0);
        (void)find(unknown.run);
    }
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    channel_free(c);
    channel = NULL;
}

/* --- what goes in ------------------------------------------------------------------------------------- */

static void give(uint64_t run)
{
    size_t i = 0;
    while (i < n_given && given[i].id != run)
        i++;
    given[i].id = run;
    given[i].last_effect = 0;
    n_given += i == n_given;
}

/* A definition of ours under the digest that the frame says; its text chooses which. */
static void send_frame(uint16_t type, struct slice payload)
{
    struct msg_worker_define define;
    struct msg_worker_start begin;
    if (type == WIRE_WORKER_DEFINE && wire_decode_worker_define(payload, &define) == 0) {
        define.text = slice_text(texts[define.text.len % TEXTS]);
        FAR_END_SEND(&engine, WORKER_DEFINE, worker_define, &define);
        return;
    }
    if (type == WIRE_WORKER_START && wire_decode_worker_start(payload, &begin) == 0)
        give(begin.run);
    far_end_send(&engine, type, payload);
}

static void open_all(void)
{
    static const struct channel_handlers engine_handlers = {.message = serve_message, .closed = on_closed};
    loop = loop ? loop : ev_loop_new(EVFLAG_NOENV);
    shared = (struct worker_page){0};
    is_dead = false;
    n_given = 0;
    if (definitions) /* one budget for the process */
        must(definition_cache_new(&definitions) == 0 && run_table_new(&runs) == 0);
    else
        must(serve_init() == 0 && atexit(free_kept) == 0);
    serve_set_page(&shared);
    must(channel_new(loop, far_end_open(&engine, ROLE_ENGINE, ROLE_WORKER), ROLE_WORKER, ROLE_ENGINE,
                     &engine_handlers, NULL, &channel) == 0);
}

static void close_all(void)
{
    channel_free(channel);
    run_table_free(runs);
    definition_cache_free(definitions);
    far_end_close(&engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct far_end_frame frame;
    open_all();
    while (!is_dead && n_given < RUNS_MAX && far_end_next(&rest, &frame)) {
        send_frame(far_end_type(&engine, frame.type), frame.payload);
        far_end_rounds(loop);
        far_end_read(&engine, on_answer);
        must(is_dead || shared.run == 0);
    }
    close_all();
    return 0;
}
