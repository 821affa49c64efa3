/* What the files of a channel share: channel.c, channel_read.c, channel_write.c. A frame is a header of eight bytes (u32 length of
 * the payload, u16 type, u8 whether a descriptor comes with it, u8 zero) and the payload. */
#ifndef WIRE_CHANNEL_PARTS_H
#define WIRE_CHANNEL_PARTS_H

#include <ev.h>

#include "wire/channel.h"

#define FRAME_HEADER 8

struct pending_fd {
    uint64_t at; /* position in the outgoing stream of the frame's first byte */
    int fd;
};

struct channel {
    struct ev_loop *loop;
    int fd;
    enum role self, peer;
    const struct channel_handlers *handlers;
    void *user;
    ev_io reader, writer;
    ev_prepare flusher; /* writes what the round queued */
    ev_timer closer;    /* calls `closed` outside of anyone's stack, or when a peer was heard out for long enough */
    struct buffer in, out;
    size_t out_done;    /* bytes of `out` already written */
    uint64_t out_total; /* bytes ever taken from `out` */
    struct pending_fd fds_out[LIMIT_CHANNEL_FDS];
    size_t n_fds_out;
    int fds_in[LIMIT_CHANNEL_FDS];
    size_t n_fds_in;
    bool takes_fds; /* there is a message to us that carries one */
    bool is_closed, is_breached, is_paused, in_handler;
    bool hears_out, is_one_way; /* the peer reads no more, and is read to its end */
    const char *reason;
};

void channel_on_readable(struct ev_loop *loop, ev_io *w, int events);
void channel_on_writable(struct ev_loop *loop, ev_io *w, int events);
void channel_on_prepare(struct ev_loop *loop, ev_prepare *w, int events);

#endif
