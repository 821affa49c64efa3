/* A peer of a role under test, for the programs that hold dispatch tables over real channels: our end of a channel on the default
 * loop, which keeps the last message that came. Each fails the test that calls it when it cannot do its work. */
#ifndef UNIT_PEER_H
#define UNIT_PEER_H

#include "wire/channel.h"

struct peer {
    struct channel *channel;
    unsigned n;    /* messages that came */
    uint16_t type; /* of the last, whose payload this is; WIRE_NONE: nothing came */
    struct buffer payload;
    bool is_closed;
};

/* Makes a channel and gives its other end to the `serve_connect` of the role under test. The channel keeps `p`. */
typedef int peer_serve_connect(struct ev_loop *loop, enum role peer, int fd);
void peer_connect(struct peer *p, enum role self, enum role tested, peer_serve_connect *connect);

/* Closes the channel, of which the role hears in the next rounds. */
void peer_leave(struct peer *p);

/* Connects as `self` and sends four bytes as a message of this type, past our own table: the role has to close the channel. */
void peer_assert_closed_for(uint16_t type, enum role self, peer_serve_connect *connect);

/* Rounds of the loop: enough for a message to be handled and answered. */
void peers_run(void);

/* The last message that came, which has to be a NAME. */
#define PEER_GOT(peer, NAME, name)                                                                               \
    ({                                                                                                           \
        struct msg_##name got_;                                                                                  \
        assert_int_equal((peer)->type, WIRE_##NAME);                                                             \
        assert_int_equal(wire_decode_##name(buffer_slice(&(peer)->payload), &got_), 0);                          \
        got_;                                                                                                    \
    })

#endif
