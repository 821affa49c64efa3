/* One HTTP request in the engine's hands: it owns a copy of what the gateway sent, is answered exactly once, and is gone then. */
#ifndef ENGINE_REQUEST_H
#define ENGINE_REQUEST_H

#include "base/buffer.h"
#include "engine/routes.h"
#include "wire/channel.h"

/* Who asks, and how we know. */
struct principal {
    char name[LIMIT_NAME];
    enum access_role role;
};

/* A parameter of the query; the text is NULL if it is absent. */
struct request_query {
    struct slice text;
    uint64_t number;
};

struct json_t;

struct request {
    uint64_t tag;
    uint32_t gateway_generation; /* of the channel it came on: an answer to a dead gateway is dropped */
    enum http_method method;
    struct slice path, query, headers, body; /* into `memory` */
    uint8_t peer[16];
    bool is_tls;
    int64_t at_ms;
    const struct route *route;
    struct slice params[ROUTE_PARAMS]; /* of the route's {…}, in order */
    struct request_query query_values[ROUTE_QUERY]; /* query.h */
    struct json_t *json; /* the body, if its schema has members; borrowed for the handler's call */
    struct principal who;              /* empty name: nobody signed in */
    bool is_proven;                    /* by a token or a signature: its answer does not wait, whatever its address did */
    uint8_t *memory;
    size_t memory_len;
};

/* Decodes and takes the request up. A negative code is the gateway's fault, but for -ENOMEM: then it is answered already,
 * or there is not even memory for that. */
[[gnu::warn_unused_result]] int request_new(struct slice payload, struct request **ret);

/* The client's address as text. */
void request_peer_text(const uint8_t peer[16], char ret[64]);

/* Each answers and frees the request. `extra` are header pairs or empty. */
void respond(struct request *r, uint16_t status, const char *content_type, struct slice body, struct slice extra);
void respond_json(struct request *r, uint16_t status, const struct buffer *json);

/* base/problem.h: type, title and status from the code, detail from the format. */
[[gnu::format(printf, 3, 4)]] void respond_problem(struct request *r, int code, const char *format, ...);

/* As respond_problem, with Retry-After and the RateLimit fields. */
struct rate_answer {
    int64_t retry_after_ms;
    uint64_t limit, remaining;
    int64_t period_ms;
};
/* 405 with the methods that the path has, as "GET, POST". */
void respond_other_method(struct request *r, const char *allowed);
void respond_rate_limited(struct request *r, const char *what, const struct rate_answer *rate);

/* The gateway's channel, or NULL while there is none. Requests of an earlier one are answered into the void. */
void request_set_gateway(struct channel *gateway);

#endif
