/* The far end of a role's channel, in the hands of an attacker. Bytes go in as they come; what the role
 * answers is read back and held against the tables of wire/messages.h: a frame that the role may send to this
 * peer, and that decodes. */
#ifndef FUZZ_FAR_END_H
#define FUZZ_FAR_END_H

#include "base/must.h"
#include "wire/messages.h"

struct ev_loop;

struct far_end {
    int fd;               /* -1 after the role has closed its end */
    enum role self, near; /* whom the attacker plays, and whom he plays it to */
    struct buffer in;
};

/* Gives the role's end of the pair, which is the caller's. */
int far_end_open(struct far_end *f, enum role self, enum role near);
void far_end_close(struct far_end *f);

/* Writes bytes as they are; what does not fit into the socket is lost. */
void far_end_write(struct far_end *f, struct slice bytes);

/* Writes one frame. */
void far_end_send(struct far_end *f, uint16_t type, struct slice payload);
/* The same, with so many copies of a descriptor; whether the frame's head says that there is one is another matter. */
#define FAR_END_FDS 3
struct far_end_fds {
    int fd;
    unsigned n;
    bool is_announced;
};
void far_end_send_fds(struct far_end *f, uint16_t type, struct slice payload, const struct far_end_fds *fds);
#define FAR_END_SEND(f, NAME, name, message)                                                                 \
    far_end_send_with(f, WIRE_##NAME, (far_end_encoder *)wire_encode_##name, message)
typedef void far_end_encoder(struct buffer *b, const void *message);
void far_end_send_with(struct far_end *f, uint16_t type, far_end_encoder *encode, const void *message);

/* Reads what has come and calls `each` for every frame. */
typedef void far_end_each(struct far_end *f, uint16_t type, struct slice payload);
void far_end_read(struct far_end *f, far_end_each *each);

/* A few rounds of the loop: enough for a message to be handled, answered, and a channel to be closed. */
void far_end_rounds(struct ev_loop *loop);

/* The n-th type that `self` may send to `near`, counted round; the types beyond them are those that it may
 * not. */
uint16_t far_end_type(const struct far_end *f, unsigned n);

/* One frame of a sequence in the fuzzer's bytes: u8 who, u8 which type, u16 length, payload; the last takes
 * what is left. */
struct far_end_frame {
    uint8_t who, type;
    struct slice payload;
};
bool far_end_next(struct slice *rest, struct far_end_frame *ret);

#endif
