/* A channel: one end of a socketpair between two roles, with framed messages in both directions.
 * The peer's identity is the channel's, given by the supervisor [I5]. A message that the table in messages.h does not let
 * through, a frame out of bounds or a descriptor where none belongs closes the channel; so may a handler, by returning a
 * negative code for a message that does not decode. Nothing that a peer sends ends the process.
 *
 * Writes are queued and go out together at the end of the loop's round, so that many messages cost one system call. */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include "wire/messages.h"

struct ev_loop;
struct channel;

struct channel_handlers {
    /* One message. `payload` is borrowed for the call; `fd` is -1 or a descriptor that the handler now owns. A negative
     * code closes the channel. The handler may close the channel itself with channel_close, but must not free it. */
    int (*message)(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user);
    /* The channel is closed for good: by the peer, by an error or by channel_close. Called once, never from within
     * channel_send. The owner may free the channel here. */
    void (*closed)(struct channel *channel, const char *reason, void *user);
};

/* Takes `fd` over (also on failure). `handlers` and `loop` are kept and must outlive the channel. */
[[gnu::warn_unused_result]] int channel_new(struct ev_loop *loop, int fd, enum role self, enum role peer,
                                            const struct channel_handlers *handlers, void *user, struct channel **ret);
void channel_free(struct channel *c);

/* Queues an encoded payload. -SP_EOVERLOAD when the queue is full, -EPIPE when the channel is closed, -SP_EPROTOCOL when the
 * table forbids it (our own fault, so it is also logged nowhere and tested everywhere), or the buffer's sticky error. */
[[gnu::warn_unused_result]] int channel_send(struct channel *c, uint16_t type, const struct buffer *payload);

/* As channel_send, with a copy of descriptor `fd`. */
[[gnu::warn_unused_result]] int channel_send_fd(struct channel *c, uint16_t type, const struct buffer *payload, int fd);

/* Encodes and queues a message: CHANNEL_SEND(c, HTTP_GONE, http_gone, &(struct msg_http_gone){.tag = 7}). */
#define CHANNEL_SEND(c, NAME, name, message) channel_send_with(c, WIRE_##NAME, (channel_encoder *)wire_encode_##name, message)
typedef void channel_encoder(struct buffer *b, const void *message);
[[gnu::warn_unused_result]] int channel_send_with(struct channel *c, uint16_t type, channel_encoder *encode, const void *message);

/* Writes what is queued now, as far as the socket takes it; 0 or a negative code. Needed only before the process ends. */
int channel_flush(struct channel *c);

/* Closes from our side; `closed` is called in the loop's next round. */
void channel_close(struct channel *c, const char *reason);

/* Payloads hold secrets: buffers are wiped as they empty. Set it before the first message. */
void channel_set_secret(struct channel *c);

/* A peer that reads no more is read until it has nothing more to say, for half a second at most, and only then the channel closes.
 * Without it a write that fails closes the channel, and what the peer said last is lost. */
void channel_hear_out(struct channel *c);

/* Whether it was closed over what the peer sent, and not because the peer went away or by channel_close. */
bool channel_is_breached(const struct channel *c);

size_t channel_queued(const struct channel *c); /* bytes not yet written */
enum role channel_peer(const struct channel *c);

/* As CHANNEL_SEND where a message that cannot be queued is no loss: the peer is gone, or asks again. */
#define CHANNEL_TRY(c, NAME, name, message) channel_try_with(c, WIRE_##NAME, (channel_encoder *)wire_encode_##name, message)
static inline void channel_try_with(struct channel *c, uint16_t type, channel_encoder *encode, const void *message)
{
    int r = channel_send_with(c, type, encode, message);
    (void)r;
}

/* Stops and resumes reading, for back-pressure. */
void channel_pause(struct channel *c);
void channel_resume(struct channel *c);

#endif
