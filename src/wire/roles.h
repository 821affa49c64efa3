/* The roles, and the small enumerations that more than one of them speaks. Each list stands here once. */
#ifndef WIRE_ROLES_H
#define WIRE_ROLES_H

#include "base/slice.h"

/* R(NAME, name): `name` is also the end of the executable's name, sallyport-NAME. */
#define WIRE_ROLES(R)                                                                                            \
    R(SUPERVISOR, supervisor)                                                                                    \
    R(GATEWAY, gateway)                                                                                          \
    R(ENGINE, engine)                                                                                            \
    R(VAULT, vault)                                                                                              \
    R(EGRESS, egress)                                                                                            \
    R(WORKER, worker)                                                                                            \
    R(CHECKER, checker)

enum role {
#define R(NAME, name) ROLE_##NAME,
    WIRE_ROLES(R)
#undef R
        ROLE_COUNT,
    ROLE_ANY = 255
};

const char *role_name(enum role role);

/* What CONTROL_FILE carries. */
enum control_file_kind {
    CONTROL_FILE_LISTENER = 1,    /* gateway: a listening socket */
    CONTROL_FILE_TLS_CERTIFICATE, /* gateway: PEM chain */
    CONTROL_FILE_TLS_KEY,         /* gateway: PEM key */
    CONTROL_FILE_ROOT_KEY,        /* vault: docs/formats/root-key.md */
    CONTROL_FILE_WORKER_PAGE,     /* engine and worker: struct worker_page, shared; `index` is the worker's */
    CONTROL_FILE_CA_BUNDLE,       /* egress: more certificate authorities, PEM */
};

#define ENUM_TABLE_ENTRY(NAME, number, text, ...) NAME = number,

/* Why a worker ends by itself. One that says nothing was ended from outside: the run in its hands is not to blame. */
#define WORKER_CAUSES(W)                                                                                         \
    W(WORKER_CAUSE_NONE, 0, "none")                                                                              \
    W(WORKER_CAUSE_TIME, 1, "processor time")                                                                    \
    W(WORKER_CAUSE_SIGNAL, 2, "memory or stack") /* libjq aborts without memory; or a crash */                   \
    W(WORKER_CAUSE_ERROR, 3, "an answer that cannot be given")
enum worker_cause { WORKER_CAUSES(ENUM_TABLE_ENTRY) };

/* A worker writes here which run it is working on, and why it ends, so that the engine knows which run killed it. The engine
 * takes both as a hint from a peer that may lie: the run must be one that it gave to this worker. */
struct worker_page {
    _Atomic uint64_t run;
    _Atomic uint32_t cause; /* enum worker_cause */
};

/* H(NAME, number, text) */
#define HTTP_METHODS(H)                                                                                          \
    H(HTTP_GET, 1, "GET")                                                                                        \
    H(HTTP_HEAD, 2, "HEAD")                                                                                      \
    H(HTTP_POST, 3, "POST")                                                                                      \
    H(HTTP_PUT, 4, "PUT")                                                                                        \
    H(HTTP_PATCH, 5, "PATCH")                                                                                    \
    H(HTTP_DELETE, 6, "DELETE")                                                                                  \
    H(HTTP_OPTIONS, 7, "OPTIONS")
enum http_method { HTTP_METHODS(ENUM_TABLE_ENTRY) };

/* W(NAME, number, text, the header that carries the proof) */
#define WEBHOOK_SCHEMES(W)                                                                                       \
    W(WEBHOOK_NONE, 0, "none", NULL)                                                                             \
    W(WEBHOOK_STANDARD, 1, "standard-webhooks", "webhook-signature")                                             \
    W(WEBHOOK_GITHUB, 2, "github", "X-Hub-Signature-256")                                                        \
    W(WEBHOOK_STRIPE, 3, "stripe", "Stripe-Signature")                                                           \
    W(WEBHOOK_SLACK, 4, "slack", "X-Slack-Signature")                                                            \
    W(WEBHOOK_BEARER, 5, "bearer", "Authorization")
enum webhook_scheme { WEBHOOK_SCHEMES(ENUM_TABLE_ENTRY) };

#define CREDENTIAL_KINDS(C)                                                                                      \
    C(CREDENTIAL_BEARER, 1, "bearer")           /* value: the token */                                           \
    C(CREDENTIAL_BASIC, 2, "basic")             /* value: JSON {"username":…,"password":…} */                    \
    C(CREDENTIAL_API_KEY, 3, "api-key")         /* value: the key; policy.header names its header */             \
    C(CREDENTIAL_WEBHOOK_KEY, 4, "webhook-key") /* value: the shared secret; never leaves the vault */
enum credential_kind { CREDENTIAL_KINDS(ENUM_TABLE_ENTRY) };

/* Where in a request a credential goes. */
#define CREDENTIAL_PLACES(P)                                                                                     \
    P(CREDENTIAL_IN_HEADER, 1, "header")                                                                         \
    P(CREDENTIAL_IN_QUERY, 2, "query")                                                                           \
    P(CREDENTIAL_IN_BODY, 3, "body")
enum credential_place { CREDENTIAL_PLACES(ENUM_TABLE_ENTRY) };

/* What egress asks the vault for. */
enum credential_form {
    CREDENTIAL_FORM_VALUE = 1, /* the token, key, or "username:password" */
    CREDENTIAL_FORM_HEADER,    /* header name and whole value: "Authorization", "Bearer …" */
    CREDENTIAL_FORM_USERNAME,  /* of kind basic */
    CREDENTIAL_FORM_PASSWORD,
};

enum auth_scheme {
    AUTH_NONE,
    AUTH_BASIC,
    AUTH_BEARER,
    AUTH_DIGEST,
};

/* T(NAME, number, text) */
#define EFFECT_KINDS(T)                                                                                          \
    T(EFFECT_CALL, 1, "call")                                                                                    \
    T(EFFECT_TIMER, 2, "timer")                                                                                  \
    T(EFFECT_EVENT, 3, "event")                                                                                  \
    T(EFFECT_CANCEL, 4, "cancel")
enum effect_kind { EFFECT_KINDS(ENUM_TABLE_ENTRY) };

#define STEP_STATUSES(T)                                                                                         \
    T(STEP_WAITING, 1, "waiting")                                                                                \
    T(STEP_COMPLETED, 2, "completed")                                                                            \
    T(STEP_FAULTED, 3, "faulted")
enum step_status { STEP_STATUSES(ENUM_TABLE_ENTRY) };

#define TRACE_STATUSES(T)                                                                                        \
    T(TRACE_CREATED, 1, "created")                                                                               \
    T(TRACE_STARTED, 2, "started")                                                                               \
    T(TRACE_COMPLETED, 3, "completed")                                                                           \
    T(TRACE_FAULTED, 4, "faulted")                                                                               \
    T(TRACE_CANCELLED, 5, "cancelled")                                                                           \
    T(TRACE_SKIPPED, 6, "skipped")                                                                               \
    T(TRACE_RETRIED, 7, "retried")
enum trace_status { TRACE_STATUSES(ENUM_TABLE_ENTRY) };

/* For each list: the text of a value (NULL if it is none), and the value of a text (-1 if it is none). */
const char *http_method_text(int value);
int http_method_parse(struct slice s);
const char *webhook_scheme_text(int value);
int webhook_scheme_parse(struct slice s);
const char *webhook_scheme_header(enum webhook_scheme scheme); /* NULL for WEBHOOK_NONE */
const char *credential_kind_text(int value);
int credential_kind_parse(struct slice s);
const char *credential_place_text(int value);
int credential_place_parse(struct slice s);
const char *effect_kind_text(int value);
const char *step_status_text(int value);
const char *trace_status_text(int value);
const char *worker_cause_text(int value);

#endif
