/* serve: the dispatch tables of the vault, one for each peer, so that egress cannot even ask what is the engine's to ask.
 * Each handler decodes, has the domain decide, and answers; a message that does not decode closes its channel. Must hold: a
 * credential's value leaves in VAULT_VALUE alone, on the channel of egress [I2] [I5]. Called by main.c. */
#include "vault/serve.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "role/role.h"
#include "vault/checkpoint.h"
#include "vault/table.h"
#include "vault/webhook/webhook.h"

static struct {
    struct vault_keys *keys; /* NULL until serve_open */
    struct credential_table *credentials;
    struct checkpoint_signer signer;
    struct channel *engine, *egress;
} vault;

/* --- engine: keys ------------------------------------------------------------------------------------------------------ */

static int on_identify(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_identify m;
    int r = wire_decode_vault_identify(payload, &m);
    if (r < 0)
        return r;
    struct msg_vault_identity answer = {.tag = m.tag, .origin = slice_text(vault.keys->origin)};
    memcpy(answer.box_public, vault.keys->box_public, sizeof answer.box_public);
    memcpy(answer.audit_public, vault.keys->audit_public, sizeof answer.audit_public);
    return CHANNEL_SEND(c, VAULT_IDENTITY, vault_identity, &answer);
}

static int on_namespace(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_namespace m;
    int r = wire_decode_vault_namespace(payload, &m);
    if (r < 0)
        return r;
    struct msg_vault_namespace_key answer = {.tag = m.tag, .wrapped = m.wrapped};
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(256);
    if (m.wrapped.len) {
        answer.code = namespace_key_open(vault.keys, m.ns, m.wrapped, answer.key);
    } else {
        answer.code = namespace_key_create(vault.keys, m.ns, &wrapped, answer.key);
        answer.wrapped = buffer_slice(&wrapped);
    }
    r = CHANNEL_SEND(c, VAULT_NAMESPACE_KEY, vault_namespace_key, &answer);
    crypto_wipe(answer.key, sizeof answer.key);
    return r;
}

static int on_sign(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_sign m;
    struct diag why = {0};
    int r = wire_decode_vault_sign(payload, &m);
    if (r < 0)
        return r;
    struct checkpoint next = {.size = m.size};
    memcpy(next.root, m.root, sizeof next.root);
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    struct msg_vault_signed answer = {.tag = m.tag};
    answer.code = checkpoint_sign(&vault.signer, vault.keys, &next, m.proof, m.last, &note, &why);
    if (answer.code < 0) {
        log_event(LOG_LEVEL_ERROR, "checkpoint.refused", "reason", why.text, NULL);
        /* What was signed last, if it is known: an engine that lost it in a crash can prove from it. */
        buffer_clear(&note);
        r = checkpoint_last(&vault.signer, vault.keys, &note);
        if (r < 0)
            return r;
    }
    answer.checkpoint = buffer_slice(&note);
    answer.reason = slice_text(why.text);
    return CHANNEL_SEND(c, VAULT_SIGNED, vault_signed, &answer);
}

/* --- engine: credentials ----------------------------------------------------------------------------------------------- */

static int on_wrap(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_wrap m;
    struct diag why = {0};
    int r = wire_decode_vault_wrap(payload, &m);
    if (r < 0)
        return r;
    const struct credential_label label = {m.ns, m.name, m.version};
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct msg_vault_wrapped answer = {.tag = m.tag};
    answer.code = credential_wrap(vault.keys, &label, (enum credential_kind)m.kind, m.policy, m.box, &wrapped, &why);
    answer.reason = slice_text(why.text);
    if (answer.code == 0)
        answer.wrapped = buffer_slice(&wrapped);
    return CHANNEL_SEND(c, VAULT_WRAPPED, vault_wrapped, &answer);
}

static int done(struct channel *c, uint64_t tag, int code, const struct diag *why)
{
    struct msg_vault_done answer = {.tag = tag, .code = code};
    if (code < 0)
        answer.reason = slice_text(why->text[0] ? why->text : error_text(code));
    return CHANNEL_SEND(c, VAULT_DONE, vault_done, &answer);
}

static int on_load(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_load m;
    struct diag why = {0};
    int r = wire_decode_vault_load(payload, &m);
    if (r < 0)
        return r;
    const struct credential_label label = {m.ns, m.name, m.version};
    _cleanup_credential_ struct credential *credential = NULL;
    int code = credential_unwrap(vault.keys, &label, m.wrapped, &credential, &why);
    if (code == 0)
        code = credential_table_take(vault.credentials, &label, &credential);
    if (code < 0)
        log_event(LOG_LEVEL_ERROR, "credential.not-loaded", "error", error_text(code), NULL);
    return done(c, m.tag, code, &why);
}

static int on_revoke(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_revoke m;
    struct diag why = {0};
    int r = wire_decode_vault_revoke(payload, &m);
    if (r < 0)
        return r;
    bool was_there = credential_table_remove(vault.credentials, m.ns, m.name);
    return done(c, m.tag, was_there ? 0 : -SP_ENOTFOUND, &why);
}

static int verify(const struct msg_vault_verify *m, struct buffer *ret_delivery, struct diag *why)
{
    const struct credential *credential = credential_table_find(vault.credentials, m->ns, m->name);
    if (!credential || credential->kind != CREDENTIAL_WEBHOOK_KEY)
        return diag_set(why, -SP_ENOTFOUND, "there is no webhook-key of this name");
    const struct webhook_delivery delivery = {
        .headers = m->headers, .body = m->body, .now_ms = m->now_ms, .tolerance_s = m->tolerance_s};
    return webhook_verify((enum webhook_scheme)m->scheme, secret_slice(credential->value), &delivery, ret_delivery, why);
}

static int on_verify(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_verify m;
    struct diag why = {0};
    int r = wire_decode_vault_verify(payload, &m);
    if (r < 0)
        return r;
    _cleanup_buffer_ struct buffer delivery = BUFFER_MAX(LIMIT_NAME);
    struct msg_vault_verified answer = {.tag = m.tag};
    answer.code = verify(&m, &delivery, &why);
    answer.reason = slice_text(why.text);
    if (answer.code == 0)
        answer.delivery = buffer_slice(&delivery);
    return CHANNEL_SEND(c, VAULT_VERIFIED, vault_verified, &answer);
}

/* --- egress ------------------------------------------------------------------------------------------------------------ */

static int use(const struct msg_vault_use *m, struct slice *ret_header, struct buffer *ret_value, struct diag *why)
{
    const struct credential *credential = credential_table_find(vault.credentials, m->ns, m->name);
    if (!credential)
        return diag_set(why, -SP_ENOTFOUND, "there is no credential of this name");
    const struct credential_ask ask = {
        .scheme = m->scheme, .host = m->host, .port = m->port, .method = m->method, .place = m->place, .form = m->form};
    return credential_use(credential, &ask, ret_header, ret_value, why);
}

static int on_use(struct channel *c, struct slice payload, int fd)
{
    struct msg_vault_use m;
    struct diag why = {0};
    int r = wire_decode_vault_use(payload, &m);
    if (r < 0)
        return r;
    _cleanup_buffer_ struct buffer value = {.max = LIMIT_CREDENTIAL + 64, .secret = true};
    struct msg_vault_value answer = {.tag = m.tag};
    answer.code = use(&m, &answer.header, &value, &why);
    answer.reason = slice_text(why.text);
    if (answer.code == 0) {
        answer.value = buffer_slice(&value);
    } else {
        answer.header = (struct slice){NULL, 0};
        _cleanup_free_ char *name = slice_dup(m.name);
        log_event(LOG_LEVEL_WARN, "credential.refused", "name", name, "reason", why.text, NULL);
    }
    return CHANNEL_SEND(c, VAULT_VALUE, vault_value, &answer);
}

/* --- channels ---------------------------------------------------------------------------------------------------------- */

static role_message_handler *const engine_table[WIRE_TYPE_COUNT] = {
    [WIRE_VAULT_IDENTIFY] = on_identify, [WIRE_VAULT_NAMESPACE] = on_namespace, [WIRE_VAULT_WRAP] = on_wrap,
    [WIRE_VAULT_LOAD] = on_load,         [WIRE_VAULT_REVOKE] = on_revoke,       [WIRE_VAULT_VERIFY] = on_verify,
    [WIRE_VAULT_SIGN] = on_sign,
};

static role_message_handler *const egress_table[WIRE_TYPE_COUNT] = {
    [WIRE_VAULT_USE] = on_use,
};

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    closep(&fd); /* none of our messages carries a descriptor */
    return role_dispatch(c == vault.engine ? engine_table : egress_table, WIRE_TYPE_COUNT, c, type, payload, -1);
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    log_event(LOG_LEVEL_INFO, "channel.closed", "peer", role_name(channel_peer(c)), "reason", reason, NULL);
    if (channel_is_breached(c))
        (void)role_ask_restart(channel_peer(c), 0);
    *(channel_peer(c) == ROLE_ENGINE ? &vault.engine : &vault.egress) = NULL;
    channel_free(c);
}

static int forget_credentials(void)
{
    struct credential_table *empty = credential_table_new();
    if (!empty)
        return -ENOMEM;
    credential_table_free(vault.credentials);
    vault.credentials = empty;
    return 0;
}

int serve_connect(struct ev_loop *loop, enum role peer, int fd)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    struct channel **place = peer == ROLE_ENGINE ? &vault.engine : &vault.egress;
    int r = peer != ROLE_ENGINE && peer != ROLE_EGRESS ? -SP_EPROTOCOL : 0;
    if (r == 0 && (peer == ROLE_ENGINE || !vault.credentials))
        r = forget_credentials();
    if (r < 0) {
        close(fd);
        return r;
    }
    channel_free(*place);
    *place = NULL;
    struct channel *c;
    r = channel_new(loop, fd, ROLE_VAULT, peer, &handlers, NULL, &c);
    if (r < 0)
        return r;
    channel_set_secret(c);
    if (!vault.keys)
        channel_pause(c);
    *place = c;
    return 0;
}

int serve_open(const struct secret *root)
{
    if (vault.keys)
        return -SP_ECONFLICT;
    int r = vault_keys_derive(root, &vault.keys);
    if (r < 0)
        return r;
    if (vault.engine)
        channel_resume(vault.engine);
    if (vault.egress)
        channel_resume(vault.egress);
    return 0;
}

void serve_close(void)
{
    channel_free(vault.engine);
    channel_free(vault.egress);
    credential_table_free(vault.credentials);
    vault_keys_free(vault.keys);
    memset(&vault, 0, sizeof vault);
}
