/* The audit leaf: one event as canonical JSON (RFC 8785), one flat object. What is absent is omitted; keys are short, since a
 * leaf is most of what a run costs on disk. The format, key by key, is docs/formats/audit-leaf.md.
 *
 * A leaf never holds a secret or a payload [I2]: texts are names, slugs and templates, bodies are digests. */
#ifndef AUDIT_LEAF_H
#define AUDIT_LEAF_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/id.h"

/* A(NAME, "slug") — the number of an action is not stored; new ones go anywhere. */
#define AUDIT_ACTIONS(A)                                                                                         \
    A(AUDIT_RUN_STARTED, "run.started")                                                                          \
    A(AUDIT_RUN_COMPLETED, "run.completed")                                                                      \
    A(AUDIT_RUN_FAULTED, "run.faulted")                                                                          \
    A(AUDIT_RUN_CANCELLED, "run.cancelled")                                                                      \
    A(AUDIT_RUN_READ, "run.read")                                                                                \
    A(AUDIT_EFFECT_INTENDED, "effect.intended")                                                                  \
    A(AUDIT_EFFECT_COMPLETED, "effect.completed")                                                                \
    A(AUDIT_EFFECT_FAILED, "effect.failed")                                                                      \
    A(AUDIT_EFFECT_UNKNOWN, "effect.unknown")                                                                    \
    A(AUDIT_EVENT_EMITTED, "event.emitted")                                                                      \
    A(AUDIT_REQUEST_DENIED, "request.denied")                                                                    \
    A(AUDIT_RATE_LIMITED, "rate.limited")                                                                        \
    A(AUDIT_WEBHOOK_REFUSED, "webhook.refused")                                                                  \
    A(AUDIT_LOGIN_OK, "login.ok")                                                                                \
    A(AUDIT_LOGIN_FAILED, "login.failed")                                                                        \
    A(AUDIT_TOKEN_CREATED, "token.created")                                                                      \
    A(AUDIT_TOKEN_REVOKED, "token.revoked")                                                                      \
    A(AUDIT_NAMESPACE_CREATED, "namespace.created")                                                              \
    A(AUDIT_WORKFLOW_DEPLOYED, "workflow.deployed")                                                              \
    A(AUDIT_WORKFLOW_ENABLED, "workflow.enabled")                                                                \
    A(AUDIT_WORKFLOW_DISABLED, "workflow.disabled")                                                              \
    A(AUDIT_CREDENTIAL_SET, "credential.set")                                                                    \
    A(AUDIT_CREDENTIAL_REVOKED, "credential.revoked")                                                            \
    A(AUDIT_GRANT_DENIED, "grant.denied")                                                                        \
    A(AUDIT_AUDIT_READ, "audit.read")                                                                            \
    A(AUDIT_CONFIG_CHANGED, "config.changed")                                                                    \
    A(AUDIT_SERVER_STARTED, "server.started")                                                                    \
    A(AUDIT_SERVER_STOPPED, "server.stopped")                                                                    \
    A(AUDIT_LOG_RESUMED, "log.resumed")                                                                          \
    A(AUDIT_WORKER_KILLED, "worker.killed")                                                                      \
    A(AUDIT_RETENTION_APPLIED, "retention.applied")

enum audit_action {
    AUDIT_ACTION_NONE,
#define A(NAME, slug) NAME,
    AUDIT_ACTIONS(A)
#undef A
        AUDIT_ACTION_COUNT
};

#define AUDIT_OUTCOMES(O)                                                                                        \
    O(AUDIT_OK, "ok")                                                                                            \
    O(AUDIT_DENIED, "denied")                                                                                    \
    O(AUDIT_FAILED, "failed")

enum audit_outcome {
#define O(NAME, slug) NAME,
    AUDIT_OUTCOMES(O)
#undef O
        AUDIT_OUTCOME_COUNT
};

const char *audit_action_slug(enum audit_action action); /* "?" for a number that is none */
const char *audit_outcome_slug(enum audit_outcome outcome);
enum audit_action audit_action_parse(struct slice slug); /* AUDIT_ACTION_NONE for an unknown one */

/* The members of a leaf in the order of its keys (canonical: ascending). F(kind, member, "key")
 *   text    UTF-8; "" is absent; longer than AUDIT_TEXT_MAX is cut and ends in U+2026
 *   digest  32 bytes, written in base64; an empty slice is absent
 *   list    names joined by ","; written as an array of strings; "" is absent
 *   number  0 is absent (at most 2^53-1; larger ones are clamped to it)
 *   action, outcome, time, run: always present but for run, which is absent when 0
 *   effect  written for the effect.* actions only, 0 included */
#define AUDIT_FIELDS(F)                                                                                          \
    F(action, action, "action")                                                                                  \
    F(text, actor, "actor")            /* who: principal, workflow or webhook */                                 \
    F(text, address, "addr")           /* of the client, or the one that an effect connected to */               \
    F(text, auth, "auth")              /* how the actor was authenticated: "token", "github", "none" … */        \
    F(number, before_ms, "before")     /* retention: runs that ended before this were deleted */                 \
    F(list, credentials, "creds")      /* names of credentials that were used */                                 \
    F(digest, definition, "def")       /* SHA-256 of the definition's text */                                    \
    F(text, detail, "detail")          /* free text for a person */                                              \
    F(digest, digest, "digest")        /* of the row that the leaf tells of */                                     \
    F(effect, effect, "effect")        /* number within the run */                                               \
    F(text, error, "error")            /* slug of base/error.h or type of a workflow's error */                  \
    F(number, bytes_in, "in")                                                                                    \
    F(text, actor_kind, "kind")        /* "principal", "webhook", "schedule", "workflow", "server" */            \
    F(text, method, "method")          /* HTTP method */                                                         \
    F(number, duration_ms, "ms")                                                                                 \
    F(text, ns, "ns")                                                                                            \
    F(text, object, "object")          /* what was acted on, when it is no workflow or run */                    \
    F(text, origin, "origin")          /* "https://api.example.com:443" */                                       \
    F(number, bytes_out, "out")                                                                                  \
    F(outcome, outcome, "outcome")                                                                               \
    F(text, path, "path")              /* template, never the expanded path */                                   \
    F(digest, request, "req")          /* SHA-256 of the request's body, or a keyed digest of it */              \
    F(digest, response, "res")                                                                                   \
    F(run, run, "run")                                                                                           \
    F(number, status, "status")        /* HTTP status */                                                         \
    F(time, time_ms, "time")           /* milliseconds since 1970 */                                             \
    F(text, version, "version")        /* of the workflow or credential */                                       \
    F(text, workflow, "wf")

#define AUDIT_TEXT_MAX 256 /* bytes of one text of a leaf before escaping; `detail` included */

#define AUDIT_MEMBER_text(member)    struct slice member;
#define AUDIT_MEMBER_digest(member)  struct slice member;
#define AUDIT_MEMBER_list(member)    struct slice member;
#define AUDIT_MEMBER_number(member)  uint64_t member;
#define AUDIT_MEMBER_effect(member)  uint32_t member;
#define AUDIT_MEMBER_run(member)     struct run_id member;
#define AUDIT_MEMBER_time(member)    int64_t member;
#define AUDIT_MEMBER_action(member)  enum audit_action member;
#define AUDIT_MEMBER_outcome(member) enum audit_outcome member;

/* One event. Designated initialisers, all slices borrowed:
 *   struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = now, .run = id, .ns = ns, …}; */
struct audit_event {
#define F(kind, member, key) AUDIT_MEMBER_##kind(member)
    AUDIT_FIELDS(F)
#undef F
};

/* Appends the leaf of `e`. -SP_EINVALID without action or with a digest of the wrong length; else errors of the buffer. */
[[gnu::warn_unused_result]] int audit_leaf_encode(const struct audit_event *e, struct buffer *ret);

/* A copy whose slices are in `memory`; `*ok` becomes false without memory. */
struct audit_event audit_event_copy(const struct audit_event *e, struct arena *memory, bool *ok);

/* Reads a leaf and checks that it is canonical: byte for byte what audit_leaf_encode writes, so that an event has one form.
 * Texts without escapes borrow from `leaf`; all others live in `memory`, which is cleared first and must outlive `ret`.
 * -SP_ESYNTAX when it is not canonical JSON of a leaf, -SP_EINVALID when a value is none of its key, -ENOMEM. */
[[gnu::warn_unused_result]] int audit_leaf_decode(struct slice leaf, struct audit_event *ret, struct buffer *memory);

#endif
