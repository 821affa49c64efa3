/* What a worker says of a step and a checker of a definition: hostile by assumption. Byte 0 chooses: a
 * WORKER_STEP's payload, or a manifest's JSON. Must hold: a step that passes can be acted on without a
 * further look (every record decodes, numbers only grow, texts are UTF-8); a manifest that passes gives
 * names, rates and grants within their limits, and grants that read again. */
#include <stdlib.h>

#include "base/error.h"
#include "base/id.h"
#include "base/must.h"
#include "engine/manifest.h"
#include "engine/step_check.h"
#include "policy/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_effects(struct slice effects, uint32_t last, uint32_t claimed)
{
    uint8_t kind;
    uint32_t number;
    struct slice record;
    int r;
    while ((r = wire_effects_next(&effects, &kind, &number, &record)) > 0) {
        struct msg_effect_call call;
        struct msg_effect_event event;
        must(number > last && number <= 2 * LIMIT_EFFECTS);
        must(kind != EFFECT_CALL || wire_decode_effect_call(record, &call) == 0);
        must(kind != EFFECT_EVENT ||
             (wire_decode_effect_event(record, &event) == 0 && slice_is_utf8(event.event)));
        last = number;
    }
    must(r == 0 && last == claimed);
}

static void fuzz_step(struct slice payload)
{
    struct msg_worker_step m;
    uint32_t last;
    if (wire_decode_worker_step(payload, &m) < 0 || step_check(&m, 3, &last) < 0)
        return;
    look_at_effects(m.effects, 3, last);
    must(m.trace.len % 3 == 0 && slice_is_utf8(m.output) && slice_is_utf8(m.error) &&
         slice_is_utf8(m.context));
    must(m.status != STEP_COMPLETED || m.output.len);
    must(m.status != STEP_FAULTED || m.error.len);
}

static void fuzz_manifest(struct slice json)
{
    struct workflow w = {0};
    char ns[64] = "";
    if (manifest_read(json, &w, ns) < 0) {
        must(!w.manifest.p && !w.grants.p && !w.secrets.p);
        return;
    }
    must(name_is_dsl(slice_text(ns)) && name_is_dsl(slice_text(w.name)) && *w.version);
    must(w.rate_limit >= 1 && w.rate_limit <= 1000000 && w.rate_burst >= 1 && w.rate_period_ms >= 1);
    must(w.concurrency >= 1 && w.concurrency <= LIMIT_RUNS_WAITING && w.retention_ms >= 0);
    must(!w.has_webhook || w.scheme == WEBHOOK_NONE || name_is_credential(slice_text(w.key_name)));
    struct policy_grants *grants = NULL;
    must(policy_grants_parse(w.grants, &grants, NULL) == 0);
    policy_grants_free(grants);
    struct slice rest = w.secrets, name, value;
    unsigned n = 0;
    while (wire_pairs_next(&rest, &name, &value) > 0)
        must(++n <= LIMIT_SECRETS && name_is_credential(name) && value.len == 0);
    const char *reference, *task;
    for (unsigned i = 0; i < 3; i++)
        if (workflow_task(&w, i, &reference, &task))
            must(reference && task);
    manifest_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        fuzz_manifest(slice_of(data + 1, size - 1));
    else
        fuzz_step(slice_of(data + 1, size - 1));
    return 0;
}
