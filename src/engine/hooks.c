/* hooks: POST /hooks/{namespace}/{name}. A delivery starts a run if its workflow is live, within its rate, signed as the
 * definition says, and new. Until its signature is checked a delivery costs no memory beyond its request, and every refusal
 * says the same to its sender, whatever was wrong with the signature. */
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "engine/answer.h"
#include "engine/deliveries.h"
#include "engine/denials.h"
#include "engine/idempotency.h"
#include "engine/limiter.h"
#include "engine/metrics.h"
#include "engine/peers.h"
#include "engine/runs.h"

struct delivery {
    struct delivery *next; /* of the large ones that wait for their turn */
    struct request *request;
    struct workflow *workflow;
    uint8_t hash[DELIVERY_HASH_LEN];
    bool has_hash;
};

static void refuse(struct delivery *d, int code, const char *detail)
{
    metrics_count(METRIC_WEBHOOKS_REFUSED);
    if (d->has_hash)
        delivery_forget(d->hash);
    respond_problem(d->request, code, "%s", detail);
    free(d);
}

static void leaf_refused(const struct delivery *d, const char *why)
{
    denial_add(d->request, AUDIT_WEBHOOK_REFUSED, d->workflow->ns->name, d->workflow->name, slice_text(why));
}

/* --- the answer ---------------------------------------------------------------------------------------------------- */

/* What began with the same Idempotency-Key. */
static void on_first(int code, const struct run_outcome *outcome, void *user)
{
    struct delivery *d = user;
    if (code < 0) {
        refuse(d, code == -SP_ENOTFOUND ? -SP_ECONFLICT : code,
               "The run could not be made durable; nothing of it is there. Try again.");
        return;
    }
    if (!d->workflow->answers_at_once && !run_state_is_terminal(outcome->state)) {
        refuse(d, -SP_ECONFLICT, "The run that this Idempotency-Key began is still under way.");
        return;
    }
    if (d->has_hash)
        delivery_forget(d->hash); /* only what began a run is remembered, here as on disk */
    if (d->workflow->answers_at_once)
        answer_accepted(d->request, outcome->id);
    else
        answer_webhook(d->request, outcome);
    free(d);
}

static void on_run(int code, const struct run_outcome *outcome, void *user)
{
    struct delivery *d = user;
    uint8_t key[CRYPTO_HASH_LEN];
    if (code == -SP_ECONFLICT && idempotency_of(d->request, d->workflow, key) && idempotency_first(key, on_first, d) == 0)
        return;
    if (code < 0 && !outcome) {
        refuse(d, code, "The run could not be made durable; nothing of it is there. Try again.");
        return;
    }
    if (d->has_hash && code == 0)
        delivery_accept(d->hash);
    if (code < 0)
        answer_unknown(d->request, code);
    else if (outcome->state == RUN_PENDING)
        answer_accepted(d->request, outcome->id);
    else
        answer_webhook(d->request, outcome);
    free(d);
}

static void start(struct delivery *d)
{
    struct request *r = d->request;
    struct run_cause cause = {.trigger = TRIGGER_WEBHOOK, .actor = slice_text(d->workflow->key_name),
                              .auth = slice_text(webhook_scheme_text((int)d->workflow->scheme)), .peer = r->peer,
                              .delivery = d->has_hash ? d->hash : NULL};
    uint8_t key[CRYPTO_HASH_LEN];
    if (idempotency_of(r, d->workflow, key))
        cause.idempotency = slice_of(key, sizeof key);
    struct run_id id;
    int code = run_start(d->workflow, r->body, &cause, !d->workflow->answers_at_once, on_run, d, &id);
    if (code == -SP_ERATE)
        refuse(d, -SP_ERATE, "The workflow has as many runs under way as it may.");
    else if (code < 0)
        refuse(d, code, "No more runs can be taken now.");
    else
        metrics_count(METRIC_WEBHOOKS);
}

/* --- the signature ------------------------------------------------------------------------------------------------- */

static void refuse_rate(struct request *r, const struct workflow *w, const struct rate_answer *rate)
{
    denial_add(r, AUDIT_RATE_LIMITED, w->ns->name, w->name, SLICE_LITERAL("deliveries for this workflow"));
    respond_rate_limited(r, "deliveries for this workflow", rate);
}

/* Only what is signed counts: a flood of forged deliveries must not use up the rate of the true ones. */
static bool is_within_rate(struct delivery *d)
{
    const struct workflow *w = d->workflow;
    struct rate_answer rate;
    if (limiter_allow_workflow(w->id, w->rate_limit, w->rate_period_ms, w->rate_burst, &rate))
        return true;
    refuse_rate(d->request, w, &rate);
    free(d);
    return false;
}

static void begin(struct delivery *d);

/* A newer version may have come while the vault was busy: its key, its scheme and its tasks count, and not what was found by the
 * old one's. True if there is nothing more to decide. */
static bool has_changed(struct delivery *d)
{
    struct workflow *live = workflow_find(slice_text(d->workflow->ns->name), slice_text(d->workflow->name));
    if (!live || !live->is_enabled || !live->has_webhook) {
        refuse(d, -SP_ENOTFOUND, "There is no such webhook.");
        return true;
    }
    if (live == d->workflow)
        return false;
    d->workflow = live;
    begin(d);
    return true;
}

static void decide(int code, const struct msg_vault_verified *m, struct delivery *d)
{
    if (has_changed(d))
        return;
    if (code == -SP_EUNAVAILABLE || code == -ENOMEM || !m) {
        refuse(d, -SP_EUNAVAILABLE, "The signature cannot be checked now.");
        return;
    }
    if (code < 0) {
        char reason[LIMIT_NAME] = "";
        memcpy(reason, m->reason.p, m->reason.len < sizeof reason ? m->reason.len : sizeof reason - 1);
        log_event(LOG_LEVEL_WARN, "webhook.refused", "workflow", d->workflow->name, "reason", reason, NULL);
        leaf_refused(d, reason);
        refuse(d, -SP_EUNAUTHENTICATED, "The delivery is not signed as this workflow demands.");
        return;
    }
    d->request->is_proven = true;
    if (!is_within_rate(d))
        return;
    if (m->delivery.len) {
        /* The workflow is part of the name: one key may serve several. */
        uint8_t hash[CRYPTO_HASH_LEN];
        struct slice parts[] = {slice_of(&d->workflow->ns->id, sizeof d->workflow->ns->id), slice_text(d->workflow->name),
                                SLICE_LITERAL("\0"), m->delivery};
        crypto_sha256_parts(parts, 4, hash);
        memcpy(d->hash, hash, sizeof d->hash);
        int known = delivery_add(d->hash);
        if (known < 0) {
            leaf_refused(d, "seen before");
            refuse(d, known, known == -SP_EREPLAYED ? "This delivery was accepted before."
                                                    : "This delivery is being taken up; whether it is accepted is not known yet.");
            return;
        }
        d->has_hash = true;
    }
    start(d);
}

/* Of large deliveries the vault has one at a time: whoever sends many waits behind himself, and small ones pass. */
static struct {
    const struct delivery *asked;
    struct delivery *first, *last;
} large;

static void verify_next(void);

static void on_verified(int code, const void *answer, void *user)
{
    if (large.asked == user) {
        large.asked = NULL;
        verify_next();
    }
    decide(code, answer, user);
}

static bool ask_vault(struct delivery *d)
{
    const struct workflow *w = d->workflow;
    struct msg_vault_verify m = {.ns = slice_text(w->ns->name), .name = slice_text(w->key_name), .scheme = (uint8_t)w->scheme,
                                 .now_ms = d->request->at_ms, .tolerance_s = w->tolerance_s,
                                 .headers = d->request->headers, .body = d->request->body};
    int code = vault_is_unlocked() ? vault_ask_verify(&m, on_verified, d) : -SP_EUNAVAILABLE;
    if (code < 0)
        refuse(d, code, "The signature cannot be checked now.");
    return code >= 0;
}

static void verify_next(void)
{
    while (large.first && !large.asked) {
        struct delivery *d = large.first;
        large.first = d->next;
        large.asked = ask_vault(d) ? d : NULL;
    }
}

static void verify(struct delivery *d)
{
    if (d->request->body.len <= LIMIT_BODY_SMALL) {
        (void)ask_vault(d);
        return;
    }
    d->next = NULL;
    *(large.first ? &large.last->next : &large.first) = d;
    large.last = d;
    verify_next();
}

static void begin(struct delivery *d)
{
    if (d->workflow->scheme != WEBHOOK_NONE)
        verify(d);
    else if (is_within_rate(d))
        start(d);
}

void api_hook(struct request *r)
{
    struct workflow *w = workflow_find(r->params[0], r->params[1]);
    struct rate_answer rate;
    if (!w || !w->is_enabled || !w->has_webhook) {
        respond_problem(r, -SP_ENOTFOUND, "There is no such webhook.");
        return;
    }
    if (!limiter_has_room(w->id, w->rate_limit, w->rate_period_ms, w->rate_burst, &rate)) {
        refuse_rate(r, w, &rate);
        return;
    }
    struct delivery *d = calloc(1, sizeof *d);
    if (!d) {
        respond_problem(r, -SP_EOVERLOAD, "No memory for another delivery.");
        return;
    }
    *d = (struct delivery){.request = r, .workflow = w};
    begin(d);
}
