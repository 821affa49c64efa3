/* Every route of the server with the permission that it needs, in one list. A route without a permission does not compile;
 * the permission is bound to the matched route, not to the path's text. Nothing else answers. */
#ifndef ENGINE_ROUTES_H
#define ENGINE_ROUTES_H

#include "base/slice.h"
#include "wire/roles.h"

/* A(NAME, name): what a principal may be. */
#define ACCESS_ROLES(A)                                                                                          \
    A(ACCESS_NOBODY, "nobody")                                                                                   \
    A(ACCESS_OWNER, "owner")
enum access_role {
#define A(NAME, name) NAME,
    ACCESS_ROLES(A)
#undef A
};

/* P(NAME, smallest role that has it). PERMIT_PUBLIC and PERMIT_SIGNED need no principal: the second is a webhook, whose
 * signature is checked instead. */
#define PERMISSIONS(P)                                                                                           \
    P(PERMIT_PUBLIC, ACCESS_NOBODY)                                                                              \
    P(PERMIT_SIGNED, ACCESS_NOBODY)                                                                              \
    P(PERMIT_METRICS, ACCESS_OWNER)                                                                              \
    P(PERMIT_IDENTITY, ACCESS_OWNER)                                                                             \
    P(PERMIT_WORKFLOW_READ, ACCESS_OWNER)                                                                        \
    P(PERMIT_WORKFLOW_WRITE, ACCESS_OWNER)                                                                       \
    P(PERMIT_SECRET_LIST, ACCESS_OWNER)                                                                          \
    P(PERMIT_SECRET_WRITE, ACCESS_OWNER)                                                                         \
    P(PERMIT_RUN_READ, ACCESS_OWNER)                                                                             \
    P(PERMIT_RUN_WRITE, ACCESS_OWNER)                                                                            \
    P(PERMIT_AUDIT_READ, ACCESS_OWNER)
enum permission {
    PERMIT_UNSET, /* what a forgotten initialiser gives; allows nobody */
#define P(NAME, role) NAME,
    PERMISSIONS(P)
#undef P
};

/* R(method, path, permission, handler, what it does) */
#define ROUTES(R)                                                                                                \
    R(HTTP_GET, "/healthz", PERMIT_PUBLIC, health, "the process lives")                                          \
    R(HTTP_GET, "/readyz", PERMIT_PUBLIC, ready, "the server accepts work")                                      \
    R(HTTP_GET, "/metrics", PERMIT_METRICS, metrics, "counters, Prometheus text format")                         \
    R(HTTP_POST, "/hooks/{namespace}/{name}", PERMIT_SIGNED, hook, "delivers a webhook")                         \
    R(HTTP_GET, "/api/v1/identity", PERMIT_IDENTITY, identity, "public keys of this server")                     \
    R(HTTP_GET, "/api/v1/workflows", PERMIT_WORKFLOW_READ, workflows_list, "lists workflows")                    \
    R(HTTP_POST, "/api/v1/workflows", PERMIT_WORKFLOW_WRITE, workflows_deploy, "checks and deploys a definition") \
    R(HTTP_GET, "/api/v1/workflows/{namespace}/{name}", PERMIT_WORKFLOW_READ, workflows_show, "shows a workflow") \
    R(HTTP_POST, "/api/v1/workflows/{namespace}/{name}/disable", PERMIT_WORKFLOW_WRITE, workflows_disable,       \
      "stops a workflow and its runs")                                                                           \
    R(HTTP_POST, "/api/v1/workflows/{namespace}/{name}/enable", PERMIT_WORKFLOW_WRITE, workflows_enable,         \
      "lets a workflow run again")                                                                               \
    R(HTTP_GET, "/api/v1/secrets", PERMIT_SECRET_LIST, secrets_list, "lists credentials, never their values")    \
    R(HTTP_PUT, "/api/v1/secrets/{namespace}/{name}", PERMIT_SECRET_WRITE, secrets_set, "stores a sealed credential") \
    R(HTTP_DELETE, "/api/v1/secrets/{namespace}/{name}", PERMIT_SECRET_WRITE, secrets_revoke, "revokes a credential") \
    R(HTTP_GET, "/api/v1/runs", PERMIT_RUN_READ, runs_list, "lists runs")                                        \
    R(HTTP_POST, "/api/v1/runs", PERMIT_RUN_WRITE, runs_start, "starts a run")                                   \
    R(HTTP_GET, "/api/v1/runs/{id}", PERMIT_RUN_READ, runs_show, "shows a run with its data")                    \
    R(HTTP_GET, "/api/v1/runs/{id}/trace", PERMIT_RUN_READ, runs_trace, "the run's task changes")                \
    R(HTTP_POST, "/api/v1/runs/{id}/cancel", PERMIT_RUN_WRITE, runs_cancel, "cancels a run")                     \
    R(HTTP_POST, "/api/v1/runs/{id}/replay", PERMIT_RUN_READ, runs_replay, "re-interprets the journal and compares") \
    R(HTTP_GET, "/api/v1/runs/{id}/proof", PERMIT_AUDIT_READ, runs_proof, "inclusion proofs of the run's leaves") \
    R(HTTP_GET, "/api/v1/audit/leaves", PERMIT_AUDIT_READ, audit_leaves, "leaves of the audit log")              \
    R(HTTP_GET, "/api/v1/audit/checkpoint", PERMIT_AUDIT_READ, audit_checkpoint, "a signed head of the log")

#define ROUTE_PARAMS 2

struct request;
typedef void route_handler(struct request *request);

struct route {
    enum http_method method;
    const char *path;
    enum permission permission;
    route_handler *handler;
    const char *summary;
};

#define R(method, path, permission, name, summary) route_handler api_##name;
ROUTES(R)
#undef R

/* The route that matches, with its parameters; NULL if none. `ret_methods` gets those that the path has, as "GET, POST". */
#define ROUTE_METHODS 64
const struct route *route_match(enum http_method method, struct slice path, struct slice ret_params[ROUTE_PARAMS],
                                char ret_methods[ROUTE_METHODS]);
bool access_may(enum access_role role, enum permission permission);
const char *access_role_text(enum access_role role);
int access_role_parse(struct slice s); /* -1 if it is none */

/* From now on requests are served. Before, the limits, tables and keys that they need are not there: all get 503. */
void routes_open(void);

/* All of it, from match to handler: authenticates, checks the permission, limits, calls. Answers in every case. */
void route_request(struct request *request);

#endif
