/* Egress, and whoever took over the engine or the vault: frames in any order on both channels, to the real
 * dispatch tables. There is no network: what is allowed is tried at 127.0.0.1:80 and refused there. Must
 * hold: each call that was taken has one answer, or none when the engine's channel is gone; only messages
 * that egress may send to whom it sends them; a handle of one call is nothing in another. */
#include <ev.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "egress/serve.h"
#include "far_end.h"
#include "stand_in_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 64

static struct ev_loop *loop;
static struct far_end ends[2];   /* engine, vault */
static uint64_t tags[CALLS_MAX]; /* of calls that were sent and not answered */
static size_t n_tags;

static void swallow(enum log_level level, const char *line, size_t len, void *user)
{
    must(!memchr(line, '\n', len));
}

static void on_answer(struct far_end *f, uint16_t type, struct slice payload)
{
    struct msg_egress_result m;
    if (type != WIRE_EGRESS_RESULT)
        return;
    must(wire_decode_egress_result(payload, &m) == 0 && m.code <= 0);
    size_t i = 0;
    while (i < n_tags && tags[i] != m.tag)
        i++;
    must(i < n_tags); /* nobody asked */
    tags[i] = tags[--n_tags];
}

/* Nothing that takes part in a test may be reached but what the stand-in refuses. */
static bool is_harmless(uint16_t type, struct slice payload)
{
    struct msg_egress_call m;
    struct msg_effect_call c;
    return type != WIRE_EGRESS_CALL || wire_decode_egress_call(payload, &m) < 0 ||
           wire_decode_effect_call(m.call, &c) < 0 || slice_starts(c.uri, "http://127.0.0.1/");
}

static void remember(uint16_t type, struct slice payload)
{
    struct msg_egress_call m;
    if (type == WIRE_EGRESS_CALL && wire_decode_egress_call(payload, &m) == 0)
        tags[n_tags++] = m.tag;
}

static void play(struct slice rest)
{
    struct far_end_frame frame;
    while (n_tags < CALLS_MAX && far_end_next(&rest, &frame)) {
        struct far_end *f = &ends[frame.who % 2];
        uint16_t type = far_end_type(f, frame.type);
        if (!is_harmless(type, frame.payload))
            continue;
        if (f->fd >= 0)
            remember(type, frame.payload);
        far_end_send(f, type, frame.payload);
        far_end_rounds(loop);
        far_end_read(&ends[0], on_answer);
        far_end_read(&ends[1], on_answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum role roles[] = {ROLE_ENGINE, ROLE_VAULT};
    struct egress *egress;
    if (!loop) {
        must(crypto_init() == 0);
        loop = ev_loop_new(EVFLAG_NOENV);
        log_set_sink(swallow, NULL);
    }
    n_tags = 0;
    stand_in_net_answers((struct slice){NULL, 0}, 80);
    must(egress_new(loop, serve_peers(), NULL, &egress) == 0);
    for (size_t i = 0; i < 2; i++)
        must(serve_connect(loop, roles[i], far_end_open(&ends[i], roles[i], ROLE_EGRESS)) == 0);
    serve_open(egress);
    play(slice_of(data, size));
    must(ends[0].fd < 0 || egress_n_open(egress) <= n_tags);
    serve_close();
    egress_free(egress);
    far_end_close(&ends[0]);
    far_end_close(&ends[1]);
    return 0;
}
