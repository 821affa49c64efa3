/* serve: the dispatch tables of egress, one for each peer: the engine calls and cancels, the vault answers, and neither may
 * say what is the other's to say [I5]. A message that does not decode closes its channel. Called by main.c. */
#include "egress/serve.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "role/role.h"

static struct {
    struct egress *egress; /* NULL until serve_open */
    struct channel *engine, *vault;
} serve;

/* --- engine --------------------------------------------------------------------------------------------------------------- */

static int on_call(struct channel *c, struct slice payload, int fd)
{
    return egress_call(serve.egress, payload);
}

static int on_cancel(struct channel *c, struct slice payload, int fd)
{
    struct msg_egress_cancel m;
    int r = wire_decode_egress_cancel(payload, &m);
    if (r == 0)
        egress_cancel(serve.egress, m.tag);
    return r;
}

static void answer(const struct msg_egress_result *result, void *user)
{
    must(serve.engine); /* its calls end with its channel */
    int r = CHANNEL_SEND(serve.engine, EGRESS_RESULT, egress_result, result);
    if (r == 0 || r == -EPIPE)
        return;
    log_event(LOG_LEVEL_ERROR, "egress.answer-lost", "error", error_text(r), NULL);
    /* The engine must not wait for ever: without the channel it knows that the outcome is unknown. */
    channel_close(serve.engine, "an answer could not be sent");
}

/* --- vault ---------------------------------------------------------------------------------------------------------------- */

static int on_value(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_value m;
    int r = wire_decode_vault_value(payload, &m);
    if (r == 0)
        egress_value(serve.egress, &m);
    return r;
}

static int ask(const struct msg_vault_use *question, void *user)
{
    return serve.vault ? CHANNEL_SEND(serve.vault, VAULT_USE, vault_use, question) : -SP_EUNAVAILABLE;
}

/* --- channels ------------------------------------------------------------------------------------------------------------- */

static role_message_handler *const engine_table[WIRE_TYPE_COUNT] = {
    [WIRE_EGRESS_CALL] = on_call,
    [WIRE_EGRESS_CANCEL] = on_cancel,
};

static role_message_handler *const vault_table[WIRE_TYPE_COUNT] = {
    [WIRE_VAULT_VALUE] = on_value,
};

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    closep(&fd); /* none of our messages carries a descriptor */
    return role_dispatch(c == serve.engine ? engine_table : vault_table, WIRE_TYPE_COUNT, c, type, payload, -1);
}

static void peer_lost(enum role peer)
{
    if (!serve.egress)
        return;
    if (peer == ROLE_ENGINE)
        egress_engine_lost(serve.egress);
    else
        egress_vault_lost(serve.egress);
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    enum role peer = channel_peer(c);
    log_event(LOG_LEVEL_INFO, "channel.closed", "peer", role_name(peer), "reason", reason, NULL);
    *(peer == ROLE_ENGINE ? &serve.engine : &serve.vault) = NULL;
    channel_free(c);
    peer_lost(peer);
}

int serve_connect(struct ev_loop *loop, enum role peer, int fd)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    if (peer != ROLE_ENGINE && peer != ROLE_VAULT) {
        close(fd);
        return -SP_EPROTOCOL;
    }
    struct channel **place = peer == ROLE_ENGINE ? &serve.engine : &serve.vault;
    if (*place) {
        channel_free(TAKE_PTR(*place));
        peer_lost(peer);
    }
    struct channel *c;
    int r = channel_new(loop, fd, ROLE_EGRESS, peer, &handlers, NULL, &c);
    if (r < 0)
        return r;
    if (peer == ROLE_VAULT)
        channel_set_secret(c);
    if (!serve.egress)
        channel_pause(c);
    *place = c;
    return 0;
}

void serve_open(struct egress *e)
{
    serve.egress = e;
    if (serve.engine)
        channel_resume(serve.engine);
    if (serve.vault)
        channel_resume(serve.vault);
}

void serve_close(void)
{
    if (serve.engine)
        (void)channel_flush(serve.engine); /* answers that are ready */
    channel_free(serve.engine);
    channel_free(serve.vault);
    memset(&serve, 0, sizeof serve);
}

const struct egress_peers *serve_peers(void)
{
    static const struct egress_peers peers = {.ask = ask, .answer = answer};
    return &peers;
}
