/* Every route of the server in one list: the permission that it needs, what it takes and what it answers. A
 * route without a permission does not compile; the permission is bound to the matched route, not to the
 * path's text. Nothing else answers. Requests are checked against the list (routes.c, query.c, body.c), and
 * the description of the API is made of it (openapi.c). */
#ifndef ENGINE_ROUTES_H
#define ENGINE_ROUTES_H

#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"
#include "engine/schemas.h"
#include "wire/roles.h"

/* A(NAME, name): what a principal may be. */
#define ACCESS_ROLES(A)                                                                                      \
    A(ACCESS_NOBODY, "nobody")                                                                               \
    A(ACCESS_OWNER, "owner")
enum access_role {
#define A(NAME, name) NAME,
    ACCESS_ROLES(A)
#undef A
};

/* P(NAME, smallest role that has it). PERMIT_PUBLIC and PERMIT_SIGNED need no principal: the second is a
 * webhook, whose signature is checked instead. */
#define PERMISSIONS(P)                                                                                       \
    P(PERMIT_PUBLIC, ACCESS_NOBODY)                                                                          \
    P(PERMIT_SIGNED, ACCESS_NOBODY)                                                                          \
    P(PERMIT_DESCRIPTION, ACCESS_OWNER)                                                                      \
    P(PERMIT_METRICS, ACCESS_OWNER)                                                                          \
    P(PERMIT_IDENTITY, ACCESS_OWNER)                                                                         \
    P(PERMIT_WORKFLOW_READ, ACCESS_OWNER)                                                                    \
    P(PERMIT_WORKFLOW_WRITE, ACCESS_OWNER)                                                                   \
    P(PERMIT_SECRET_LIST, ACCESS_OWNER)                                                                      \
    P(PERMIT_SECRET_WRITE, ACCESS_OWNER)                                                                     \
    P(PERMIT_RUN_READ, ACCESS_OWNER)                                                                         \
    P(PERMIT_RUN_WRITE, ACCESS_OWNER)                                                                        \
    P(PERMIT_AUDIT_READ, ACCESS_OWNER)
enum permission {
    PERMIT_UNSET, /* what a forgotten initialiser gives; allows nobody */
#define P(NAME, role) NAME,
    PERMISSIONS(P)
#undef P
};

/* M(NAME, media type as it is sent) */
#define MEDIA_TYPES(M)                                                                                       \
    M(MEDIA_JSON, "application/json")                                                                        \
    M(MEDIA_YAML, "application/yaml")                                                                        \
    M(MEDIA_TEXT, "text/plain; charset=utf-8")                                                               \
    M(MEDIA_METRICS, "text/plain; version=0.0.4; charset=utf-8")                                             \
    M(MEDIA_PROBLEM, "application/problem+json")
enum media {
    MEDIA_NONE,
#define M(NAME, text) NAME,
    MEDIA_TYPES(M)
#undef M
};

/* V(name of a {…} in a path, schema) */
#define PATH_PARAMETERS(V)                                                                                   \
    V("namespace", SCHEMA_NAME)                                                                              \
    V("name", SCHEMA_NAME)                                                                                   \
    V("credential", SCHEMA_CREDENTIAL_NAME)                                                                  \
    V("id", SCHEMA_RUN_ID)                                                                                   \
    V("part", SCHEMA_RUN_PART)

/* Response headers that not every answer has. */
enum answer_headers {
    HAS_LOCATION = 1, /* of the run */
    HAS_RUN = 2,      /* its id, in Sallyport-Run */
};

/* R(method, path, permission, handler, what it does, what else is to say of it: members of struct route)
 * Not stated, because it follows: refusals by the gateway, 401 and 403 where a principal is needed, 400 for
 * the query, 415 and 400 for the body's form, 429, 500 and 503. */
#define ROUTES(R)                                                                                            \
    R(HTTP_GET, "/healthz", PERMIT_PUBLIC, health, "the process lives",                                      \
      .answers = {{200, MEDIA_JSON, SCHEMA_HEALTH}})                                                         \
    R(HTTP_GET, "/readyz", PERMIT_PUBLIC, ready, "the server accepts work",                                  \
      .answers = {{200, MEDIA_JSON, SCHEMA_HEALTH}})                                                         \
    R(HTTP_GET, "/metrics", PERMIT_METRICS, metrics, "counters, Prometheus text format",                     \
      .answers = {{200, MEDIA_METRICS, SCHEMA_TEXT}})                                                        \
    R(HTTP_POST, "/hooks/{namespace}/{name}", PERMIT_SIGNED, hook, "delivers a webhook",                     \
      .body = {MEDIA_JSON, SCHEMA_ANY, LIMIT_BODY}, .takes_idempotency_key = true,                           \
      .answers = {{200, MEDIA_JSON, SCHEMA_ANY, HAS_RUN},                                                    \
                  {202, MEDIA_JSON, SCHEMA_RUN_ACCEPTED, HAS_LOCATION},                                      \
                  {400, MEDIA_PROBLEM, SCHEMA_FAULT_TOLD, HAS_RUN},                                          \
                  {500, MEDIA_PROBLEM, SCHEMA_FAULT_TOLD, HAS_RUN},                                          \
                  {502, MEDIA_PROBLEM, SCHEMA_FAULT_TOLD, HAS_RUN},                                          \
                  {504, MEDIA_PROBLEM, SCHEMA_FAULT_TOLD, HAS_RUN}},                                         \
      .errors = {SP_EUNAUTHENTICATED, SP_ENOTFOUND, SP_ECONFLICT, SP_EREPLAYED})                             \
    R(HTTP_GET, "/api/v1/openapi.json", PERMIT_DESCRIPTION, openapi, "this description of the API",          \
      .answers = {{200, MEDIA_JSON, SCHEMA_OBJECT}})                                                         \
    R(HTTP_GET, "/api/v1/identity", PERMIT_IDENTITY, identity, "public keys of this server",                 \
      .answers = {{200, MEDIA_JSON, SCHEMA_IDENTITY}})                                                       \
    R(HTTP_GET, "/api/v1/workflows", PERMIT_WORKFLOW_READ, workflows_list, "lists workflows",                \
      .answers = {{200, MEDIA_JSON, SCHEMA_WORKFLOW_LIST}})                                                  \
    R(HTTP_POST, "/api/v1/workflows", PERMIT_WORKFLOW_WRITE, workflows_deploy,                               \
      "checks and deploys a definition", .body = {MEDIA_YAML, SCHEMA_TEXT, LIMIT_DEFINITION},                \
      .answers = {{201, MEDIA_JSON, SCHEMA_WORKFLOW_DEPLOYED}},                                              \
      .errors = {SP_EDEFINITION, SP_ECONFLICT, SP_EBUDGET})                                                  \
    R(HTTP_GET, "/api/v1/workflows/{namespace}/{name}", PERMIT_WORKFLOW_READ, workflows_show,                \
      "shows a workflow", .answers = {{200, MEDIA_JSON, SCHEMA_WORKFLOW_SHOWN}}, .errors = {SP_ENOTFOUND})   \
    R(HTTP_POST, "/api/v1/workflows/{namespace}/{name}/disable", PERMIT_WORKFLOW_WRITE, workflows_disable,   \
      "stops a workflow and its runs", .answers = {{200, MEDIA_JSON, SCHEMA_WORKFLOW_SHOWN}},                \
      .errors = {SP_ENOTFOUND})                                                                              \
    R(HTTP_POST, "/api/v1/workflows/{namespace}/{name}/enable", PERMIT_WORKFLOW_WRITE, workflows_enable,     \
      "lets a workflow run again", .answers = {{200, MEDIA_JSON, SCHEMA_WORKFLOW_SHOWN}},                    \
      .errors = {SP_ENOTFOUND})                                                                              \
    R(HTTP_GET, "/api/v1/secrets", PERMIT_SECRET_LIST, secrets_list,                                         \
      "lists credentials, never their values", .answers = {{200, MEDIA_JSON, SCHEMA_CREDENTIAL_LIST}})       \
    R(HTTP_PUT, "/api/v1/secrets/{namespace}/{credential}", PERMIT_SECRET_WRITE, secrets_set,                \
      "stores a sealed credential", .body = {MEDIA_JSON, SCHEMA_CREDENTIAL_SEALED, LIMIT_BODY},              \
      .answers = {{200, MEDIA_JSON, SCHEMA_CREDENTIAL_CHANGED}}, .errors = {SP_ECONFLICT})                   \
    R(HTTP_DELETE, "/api/v1/secrets/{namespace}/{credential}", PERMIT_SECRET_WRITE, secrets_revoke,          \
      "revokes a credential", .answers = {{200, MEDIA_JSON, SCHEMA_CREDENTIAL_CHANGED}},                     \
      .errors = {SP_ENOTFOUND, SP_ECONFLICT})                                                                \
    R(HTTP_GET, "/api/v1/runs", PERMIT_RUN_READ, runs_list, "lists runs",                                    \
      .query = {{"namespace", SCHEMA_NAME},                                                                  \
                {"workflow", SCHEMA_NAME},                                                                   \
                {"state", SCHEMA_RUN_STATE},                                                                 \
                {"before", SCHEMA_RUN_ID},                                                                   \
                {"limit", SCHEMA_PAGE_SIZE, 50}},                                                            \
      .answers = {{200, MEDIA_JSON, SCHEMA_RUN_PAGE}}, .errors = {SP_ETAMPERED})                             \
    R(HTTP_POST, "/api/v1/runs", PERMIT_RUN_WRITE, runs_start, "starts a run",                               \
      .body = {MEDIA_JSON, SCHEMA_RUN_REQUEST, LIMIT_BODY}, .takes_idempotency_key = true,                   \
      .answers = {{200, MEDIA_JSON, SCHEMA_RUN_ENDED, HAS_LOCATION},                                         \
                  {202, MEDIA_JSON, SCHEMA_RUN_ACCEPTED, HAS_LOCATION}},                                     \
      .errors = {SP_ENOTFOUND, SP_ECONFLICT, SP_ETAMPERED, SP_EKEY})                                         \
    R(HTTP_GET, "/api/v1/runs/{id}", PERMIT_RUN_READ, runs_show, "shows a run with its data",                \
      .answers = {{200, MEDIA_JSON, SCHEMA_RUN_SHOWN}},                                                      \
      .errors = {SP_ENOTFOUND, SP_ETAMPERED, SP_EKEY, SP_EFORMAT})                                           \
    R(HTTP_GET, "/api/v1/runs/{id}/data/{part}", PERMIT_RUN_READ, runs_data, "one part of a run's data",     \
      .answers = {{200, MEDIA_JSON, SCHEMA_ANY}}, .errors = {SP_ENOTFOUND, SP_ETAMPERED, SP_EKEY, SP_EFORMAT}) \
    R(HTTP_GET, "/api/v1/runs/{id}/trace", PERMIT_RUN_READ, runs_trace, "the run's task changes",            \
      .answers = {{200, MEDIA_JSON, SCHEMA_RUN_TRACED}},                                                     \
      .errors = {SP_ENOTFOUND, SP_ETAMPERED, SP_EKEY, SP_EFORMAT})                                           \
    R(HTTP_POST, "/api/v1/runs/{id}/cancel", PERMIT_RUN_WRITE, runs_cancel, "cancels a run",                 \
      .answers = {{200, MEDIA_JSON, SCHEMA_RUN_ENDED, HAS_LOCATION}},                                        \
      .errors = {SP_ENOTFOUND, SP_ECONFLICT, SP_ETAMPERED})                                                  \
    R(HTTP_POST, "/api/v1/runs/{id}/replay", PERMIT_RUN_READ, runs_replay,                                   \
      "re-interprets the journal and compares", .answers = {{200, MEDIA_JSON, SCHEMA_REPLAY}},               \
      .errors = {SP_ENOTFOUND, SP_ECONFLICT, SP_ETAMPERED, SP_EKEY, SP_EFORMAT, SP_EBUDGET})                 \
    R(HTTP_GET, "/api/v1/runs/{id}/proof", PERMIT_AUDIT_READ, runs_proof,                                    \
      "inclusion proofs of the run's leaves", .answers = {{200, MEDIA_JSON, SCHEMA_PROOF}},                  \
      .errors = {SP_ENOTFOUND, SP_ETAMPERED})                                                                \
    R(HTTP_GET, "/api/v1/audit/leaves", PERMIT_AUDIT_READ, audit_leaves, "leaves of the audit log",          \
      .query = {{"from", SCHEMA_COUNT}, {"limit", SCHEMA_PAGE_SIZE, 100}},                                   \
      .answers = {{200, MEDIA_JSON, SCHEMA_LEAF_PAGE}}, .errors = {SP_ETAMPERED})                            \
    R(HTTP_GET, "/api/v1/audit/checkpoint", PERMIT_AUDIT_READ, audit_checkpoint, "a signed head of the log", \
      .answers = {{200, MEDIA_TEXT, SCHEMA_TEXT}}, .errors = {SP_ECONFLICT, SP_ETAMPERED})

#define ROUTE_PARAMS  2
#define ROUTE_QUERY   5
#define ROUTE_ANSWERS 6
#define ROUTE_ERRORS  8

struct route_query {
    const char *name;
    enum schema schema;
    uint32_t fallback; /* of a number, when it is absent; 0: none */
};

struct route_answer {
    uint16_t status;
    enum media media;
    enum schema schema;
    unsigned headers;
};

struct route {
    enum http_method method;
    const char *path;
    enum permission permission;
    const char *name, *summary;
    struct route_query query[ROUTE_QUERY];
    struct {
        enum media media; /* MEDIA_NONE: none is read */
        enum schema schema;
        uint32_t max; /* bytes */
    } body;
    bool takes_idempotency_key;
    struct route_answer answers[ROUTE_ANSWERS];
    int errors[ROUTE_ERRORS]; /* positive codes of error.h */
};

extern const struct route routes[];
extern const size_t routes_n;

struct request;
typedef void route_handler(struct request *request);

#define R(method, path, permission, name, ...) route_handler api_##name;
ROUTES(R)
#undef R

/* The route that matches, with its parameters; NULL if none. `ret_methods` gets those that the path has, as
 * "GET, HEAD, POST". */
#define ROUTE_METHODS 64
const struct route *route_match(enum http_method method, struct slice path,
                                struct slice ret_params[ROUTE_PARAMS], char ret_methods[ROUTE_METHODS]);
/* Whether the route may answer with a problem of this (positive) code: what it states, and what follows. */
bool route_has_error(const struct route *route, int code);
/* The schema of a {…} of this name in a path. */
enum schema path_parameter_schema(struct slice name);
bool access_may(enum access_role role, enum permission permission);
/* The smallest role that has it. */
enum access_role access_needed(enum permission permission);
const char *access_role_text(enum access_role role);
int access_role_parse(struct slice s);                   /* -1 if it is none */
const char *permission_text(enum permission permission); /* "RUN_READ" */
const char *media_text(enum media media);

/* From now on requests are served. Before, the limits, tables and keys that they need are not there: all get
 * 503. */
void routes_open(void);

/* All of it, from match to handler: authenticates, checks permission, query and body, limits, calls. Answers
 * in every case. */
void route_request(struct request *request);

#endif
