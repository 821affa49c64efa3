/* The vault, and whoever took over the engine or egress: frames in any order on both channels, to the real
 * dispatch tables. Must hold [I2] [I5]: the engine never sees the credential's value; egress sees it only
 * where it asked for the origin that the credential allows; every answer is one that the vault may give to
 * who gets it. */
#include <ev.h>

#include "base/log.h"
#include "crypto/credential_box.h"
#include "far_end.h"
#include "vault/credential.h"
#include "vault/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE "a-value-that-stays-in"
#define HOST  "api.example.com"

static struct ev_loop *loop;
static struct secret *root;
static struct far_end ends[2];       /* engine, egress */
static bool was_asked_well, is_told; /* the attacker says the value himself, and may hear it again */
static struct {
    const char *name, *policy;
    enum credential_kind kind;
    struct buffer wrapped;
} kept[] = {
    {"token", "{\"origins\":[\"https://" HOST "\"]}", CREDENTIAL_BEARER, BUFFER_MAX(2 * LIMIT_CREDENTIAL)},
    {"hook", "{}", CREDENTIAL_WEBHOOK_KEY, BUFFER_MAX(2 * LIMIT_CREDENTIAL)},
};
#define KEPT (sizeof kept / sizeof kept[0])

static void swallow(enum log_level level, const char *line, size_t len, void *user)
{
    must((is_told || !memmem(line, len, VALUE, strlen(VALUE))) && !memchr(line, '\n', len));
}

static void start(void)
{
    struct vault_keys *keys;
    must(crypto_init() == 0 && (root = secret_new(32)) != NULL && vault_keys_derive(root, &keys) == 0);
    loop = ev_loop_new(EVFLAG_NOENV);
    log_set_sink(swallow, NULL);
    for (size_t i = 0; i < KEPT; i++) {
        const struct credential_purpose purpose = {SLICE_LITERAL("default"), slice_text(kept[i].name),
                                                   slice_text(credential_kind_text((int)kept[i].kind)),
                                                   slice_text(kept[i].policy)};
        const struct credential_label label = {SLICE_LITERAL("default"), slice_text(kept[i].name), 1};
        _cleanup_buffer_ struct buffer box = BUFFER_MAX(LIMIT_CREDENTIAL);
        must(credential_box_seal(keys->box_public, &purpose, SLICE_LITERAL(VALUE), &box) == 0);
        must(credential_wrap(keys, &label, kept[i].kind, slice_text(kept[i].policy), buffer_slice(&box),
                             &kept[i].wrapped, NULL) == 0);
    }
    vault_keys_free(keys);
}

static void on_answer(struct far_end *f, uint16_t type, struct slice payload)
{
    bool holds = payload.len && memmem(payload.p, payload.len, VALUE, strlen(VALUE));
    must(!holds || is_told || (f->self == ROLE_EGRESS && was_asked_well));
    struct msg_vault_value m;
    if (type == WIRE_VAULT_VALUE && wire_decode_vault_value(payload, &m) == 0 && m.code < 0)
        must(m.value.len == 0 && m.header.len == 0);
}

static void open_all(void)
{
    static const enum role roles[] = {ROLE_ENGINE, ROLE_EGRESS};
    for (size_t i = 0; i < 2; i++)
        must(serve_connect(loop, roles[i], far_end_open(&ends[i], roles[i], ROLE_VAULT)) == 0);
    must(serve_open(root) == 0);
    for (size_t i = 0; i < KEPT; i++)
        FAR_END_SEND(&ends[0], VAULT_LOAD, vault_load,
                     (&(struct msg_vault_load){.ns = SLICE_LITERAL("default"),
                                               .name = slice_text(kept[i].name),
                                               .version = 1,
                                               .wrapped = buffer_slice(&kept[i].wrapped)}));
    far_end_rounds(loop);
}

static bool asks_well(uint16_t type, struct slice payload)
{
    struct msg_vault_use m;
    return type == WIRE_VAULT_USE && wire_decode_vault_use(payload, &m) == 0 && slice_is(m.name, "token") &&
           slice_is(m.scheme, "https") && slice_equal_nocase(m.host, SLICE_LITERAL(HOST)) && m.port == 443;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct far_end_frame frame;
    if (!loop)
        start();
    was_asked_well = false;
    is_told = size && memmem(data, size, VALUE, strlen(VALUE));
    open_all();
    while (far_end_next(&rest, &frame)) {
        struct far_end *f = &ends[frame.who % 2];
        uint16_t type = far_end_type(f, frame.type);
        was_asked_well = was_asked_well || asks_well(type, frame.payload);
        far_end_send(f, type, frame.payload);
        far_end_rounds(loop);
        far_end_read(&ends[0], on_answer);
        far_end_read(&ends[1], on_answer);
    }
    serve_close();
    far_end_close(&ends[0]);
    far_end_close(&ends[1]);
    return 0;
}
