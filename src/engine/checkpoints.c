/* checkpoints: asks the committer for the log's head and the proof that it continues the last signed one, the vault for its
 * signature, and keeps the result. One at a time. The vault verifies the proof: an engine that rewrote the log gets none. */
#include "engine/checkpoints.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "engine/commit.h"
#include "engine/committer.h"
#include "engine/credentials.h"
#include "engine/peers.h"
#include "engine/request.h"
#include "engine/resumed.h"
#include "engine/slow.h"
#include "role/role.h"

#define INTERVAL_S 1.
#define PATIENCE_S 3. /* for the last one: the vault may be away */
#define LAST_TRIES 3

static struct buffer last_note = BUFFER_MAX(LIMIT_TEXT);
static uint64_t last_size, stored_size, asked_size;
static bool is_busy, must_retry, vault_knows_last;
static ev_timer tick, patience;
static void (*signed_first)(int code, const char *why);
static void (*finished)(void);
static unsigned last_tries;
static struct request *waiting[LIMIT_CHECKPOINTS_ASKED];
static size_t n_waiting;

static int on_last(void *user, uint64_t size, struct slice note, int64_t at_ms)
{
    (void)user;
    (void)at_ms;
    last_size = stored_size = size;
    buffer_clear(&last_note);
    return buffer_append_slice(&last_note, note);
}

int checkpoints_load(struct store_reader *reader)
{
    int r = store_checkpoint_last(reader, on_last, NULL);
    return r == -SP_ENOTFOUND ? 0 : r;
}

/* What was signed last; of the empty log when there is nothing. */
static int last_checkpoint(struct checkpoint *ret)
{
    const struct identity *identity = identity_of_vault();
    if (last_note.len > 0)
        return identity ? note_open_checkpoint(buffer_slice(&last_note), slice_text(identity->origin), identity->audit_public, ret)
                        : -SP_EUNAVAILABLE;
    ret->size = 0;
    merkle_empty_root(ret->root);
    return 0;
}

int checkpoints_check(struct store_reader *reader, struct diag *reterr)
{
    struct checkpoint last;
    int r = last_checkpoint(&last);
    if (r == 0 && last.size != last_size)
        r = -SP_ETAMPERED;
    if (r == -ENOMEM)
        return diag_set(reterr, r, "there is no memory for its last checkpoint");
    if (r < 0)
        return diag_set(reterr, -SP_ETAMPERED, "its last checkpoint is not one that this server signed");
    struct store_head head;
    store_head(committer_store(), &head); /* nothing of this life is under way */
    return resumed_look(reader, &last, &head, reterr);
}

void checkpoints_vault_restarted(void)
{
    vault_knows_last = false;
}

static void answer_waiting(int code)
{
    for (size_t i = 0; i < n_waiting; i++) {
        if (code < 0)
            respond_problem(waiting[i], code, "The log's head could not be signed now.");
        else
            respond(waiting[i], 200, "text/plain; charset=utf-8", buffer_slice(&last_note), (struct slice){0});
    }
    n_waiting = 0;
}

static void begin(void);

static void finish(void)
{
    void (*done)(void) = finished;
    finished = NULL;
    ev_timer_stop(role_loop(), &patience);
    if (done)
        done();
}

/* Runs that are under way go on writing leaves: they are signed too, but not for ever. */
static void finish_or_go_on(int code)
{
    if (code == 0 && committer_has_news() && ++last_tries < LAST_TRIES)
        begin();
    else
        finish();
}

static void tell_first(int code, const char *why)
{
    void (*tell)(int code, const char *why) = signed_first;
    signed_first = NULL;
    if (!tell)
        return;
    if (code == 0)
        ev_timer_start(role_loop(), &tick);
    tell(code, why);
}

/* `reason` is the vault's; "" is ours, which the code says. */
static void ends(int code, const char *what, struct slice reason)
{
    char why[512];
    struct slice text = reason.len ? reason : slice_text(error_text(code));
    (void)snprintf(why, sizeof why, "%.*s", SLICE_ARGS(text));
    is_busy = false;
    must_retry = code < 0;
    if (code < 0)
        log_event(LOG_LEVEL_ERROR, "engine.checkpoint-failed", "at", what, "error", why, NULL);
    answer_waiting(code);
    tell_first(code, why);
    if (finished)
        finish_or_go_on(code);
}

static void on_stored(int code, uint32_t id, void *user)
{
    (void)id;
    (void)user;
    if (code == 0)
        stored_size = last_size;
    ends(code, "store", (struct slice){0});
}

static void store_last(void)
{
    struct commit *c = commit_new_of_log(on_stored, NULL);
    if (!c) {
        ends(-SP_EOVERLOAD, "store", (struct slice){0});
        return;
    }
    commit_checkpoint(c, last_size, buffer_slice(&last_note), clock_wall_ms());
    commit_submit(c);
}

static bool keep(uint64_t size, struct slice note)
{
    struct buffer next = BUFFER_MAX(LIMIT_TEXT);
    if (buffer_append_slice(&next, note) < 0) {
        buffer_free(&next);
        return false;
    }
    buffer_free(&last_note);
    last_note = next;
    last_size = size;
    vault_knows_last = true;
    return true;
}

/* The vault has signed a later head than the one that we kept: we died between its signature and the disk. What it signed is
 * the state from which the next one must be proven. */
static bool adopt(const struct msg_vault_signed *m)
{
    struct checkpoint head;
    const struct identity *identity = identity_of_vault();
    if (!m || !m->checkpoint.len || !identity ||
        note_open_checkpoint(m->checkpoint, slice_text(identity->origin), identity->audit_public, &head) < 0 ||
        head.size <= last_size)
        return false;
    return keep(head.size, m->checkpoint);
}

static void on_signed(int code, const void *answer, void *user)
{
    (void)user;
    const struct msg_vault_signed *m = answer;
    if (code < 0 && adopt(m)) {
        is_busy = false;
        begin();
        return;
    }
    if (code < 0) {
        ends(code, "vault", m ? m->reason : (struct slice){0});
        return;
    }
    if (keep(asked_size, m->checkpoint))
        store_last();
    else
        ends(-ENOMEM, "vault", (struct slice){0});
}

/* The head is of the size that was signed last. */
static void on_signed_head(const struct store_head *head)
{
    struct checkpoint last;
    int r = last_checkpoint(&last);
    if (r == 0 && memcmp(head->root, last.root, sizeof last.root) != 0)
        r = -SP_ETAMPERED;
    if (r == 0 && stored_size != last_size)
        store_last();
    else
        ends(r, "head", (struct slice){0});
}

static void on_head(int code, const struct store_head *head, struct slice proof, void *user)
{
    (void)user;
    if (code == 0 && head->size == last_size) {
        on_signed_head(head);
        return;
    }
    if (code < 0) {
        ends(code, "head", (struct slice){0});
        return;
    }
    asked_size = head->size;
    struct msg_vault_sign m = {.size = head->size, .proof = proof};
    memcpy(m.root, head->root, sizeof m.root);
    if (!vault_knows_last)
        m.last = buffer_slice(&last_note);
    code = vault_ask_sign(&m, on_signed, NULL);
    if (code < 0)
        ends(code, "vault", (struct slice){0});
}

static void begin(void)
{
    if (is_busy)
        return;
    is_busy = true;
    committer_ask_head(last_size, on_head, NULL);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    if (vault_is_unlocked() && (committer_has_news() || must_retry))
        begin();
}

void checkpoints_start(void (*tell)(int code, const char *why))
{
    ev_timer_stop(role_loop(), &tick);
    ev_timer_init(&tick, on_tick, INTERVAL_S, INTERVAL_S);
    signed_first = tell;
    begin();
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    finish();
}

void checkpoints_finish(void (*done)(void))
{
    if (finished)
        return;
    ev_timer_stop(role_loop(), &tick);
    finished = done;
    ev_timer_init(&patience, on_patience, PATIENCE_S, 0.);
    ev_timer_start(role_loop(), &patience);
    begin();
}

void api_audit_checkpoint(struct request *r)
{
    if (n_waiting == LIMIT_CHECKPOINTS_ASKED) {
        respond_problem(r, -SP_EOVERLOAD, "Too many ask for a checkpoint now.");
        return;
    }
    waiting[n_waiting++] = r;
    begin();
}
