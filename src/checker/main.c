/* The checker: what is wrong with a definition, and what it declares (the manifest). It compiles as a worker
 * does, but is never given a run. The engine lets each process answer once and has it ended then, so what a
 * definition does to its checker it does to itself alone: no definition has a say in another one's manifest
 * (docs/decisions/0016-checker.md). The command's `check` speaks to it as the engine does. */
#include "base/error.h"
#include "flow/budget.h"
#include "flow/flow.h"
#include "role/engine_only.h"
#include "role/role.h"

static int on_check(struct channel *channel, struct slice payload, int fd)
{
    (void)fd;
    struct msg_checker_check m;
    int r = wire_decode_checker_check(payload, &m);
    if (r < 0)
        return r;
    struct buffer findings = BUFFER_MAX(2 * LIMIT_DEFINITION), manifest = BUFFER_MAX(2 * LIMIT_DEFINITION);
    struct flow_definition *definition = NULL;
    flow_budget_begin(LIMIT_COMPILE_CPU_MS);
    int code = flow_definition_compile(m.text, &findings, &manifest, &definition);
    flow_budget_end();
    flow_definition_unref(definition);
    struct msg_checker_findings answer = {.tag = m.tag,
                                          .code = code < 0 ? code : 0,
                                          .findings = buffer_slice(&findings),
                                          .manifest = buffer_slice(&manifest)};
    r = CHANNEL_SEND(channel, CHECKER_FINDINGS, checker_findings, &answer);
    buffer_free(&findings);
    buffer_free(&manifest);
    return r;
}

static role_message_handler *const handlers[WIRE_TYPE_COUNT] = {[WIRE_CHECKER_CHECK] = on_check};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    return role_dispatch(handlers, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

static const struct channel_handlers engine_handlers = {.message = on_message, .closed = engine_only_closed};

static int on_connect(enum role peer, uint16_t index, int fd)
{
    (void)index;
    return engine_only_connect(ROLE_CHECKER, peer, fd, &engine_handlers);
}

int main(int argc, char **argv)
{
    static const struct role_handlers role = {.self = ROLE_CHECKER, .connect = on_connect};
    /* Before the lock-down, which forbids a second try: a checker without a budget does not serve [I8]. */
    if (flow_budget_init(NULL) < 0)
        return 4;
    return role_main(argc, argv, &role);
}
