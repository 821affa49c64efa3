/* effects: what leaves a run once its intent is durable, and what comes back. Timers are kept here; calls go to egress with
 * the workflow's grants and the names of its secrets. Called by step.c and load.c.
 * A call whose result is lost was perhaps performed: it is repeated only if that is safe, which is: its method is idempotent
 * (RFC 9110, 9.2.2), or it carries an Idempotency-Key, which egress adds to every POST and PATCH from run and effect. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/metrics.h"
#include "engine/peers.h"
#include "engine/registry.h"
#include "engine/run.h"
#include "policy/uri.h"
#include "role/role.h"

/* --- the open effects of a run ------------------------------------------------------------------------------------- */

struct effect *effect_find(struct run *run, uint32_t number)
{
    struct effect *effect = run->effects;
    while (effect && effect->number != number)
        effect = effect->next;
    return effect;
}

static int timer_due(struct slice record, int64_t *ret)
{
    struct msg_effect_timer m;
    int r = wire_decode_effect_timer(record, &m);
    if (r < 0)
        return r;
    if (m.delay_ms > (uint64_t)LIMIT_DURATION_MS)
        return -SP_ELIMIT;
    *ret = clock_monotonic_ms() + (int64_t)m.delay_ms;
    return 0;
}

int effect_add(struct run *run, enum effect_kind kind, uint32_t number, struct slice record, struct effect **ret)
{
    int64_t due_ms = 0;
    if (run->n_effects == LIMIT_OPEN_EFFECTS || number == 0 || effect_find(run, number))
        return -SP_ELIMIT;
    int r = kind == EFFECT_TIMER ? timer_due(record, &due_ms) : 0;
    if (r < 0)
        return r;
    struct effect *effect = calloc(1, sizeof *effect);
    struct slice copy = slice_owned(kind == EFFECT_CALL ? record : (struct slice){0});
    if (!effect || !copy.p) {
        free(effect);
        slice_owned_free(&copy);
        return -ENOMEM;
    }
    *effect = (struct effect){.run = run, .number = number, .kind = kind, .due_ms = due_ms,
                              .record = (uint8_t *)(uintptr_t)copy.p, .record_len = copy.len};
    struct effect **end = &run->effects;
    while (*end)
        end = &(*end)->next;
    *end = effect;
    run->n_effects++;
    *ret = effect;
    return 0;
}

void effect_remove(struct effect *effect)
{
    struct run *run = effect->run;
    struct effect **place = &run->effects;
    while (*place != effect)
        place = &(*place)->next;
    *place = effect->next;
    run->n_effects--;
    ev_timer_stop(role_loop(), &effect->timer);
    if (effect->egress_tag)
        egress_cancel(effect->egress_tag);
    free(effect->record);
    free(effect);
}

void effects_forget_timers(struct run *run)
{
    free(run->kept);
    run->kept = NULL;
    run->n_kept = 0;
}

void effects_free(struct run *run)
{
    while (run->effects)
        effect_remove(run->effects);
    effects_forget_timers(run);
}

bool effects_keep_timers(struct run *run)
{
    struct kept_timer *kept = malloc(run->n_effects * sizeof *kept);
    if (!kept)
        return false;
    uint32_t n = 0;
    for (const struct effect *effect = run->effects; effect; effect = effect->next)
        kept[n++] = (struct kept_timer){effect->due_ms, effect->number, effect->is_by_wall};
    effects_free(run);
    run->kept = kept;
    run->n_kept = n;
    return true;
}

void effect_resume(struct effect *effect, int64_t at_ms)
{
    const struct run *run = effect->run;
    for (uint32_t i = 0; i < run->n_kept; i++)
        if (run->kept[i].number == effect->number) {
            effect->due_ms = run->kept[i].due_ms;
            effect->is_by_wall = run->kept[i].is_by_wall;
            return;
        }
    /* Of an earlier life: the wall clock alone tells how long it has waited; if that stepped back, it waits its whole time. */
    int64_t waited = run_wall_ms() - at_ms;
    effect->is_by_wall = true;
    if (waited > 0)
        effect->due_ms -= waited;
}

int64_t effects_left_ms(const struct run *run)
{
    int64_t due = INT64_MAX, now = clock_monotonic_ms();
    for (uint32_t i = 0; i < run->n_kept; i++)
        due = run->kept[i].due_ms < due ? run->kept[i].due_ms : due;
    for (const struct effect *effect = run->effects; effect; effect = effect->next) {
        if (effect->kind != EFFECT_TIMER)
            return -1;
        if (effect->due_ms < due)
            due = effect->due_ms;
    }
    return due == INT64_MAX ? -1 : due > now ? due - now : 0;
}

int64_t effects_due(const struct run *run)
{
    int64_t left = effects_left_ms(run);
    return left < 0 ? 0 : clock_wall_ms() + left;
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static size_t results_len;

void result_free(struct result *result)
{
    struct arena *memory = result->memory;
    results_len -= result->len;
    struct arena copy = *memory; /* both live in it */
    arena_free(&copy);
}

static struct result *result_new(uint32_t effect, enum effect_kind kind)
{
    struct arena arena = {0};
    struct arena *memory = arena_alloc(&arena, sizeof *memory);
    struct result *result = memory ? arena_alloc(&arena, sizeof *result) : NULL;
    if (!result) {
        arena_free(&arena);
        return NULL;
    }
    *memory = arena;
    result->memory = memory;
    result->message.effect = effect;
    result->message.kind = (uint8_t)kind;
    return result;
}

static void answer_lost(struct effect *effect);

static void no_memory(struct effect *effect)
{
    log_event(LOG_LEVEL_ERROR, "engine.out-of-memory", "run", LOG_U64(effect->run->id.n), NULL);
    answer_lost(effect);
}

/* --- timers -------------------------------------------------------------------------------------------------------- */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct effect *effect = timer->data;
    struct run *run = effect->run;
    struct result *result = result_new(effect->number, EFFECT_TIMER);
    if (!result) {
        ev_timer_set(timer, 1., 0.);
        ev_timer_start(role_loop(), timer);
        return;
    }
    effect_remove(effect);
    result_push(run, result);
}

static void begin_timer(struct effect *effect)
{
    int64_t delay = effect->due_ms - clock_monotonic_ms();
    ev_timer_init(&effect->timer, on_timer, delay > 0 ? (double)delay / 1000. : 0., 0.);
    effect->timer.data = effect;
    ev_now_update(role_loop());
    ev_timer_start(role_loop(), &effect->timer);
}

void effects_follow_clock(struct run *run, int64_t step_ms)
{
    for (uint32_t i = 0; i < run->n_kept; i++)
        if (run->kept[i].is_by_wall)
            run->kept[i].due_ms -= step_ms;
    for (struct effect *effect = run->effects; effect; effect = effect->next) {
        if (!effect->is_by_wall)
            continue;
        effect->due_ms -= step_ms;
        if (effect->kind == EFFECT_TIMER && ev_is_active(&effect->timer)) {
            ev_timer_stop(role_loop(), &effect->timer);
            begin_timer(effect);
        }
    }
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

static char origin_text[POLICY_ORIGIN_TEXT];

void effect_leaf(const struct run *run, const struct msg_effect_call *call, uint32_t number, enum audit_action action,
                 struct audit_event *ret)
{
    const struct workflow *w = run->workflow;
    struct policy_uri uri;
    struct slice origin = {0};
    if (policy_uri_parse(call->uri, &uri, NULL) == 0) {
        policy_origin_text(&uri.origin, origin_text);
        origin = slice_text(origin_text);
    }
    *ret = (struct audit_event){.action = action, .time_ms = run->last_ms, .run = run->id, .effect = number,
                                .ns = slice_text(w->ns->name), .workflow = slice_text(w->name), .origin = origin,
                                .method = call->method, .path = call->path_template};
}

static enum audit_action action_of(int code, bool was_sent)
{
    if (code == 0)
        return AUDIT_EFFECT_COMPLETED;
    return code == -SP_EDENIED ? AUDIT_GRANT_DENIED : was_sent ? AUDIT_EFFECT_UNKNOWN : AUDIT_EFFECT_FAILED;
}

static void call_leaf(const struct effect *effect, const struct msg_egress_result *m, struct audit_event *ret)
{
    struct msg_effect_call call;
    if (wire_decode_effect_call(slice_of(effect->record, effect->record_len), &call) < 0)
        call = (struct msg_effect_call){0};
    effect_leaf(effect->run, &call, effect->number, action_of(m->code, m->was_sent), ret);
    ret->time_ms = clock_wall_ms();
    ret->outcome = m->code == 0 ? AUDIT_OK : m->code == -SP_EDENIED ? AUDIT_DENIED : AUDIT_FAILED;
    ret->error = m->code < 0 ? slice_text(error_slug(m->code)) : (struct slice){0};
    ret->detail = m->reason;
    ret->status = m->status;
    ret->address = m->address;
    ret->credentials = m->credentials;
    ret->bytes_in = m->bytes_in;
    ret->bytes_out = m->bytes_out;
    ret->duration_ms = m->duration_ms;
    ret->request = slice_of(m->request_digest, sizeof m->request_digest);
    ret->response = m->code == 0 ? slice_of(m->response_digest, sizeof m->response_digest) : (struct slice){0};
}

/* An answer for which there is no room [I6]: the call has ended, and what it brought is not known. */
static const struct msg_egress_result *without_answer(const struct msg_egress_result *m, struct msg_egress_result *ret)
{
    *ret = *m;
    ret->code = -SP_EOVERLOAD;
    ret->status = 0;
    ret->headers = ret->body = (struct slice){0};
    ret->reason = SLICE_LITERAL("too many answers of other calls wait for their runs");
    return ret;
}

static void call_ends(struct effect *effect, const struct msg_egress_result *m)
{
    struct run *run = effect->run;
    struct msg_egress_result without;
    if (m->headers.len + m->body.len > LIMIT_RESULTS_TOTAL - results_len)
        m = without_answer(m, &without);
    struct result *result = result_new(effect->number, EFFECT_CALL);
    if (!result) {
        no_memory(effect);
        return;
    }
    struct arena *memory = result->memory;
    struct audit_event leaf;
    bool ok = true;
    call_leaf(effect, m, &leaf);
    result->has_leaf = true;
    result->leaf = audit_event_copy(&leaf, memory, &ok);
    result->len = m->headers.len + m->body.len;
    results_len += result->len;
    struct msg_worker_result *to = &result->message;
    to->code = m->code;
    to->status = m->status;
    to->uri = arena_copy(memory, m->uri, &ok);
    to->headers = arena_copy(memory, m->headers, &ok);
    to->body = arena_copy(memory, m->body, &ok);
    to->reason = arena_copy(memory, m->reason, &ok);
    if (!ok) {
        result_free(result);
        no_memory(effect);
        return;
    }
    if (m->code == -SP_EDENIED)
        metrics_count(METRIC_CALLS_DENIED);
    effect->egress_tag = 0;
    effect_remove(effect);
    result_push(run, result);
}

static bool may_repeat(const struct effect *effect)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "POST", "PATCH"};
    struct msg_effect_call call;
    if (wire_decode_effect_call(slice_of(effect->record, effect->record_len), &call) < 0)
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (slice_is(call.method, methods[i]))
            return true;
    return false;
}

static void call_unknown(struct effect *effect)
{
    struct msg_egress_result m = {
        .code = -SP_EUNAVAILABLE,
        .was_sent = 1,
        .reason = SLICE_LITERAL("outcome unknown: the server stopped while the call was under way, and repeating it is not safe"),
    };
    call_ends(effect, &m);
}

static void on_send_again(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct effect *effect = timer->data;
    if (effect->repeats > LIMIT_REPEATS)
        call_unknown(effect);
    else
        effect_repeat(effect);
}

/* A little later each time: what broke is being started again. */
static void send_again(struct effect *effect)
{
    ev_timer_init(&effect->timer, on_send_again, .1 * effect->repeats, 0.);
    effect->timer.data = effect;
    ev_now_update(role_loop());
    ev_timer_start(role_loop(), &effect->timer);
}

/* Egress died with the call in its hands, or there was no memory for what it answered. If it is the call that does it, that ends. */
static void answer_lost(struct effect *effect)
{
    effect->egress_tag = 0;
    effect->repeats++;
    send_again(effect);
}

/* A call that failed before it left, because the vault was away: it fails for a reason that is ours and passes. */
static bool is_vaults_fault(const struct effect *effect, const struct msg_egress_result *m)
{
    return m->code < 0 && !m->was_sent && (m->was_vault_away || vault_was_away(effect->begun_ms));
}

static void on_called(int code, const void *answer, void *user)
{
    struct effect *effect = user;
    const struct msg_egress_result *m = answer;
    (void)code;
    if (m && (effect->repeats == LIMIT_REPEATS || !is_vaults_fault(effect, m))) {
        call_ends(effect, m);
        return;
    }
    answer_lost(effect);
}

static void begin_call(struct effect *effect)
{
    if (!vault_is_unlocked())
        return; /* egress_connected sends it */
    effect->begun_ms = clock_monotonic_ms();
    const struct run *run = effect->run;
    const struct workflow *w = run->workflow;
    char id[RUN_ID_LEN + 1], key[LIMIT_NAME];
    run_id_text(run->id, id);
    (void)snprintf(key, sizeof key, "%s-%u", id, effect->number);
    struct msg_egress_call m = {.ns = slice_text(w->ns->name), .secrets = w->secrets, .grants = w->grants,
                                .idempotency_key = slice_text(key), .call = slice_of(effect->record, effect->record_len)};
    memcpy(m.nonce, run->nonce, sizeof m.nonce);
    int r = egress_ask_call(&m, on_called, effect, &effect->egress_tag);
    if (r == 0) {
        metrics_count(METRIC_CALLS);
        return;
    }
    effect->egress_tag = 0;
    if (r == -SP_EUNAVAILABLE)
        return; /* egress_connected sends it */
    struct msg_egress_result refused = {.code = r, .reason = slice_text(error_text(r))};
    call_ends(effect, &refused);
}

/* Its intent is durable: now it may leave [I1]. */
static void effect_begin(struct effect *effect)
{
    if (effect->kind == EFFECT_TIMER)
        begin_timer(effect);
    else
        begin_call(effect);
}

void effect_repeat(struct effect *effect)
{
    if (effect->kind == EFFECT_TIMER || may_repeat(effect))
        effect_begin(effect);
    else
        call_unknown(effect);
}

static void begin_all(struct run *run, bool is_repetition)
{
    struct effect *effect = run->effects;
    while (effect) {
        struct effect *next = effect->next;
        if (!effect->egress_tag && !ev_is_active(&effect->timer)) {
            if (is_repetition)
                effect_repeat(effect);
            else
                effect_begin(effect);
        }
        effect = next;
    }
}

void effects_begin(struct run *run, bool is_repetition)
{
    must(run->phase == PHASE_IDLE);
    /* What ends at once must not make the run go on, and perhaps end, while its effects are being walked through. */
    run->phase = PHASE_COMMIT;
    begin_all(run, is_repetition);
    run->phase = PHASE_IDLE;
    run_continue(run);
}

void egress_connected(void)
{
    /* In all other phases what is open is begun when what the run waits for is there. */
    struct run_walk walk;
    run_walk_begin(&walk);
    for (struct run *run; (run = run_walk_next(&walk));) {
        if (run->phase == PHASE_IDLE)
            effects_begin(run, true);
        else if (run->phase == PHASE_STEP)
            begin_all(run, true);
    }
}
