/* run: a fixed set of definitions with results as the bytes say. The first byte chooses the definition; then
 * each result is an effect's number, a kind, a status, a length and a body. Must hold: no crash, and an end
 * is an end. */
#include <stdlib.h>

#include "base/error.h"
#include "flow/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD                                                                                                 \
    "{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"a\",\"name\":\"b\",\"version\":\"0.1.0\"},\"do\":"
static const char *const texts[] = {
    HEAD "[{\"g\":{\"call\":\"http\",\"with\":{\"method\":\"get\",\"endpoint\":\"https://h/"
         "{x}\",\"output\":\"response\"}}},"
         "{\"h\":{\"call\":\"http\",\"with\":{\"method\":\"post\",\"endpoint\":\"https://h/\",\"body\":\"${ "
         ".content }\","
         "\"headers\":\"${ .headers }\"}}}]}",
    HEAD
    "[{\"t\":{\"timeout\":{\"after\":\"PT9S\"},\"try\":[{\"f\":{\"fork\":{\"branches\":[{\"a\":{\"wait\":"
    "\"PT1S\"}},"
    "{\"g\":{\"call\":\"http\",\"with\":{\"method\":\"get\",\"endpoint\":\"https://h/"
    "\"}}}]}}}],\"catch\":{\"retry\":{"
    "\"delay\":\"PT1S\",\"jitter\":{\"from\":\"PT0S\",\"to\":\"PT1S\"},\"limit\":{\"attempt\":{\"count\":3,"
    "\"duration\":\"PT4S\"}}},\"do\":[{\"e\":{\"emit\":{\"event\":{\"with\":{\"type\":\"t\",\"data\":\"${ "
    "$error }\"}}}}}]}}}]}",
    HEAD "[{\"f\":{\"fork\":{\"compete\":true,\"branches\":[{\"a\":{\"do\":[{\"w\":{\"wait\":\"PT1S\","
         "\"then\":\"end\"}}]}},"
         "{\"b\":{\"fork\":{\"branches\":[{\"c\":{\"wait\":\"PT2S\",\"timeout\":{\"after\":\"PT1S\"}}},"
         "{\"d\":{\"call\":\"http\",\"with\":{\"method\":\"get\",\"endpoint\":\"https://h/\"}}}]}}}]}}}]}",
};
#define TEXTS (sizeof texts / sizeof texts[0])

static struct flow_definition *kept[TEXTS];

/* libjq holds its stack by its end, which the leak sanitizer does not take for a pointer to it. */
static void free_kept(void)
{
    for (size_t i = 0; i < TEXTS; i++)
        flow_definition_unref(kept[i]);
}

static struct flow_definition *definition(unsigned i)
{
    static bool is_registered;
    if (!is_registered)
        is_registered = atexit(free_kept) == 0;
    struct buffer findings = BUFFER_MAX(LIMIT_DEFINITION), manifest = BUFFER_MAX(LIMIT_DEFINITION);
    if (!kept[i] && flow_definition_compile(slice_text(texts[i]), &findings, &manifest, &kept[i]) < 0)
        __builtin_trap();
    buffer_free(&findings);
    buffer_free(&manifest);
    return kept[i];
}

static void play(struct flow_run *run, struct slice rest)
{
    struct flow_step step;
    int64_t now = 1000;
    while (flow_run_step(run, &step) == 0 && step.status == STEP_WAITING && rest.len >= 5) {
        struct msg_worker_result m = {
            .effect = rest.p[0], .kind = rest.p[1], .at_ms = now += rest.p[2], .status = 200 + rest.p[3] % 8};
        if (rest.p[3] >= 128)
            m.code = -(1000 + rest.p[3] % 32);
        size_t len = rest.p[4] < rest.len - 5 ? rest.p[4] : rest.len - 5;
        m.body = slice_of(rest.p + 5, len);
        m.headers = slice_of("\x0c\0\0\0content-type\x10\0\0\0application/json", 36);
        rest = slice_of(rest.p + 5 + len, rest.len - 5 - len);
        if (flow_run_deliver(run, &m) < 0)
            continue;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow_run *run = NULL;
    if (size < 1)
        return 0;
    struct msg_worker_start start = {.run = 7, .started_ms = 1000, .input = slice_text("{\"x\":\"y\"}")};
    if (flow_run_new(definition(data[0] % TEXTS), &start, &run, NULL) < 0)
        __builtin_trap();
    play(run, slice_of(data + 1, size - 1));
    flow_run_free(run);
    return 0;
}
