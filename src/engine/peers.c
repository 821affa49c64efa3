/* peers: channels to gateway, vault and egress, with their dispatch tables. Called by main.c and by the domain's files.
 * What comes in is decoded here and answered to who asked; an answer that nobody asked for closes the channel. */
#include "engine/peers.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/checker.h"
#include "engine/request.h"
#include "engine/workers.h"
#include "role/role.h"

static struct channel *gateway, *vault, *egress;
static struct ask_table asks[WIRE_TYPE_COUNT]; /* by the type of the answer: no other one may end the question */
static bool is_unlocked;
static int64_t unlocked_ms;

/* --- what peers say ------------------------------------------------------------------------------------------------ */

static int on_http_request(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    (void)fd;
    struct request *request;
    int r = request_new(payload, &request);
    if (r < 0)
        return r == -ENOMEM ? 0 : r;
    route_request(request);
    return 0;
}

static int on_http_gone(struct channel *channel, struct slice payload, int fd)
{
    /* The run goes on: its effects may be under way. The gateway drops the answer. */
    (void)channel;
    (void)fd;
    struct msg_http_gone m;
    return wire_decode_http_gone(payload, &m);
}

/* Decodes an answer and gives it to who asked. `code` is 0 for answers that have no code of their own. */
#define DEFINE_ANSWER(NAME, name, code_of)                                                                      \
    static int on_##name(struct channel *channel, struct slice payload, int fd)                                  \
    {                                                                                                            \
        (void)channel;                                                                                           \
        (void)fd;                                                                                                \
        struct msg_##name m;                                                                                     \
        int r = wire_decode_##name(payload, &m);                                                                 \
        return r < 0 ? r : ask_answer(&asks[WIRE_##NAME], m.tag, code_of, &m);                                   \
    }

DEFINE_ANSWER(VAULT_IDENTITY, vault_identity, 0)
DEFINE_ANSWER(VAULT_NAMESPACE_KEY, vault_namespace_key, m.code)
DEFINE_ANSWER(VAULT_WRAPPED, vault_wrapped, m.code)
DEFINE_ANSWER(VAULT_DONE, vault_done, m.code)
DEFINE_ANSWER(VAULT_VERIFIED, vault_verified, m.code)
DEFINE_ANSWER(VAULT_SIGNED, vault_signed, m.code)

static int on_egress_result(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    (void)fd;
    struct msg_egress_result m;
    int r = wire_decode_egress_result(payload, &m);
    if (r < 0)
        return r;
    /* A call that was cancelled has no question any more; its answer may cross the cancellation. */
    r = ask_answer(&asks[WIRE_EGRESS_RESULT], m.tag, m.code, &m);
    return r == -SP_EPROTOCOL ? 0 : r;
}

static role_message_handler *const gateway_handlers[WIRE_TYPE_COUNT] = {
    [WIRE_HTTP_REQUEST] = on_http_request,
    [WIRE_HTTP_GONE] = on_http_gone,
};

static role_message_handler *const vault_handlers[WIRE_TYPE_COUNT] = {
    [WIRE_VAULT_IDENTITY] = on_vault_identity,       [WIRE_VAULT_NAMESPACE_KEY] = on_vault_namespace_key,
    [WIRE_VAULT_WRAPPED] = on_vault_wrapped,         [WIRE_VAULT_DONE] = on_vault_done,
    [WIRE_VAULT_VERIFIED] = on_vault_verified,       [WIRE_VAULT_SIGNED] = on_vault_signed,
};

static role_message_handler *const egress_handlers[WIRE_TYPE_COUNT] = {
    [WIRE_EGRESS_RESULT] = on_egress_result,
};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    return role_dispatch((role_message_handler *const *)user, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

/* --- their coming and going ---------------------------------------------------------------------------------------- */

static void fail_all(enum role peer, int code)
{
    for (unsigned type = 0; type < WIRE_TYPE_COUNT; type++)
        if (wire_may_send((uint16_t)type, peer, ROLE_ENGINE))
            ask_fail_all(&asks[type], code);
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)user;
    /* That a role died is the supervisor's warning; in an orderly stop nothing is wrong. */
    log_event(channel_is_breached(channel) ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "engine.peer-lost", "peer",
              role_name(channel_peer(channel)), "reason", reason, NULL);
    /* Of the vault the supervisor would not hear it from us. */
    if (channel_is_breached(channel) && channel != vault)
        (void)role_ask_restart(channel_peer(channel), 0);
    if (channel == gateway) {
        gateway = NULL;
        request_set_gateway(NULL);
    } else if (channel == vault) {
        vault = NULL;
        is_unlocked = false;
        fail_all(ROLE_VAULT, -SP_EUNAVAILABLE);
    } else if (channel == egress) {
        egress = NULL;
        fail_all(ROLE_EGRESS, -SP_EPROTOCOL);
    }
    channel_free(channel);
}

static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};

static int replace(struct channel **place, enum role peer, int fd, role_message_handler *const *table)
{
    struct channel *channel;
    int r = channel_new(role_loop(), fd, ROLE_ENGINE, peer, &handlers, (void *)(uintptr_t)table, &channel);
    if (r < 0)
        return r;
    if (*place) {
        struct channel *old = *place;
        on_closed(old, "replaced", NULL);
    }
    *place = channel;
    return 0;
}

int peers_connect(enum role peer, uint16_t index, int fd)
{
    int r = -SP_EPROTOCOL;
    if (peer == ROLE_WORKER)
        return workers_connect(index, fd);
    if (peer == ROLE_CHECKER)
        return checker_connect(fd);
    if (peer == ROLE_GATEWAY) {
        r = replace(&gateway, peer, fd, gateway_handlers);
        if (r == 0)
            request_set_gateway(gateway);
    } else if (peer == ROLE_VAULT) {
        r = replace(&vault, peer, fd, vault_handlers);
        if (r == 0) {
            channel_set_secret(vault);
            vault_connected();
        }
    } else if (peer == ROLE_EGRESS) {
        r = replace(&egress, peer, fd, egress_handlers);
        if (r == 0)
            egress_connected();
    } else {
        close(fd);
    }
    return r;
}

void peers_flush(void)
{
    if (gateway)
        (void)channel_flush(gateway);
}

bool peers_has_vault(void)
{
    return vault;
}

void vault_unlocked(void)
{
    is_unlocked = true;
    unlocked_ms = clock_monotonic_ms();
    egress_connected();
}

bool vault_is_unlocked(void)
{
    return is_unlocked;
}

bool vault_was_away(int64_t since_ms)
{
    /* Egress gets its channel to the new vault about when we do, not exactly then. */
    return !is_unlocked || unlocked_ms + 1000 >= since_ms;
}

bool peers_has_egress(void)
{
    return egress;
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

static int ask(struct channel *channel, struct ask_table *table, uint16_t type, channel_encoder *encode, const void *message,
               uint64_t *tag, ask_answered *answered, void *user)
{
    if (!channel)
        return -SP_EUNAVAILABLE;
    *tag = ask_open(table, answered, user);
    if (!*tag)
        return -SP_EOVERLOAD;
    int r = channel_send_with(channel, type, encode, message);
    if (r < 0)
        ask_forget(table, *tag);
    return r == -EPIPE ? -SP_EUNAVAILABLE : r; /* its end is not known here yet */
}

#define ASK(channel, ANSWER, NAME, name, message)                                                                \
    ask(channel, &asks[WIRE_##ANSWER], WIRE_##NAME, (channel_encoder *)wire_encode_##name, message, &(message)->tag, answered, user)

int vault_ask_identity(ask_answered *answered, void *user)
{
    struct msg_vault_identify m = {0};
    return ASK(vault, VAULT_IDENTITY, VAULT_IDENTIFY, vault_identify, &m);
}

#define DEFINE_ASK(verb, NAME, name, ANSWER)                                                                     \
    int vault_ask_##verb(struct msg_##name *m, ask_answered *answered, void *user)                               \
    {                                                                                                            \
        return ASK(vault, ANSWER, NAME, name, m);                                                                \
    }

DEFINE_ASK(namespace, VAULT_NAMESPACE, vault_namespace, VAULT_NAMESPACE_KEY)
DEFINE_ASK(wrap, VAULT_WRAP, vault_wrap, VAULT_WRAPPED)
DEFINE_ASK(load, VAULT_LOAD, vault_load, VAULT_DONE)
DEFINE_ASK(revoke, VAULT_REVOKE, vault_revoke, VAULT_DONE)
DEFINE_ASK(verify, VAULT_VERIFY, vault_verify, VAULT_VERIFIED)
DEFINE_ASK(sign, VAULT_SIGN, vault_sign, VAULT_SIGNED)

int egress_ask_call(struct msg_egress_call *m, ask_answered *answered, void *user, uint64_t *ret_tag)
{
    int r = ASK(egress, EGRESS_RESULT, EGRESS_CALL, egress_call, m);
    if (r == 0)
        *ret_tag = m->tag;
    return r;
}

void egress_cancel(uint64_t tag)
{
    ask_forget(&asks[WIRE_EGRESS_RESULT], tag);
    if (egress)
        CHANNEL_TRY(egress, EGRESS_CANCEL, egress_cancel, &(struct msg_egress_cancel){.tag = tag});
}
