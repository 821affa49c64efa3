/* The table of connections: one place for each that may exist, made at the start, so that nothing grows [I6]. A connection is
 * always in one state, and each state has one list in the order of its deadline.
 *
 *   IDLE --request line--> RECEIVING --whole request--> PENDING --answer--> ANSWERING --sent--> IDLE
 *                              |                           `---refused---> HELD -----^
 *                              `--refused by us: held or at once-----------^---------^            */
#ifndef GATEWAY_CONNECTIONS_H
#define GATEWAY_CONNECTIONS_H

#include <microhttpd.h>

#include "base/buffer.h"
#include "gateway/address.h"
#include "gateway/problem.h"

/* S(NAME, states that may follow) */
#define CONNECTION_STATES(S)                                                                                     \
    S(CONNECTION_FREE, 1u << CONNECTION_IDLE)                                                                    \
    S(CONNECTION_IDLE, 1u << CONNECTION_RECEIVING)                                                               \
    S(CONNECTION_RECEIVING, 1u << CONNECTION_PENDING | 1u << CONNECTION_HELD | 1u << CONNECTION_ANSWERING | 1u << CONNECTION_IDLE) \
    S(CONNECTION_PENDING, 1u << CONNECTION_HELD | 1u << CONNECTION_ANSWERING | 1u << CONNECTION_IDLE)            \
    S(CONNECTION_HELD, 1u << CONNECTION_ANSWERING | 1u << CONNECTION_IDLE)                                       \
    S(CONNECTION_ANSWERING, 1u << CONNECTION_IDLE)

enum connection_state {
#define S(NAME, next) NAME,
    CONNECTION_STATES(S)
#undef S
        CONNECTION_STATE_COUNT
};

struct connection {
    struct connection *previous, *next; /* in its state's list */
    enum connection_state state;
    int64_t since_ms;                   /* when it entered its state */
    uint32_t index, generation;         /* together the tag of its request */
    int fd;                             /* borrowed from libmicrohttpd */
    struct MHD_Connection *mhd;         /* borrowed; NULL before it is started */
    struct connection *next_adopted;    /* given to the library and not yet started */
    struct address peer;
    bool is_counted;                    /* against its address */
    bool is_cut;                        /* its end has only to be noticed */
    bool is_hasty;                      /* one of too many: its first answer is held */

    /* The request in hand. */
    struct buffer target;               /* raw, as on the request line */
    const char *target_at;              /* where it stands in libmicrohttpd's buffer */
    struct buffer headers;              /* pairs to pass on */
    struct buffer body;
    uint64_t received;                  /* bytes of the body, kept or not */
    uint64_t discarded;                 /* of them, since it was refused */
    unsigned status;                    /* of the answer */
    uint8_t method;                     /* enum http_method; 0 until the head was seen */
    bool is_chunked;
    bool is_queued;                     /* the answer is the library's */
    struct address client;              /* the peer, or whom trusted proxies name */
    enum problem problem;               /* what to answer instead */
    struct MHD_Response *answer;        /* owned until it is queued */
    size_t answer_len;                  /* counted against LIMIT_ANSWERS_TOTAL */
};

[[gnu::warn_unused_result]] int connections_init(unsigned max);

/* A free place in state IDLE, counted against the address if `per_address` is not 0; NULL when there is none or the address has
 * its share. */
struct connection *connection_open(const struct address *peer, unsigned max, unsigned per_address);
void connection_close(struct connection *c);

/* Who gives way to a newcomer: of those that are held, then of those that have not sent a whole request, the one that has waited the
 * longest and whose address holds more places than the newcomer's. Proxies' connections, and requests younger than a second, never do; NULL if all others
 * don't either. */
struct connection *connection_to_give_way(const struct address *newcomer);

/* Checks the edge and moves the list membership. */
void connection_set_state(struct connection *c, enum connection_state state);

/* Forgets the request in hand; small buffers keep their memory for the next one. */
void connection_reset_request(struct connection *c);

/* Takes `len` bytes of body; -SP_ELIMIT beyond `max`, -SP_EOVERLOAD beyond what all connections together may hold. Large bodies
 * leave some of that to small ones. */
[[gnu::warn_unused_result]] int connection_append_body(struct connection *c, const void *p, size_t len, size_t max);
bool connections_have_room(size_t len); /* for a body of this length, as things stand */
void connection_drop_body(struct connection *c);

/* Keeps the answer, which is now the connection's; -SP_EOVERLOAD when clients have too much unread. */
[[gnu::warn_unused_result]] int connection_keep_answer(struct connection *c, struct MHD_Response **take, size_t len);

/* A new tag for the request in hand; the connection that still waits under a tag, or NULL. */
uint64_t connection_new_tag(struct connection *c);
uint64_t connection_tag(const struct connection *c);
struct connection *connection_by_tag(uint64_t tag);

/* The oldest in a state; NULL at the end. The next one is `->next`. */
struct connection *connections_oldest(enum connection_state state);
size_t connections_count(enum connection_state state); /* CONNECTION_FREE: how many are open */
size_t connections_held_shared(void);                  /* in CONNECTION_HELD and not counted against an address */

#endif
