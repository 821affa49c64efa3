/* The dispatch tables over real channels: what each peer may ask, and what comes back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ev.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "crypto/merkle.h"
#include "crypto/credential_box.h"
#include "peer.h"
#include "vault/serve.h"

static struct ev_loop *loop;
static struct peer engine, egress;
static uint8_t box_public[32];

static void connect_as(enum role role, struct peer *p)
{
    peer_connect(p, role, ROLE_VAULT, serve_connect);
}

#define ASK(peer, NAME, name, ...)                                                                               \
    ((peer)->type = WIRE_NONE,                                                                                   \
     assert_int_equal(CHANNEL_SEND((peer)->channel, NAME, name, (&(struct msg_##name){__VA_ARGS__})), 0), peers_run())

static void open_vault(void)
{
    _cleanup_secret_ struct secret *root = secret_new(32);
    assert_int_equal(serve_open(root), 0);
}

static int each(void **state)
{
    connect_as(ROLE_ENGINE, &engine);
    connect_as(ROLE_EGRESS, &egress);
    open_vault();
    ASK(&engine, VAULT_IDENTIFY, vault_identify, .tag = 1);
    struct msg_vault_identity identity = PEER_GOT(&engine, VAULT_IDENTITY, vault_identity);
    memcpy(box_public, identity.box_public, 32);
    return 0;
}

static int after_each(void **state)
{
    peer_leave(&engine);
    peer_leave(&egress);
    serve_close();
    return 0;
}

static void load(const char *name, uint64_t version, uint8_t kind, const char *policy, const char *value)
{
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(LIMIT_CREDENTIAL), wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct credential_purpose purpose = {SLICE_LITERAL("default"), slice_text(name), slice_text(credential_kind_text(kind)),
                                         slice_text(policy)};
    assert_int_equal(credential_box_seal(box_public, &purpose, slice_text(value), &box), 0);
    ASK(&engine, VAULT_WRAP, vault_wrap, .tag = 5, .ns = SLICE_LITERAL("default"), .name = slice_text(name), .version = version,
        .kind = kind, .policy = slice_text(policy), .box = buffer_slice(&box));
    struct msg_vault_wrapped m = PEER_GOT(&engine, VAULT_WRAPPED, vault_wrapped);
    assert_int_equal(m.code, 0);
    assert_int_equal(m.tag, 5);
    buffer_append_slice(&wrapped, m.wrapped);
    ASK(&engine, VAULT_LOAD, vault_load, .tag = 6, .ns = SLICE_LITERAL("default"), .name = slice_text(name), .version = version,
        .wrapped = buffer_slice(&wrapped));
    assert_int_equal(PEER_GOT(&engine, VAULT_DONE, vault_done).code, 0);
}

static struct msg_vault_value use(const char *name, const char *host)
{
    ASK(&egress, VAULT_USE, vault_use, .tag = 7, .ns = SLICE_LITERAL("default"), .name = slice_text(name),
        .scheme = SLICE_LITERAL("https"), .host = slice_text(host), .port = 443, .method = SLICE_LITERAL("GET"),
        .place = CREDENTIAL_IN_HEADER, .form = CREDENTIAL_FORM_HEADER);
    return PEER_GOT(&egress, VAULT_VALUE, vault_value);
}

#define ORIGINS "{\"origins\":[\"https://api.example.com\"]}"

static void test_identity(void **state)
{
    ASK(&engine, VAULT_IDENTIFY, vault_identify, .tag = 99);
    struct msg_vault_identity m = PEER_GOT(&engine, VAULT_IDENTITY, vault_identity);
    assert_int_equal(m.tag, 99);
    assert_int_equal(m.origin.len, 26);
    assert_true(slice_starts(m.origin, "sallyport/"));
}

static void test_namespace(void **state)
{
    ASK(&engine, VAULT_NAMESPACE, vault_namespace, .tag = 2, .ns = SLICE_LITERAL("default"));
    struct msg_vault_namespace_key made = PEER_GOT(&engine, VAULT_NAMESPACE_KEY, vault_namespace_key);
    assert_int_equal(made.code, 0);
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(256);
    buffer_append_slice(&wrapped, made.wrapped);
    ASK(&engine, VAULT_NAMESPACE, vault_namespace, .tag = 3, .ns = SLICE_LITERAL("default"), .wrapped = buffer_slice(&wrapped));
    struct msg_vault_namespace_key opened = PEER_GOT(&engine, VAULT_NAMESPACE_KEY, vault_namespace_key);
    assert_int_equal(opened.code, 0);
    assert_memory_equal(opened.key, made.key, 32);
    uint8_t zeros[32] = {0};
    ASK(&engine, VAULT_NAMESPACE, vault_namespace, .tag = 4, .ns = SLICE_LITERAL("other"), .wrapped = buffer_slice(&wrapped));
    struct msg_vault_namespace_key moved = PEER_GOT(&engine, VAULT_NAMESPACE_KEY, vault_namespace_key);
    assert_int_equal(moved.code, -SP_ETAMPERED);
    assert_memory_equal(moved.key, zeros, 32);
}

static void test_use(void **state)
{
    load("token", 1, CREDENTIAL_BEARER, ORIGINS, "canary-value");
    struct msg_vault_value m = use("token", "api.example.com");
    assert_int_equal(m.code, 0);
    assert_true(slice_is(m.header, "Authorization"));
    assert_true(slice_is(m.value, "Bearer canary-value"));
    m = use("token", "api.example.com.evil.org");
    assert_int_equal(m.code, -SP_EDENIED);
    assert_int_equal(m.value.len, 0);
    assert_int_equal(m.header.len, 0);
    assert_int_equal(use("nothing", "api.example.com").code, -SP_ENOTFOUND);
    load("token", 2, CREDENTIAL_BEARER, ORIGINS, "second-value");
    assert_true(slice_is(use("token", "api.example.com").value, "Bearer second-value"));
    ASK(&engine, VAULT_REVOKE, vault_revoke, .tag = 8, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("token"));
    assert_int_equal(PEER_GOT(&engine, VAULT_DONE, vault_done).code, 0);
    assert_int_equal(use("token", "api.example.com").code, -SP_ENOTFOUND);
    ASK(&engine, VAULT_REVOKE, vault_revoke, .tag = 9, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("token"));
    struct msg_vault_done again = PEER_GOT(&engine, VAULT_DONE, vault_done);
    assert_int_equal(again.code, -SP_ENOTFOUND);
    assert_true(again.reason.len > 0);
    ASK(&engine, VAULT_LOAD, vault_load, .tag = 10, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("token"), .version = 3,
        .wrapped = SLICE_LITERAL("altered"));
    struct msg_vault_done altered = PEER_GOT(&engine, VAULT_DONE, vault_done);
    assert_int_equal(altered.code, -SP_ETAMPERED);
    assert_true(slice_is(altered.reason, "the wrapped credential was altered or moved"));
}

static void test_webhook(void **state)
{
    load("hook", 1, CREDENTIAL_WEBHOOK_KEY, "{}", "It's a Secret to Everybody");
    assert_int_equal(use("hook", "api.example.com").code, -SP_EDENIED);
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(1024);
    wire_pairs_put(&headers, SLICE_LITERAL("x-hub-signature-256"),
                   SLICE_LITERAL("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"));
    ASK(&engine, VAULT_VERIFY, vault_verify, .tag = 9, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("hook"),
        .scheme = WEBHOOK_GITHUB, .headers = buffer_slice(&headers), .body = SLICE_LITERAL("Hello, World!"));
    struct msg_vault_verified m = PEER_GOT(&engine, VAULT_VERIFIED, vault_verified);
    assert_int_equal(m.code, 0);
    assert_true(slice_starts(m.delivery, "github:"));
    ASK(&engine, VAULT_VERIFY, vault_verify, .tag = 9, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("nothing"),
        .scheme = WEBHOOK_GITHUB, .headers = buffer_slice(&headers), .body = SLICE_LITERAL("Hello, World!"));
    assert_int_equal(PEER_GOT(&engine, VAULT_VERIFIED, vault_verified).code, -SP_ENOTFOUND);
    /* A key that may be sent out is no key for webhooks: its value could be echoed by the host that it is sent to. */
    load("token", 1, CREDENTIAL_BEARER, ORIGINS, "It's-a-Secret-to-Everybody");
    ASK(&engine, VAULT_VERIFY, vault_verify, .tag = 9, .ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("token"),
        .scheme = WEBHOOK_GITHUB, .headers = buffer_slice(&headers), .body = SLICE_LITERAL("Hello, World!"));
    assert_int_equal(PEER_GOT(&engine, VAULT_VERIFIED, vault_verified).code, -SP_ENOTFOUND);
}

static void test_sign(void **state)
{
    struct msg_vault_sign ask = {.tag = 11, .size = 1};
    merkle_leaf_hash(SLICE_LITERAL("leaf"), ask.root);
    assert_int_equal(CHANNEL_SEND(engine.channel, VAULT_SIGN, vault_sign, &ask), 0);
    peers_run();
    struct msg_vault_signed m = PEER_GOT(&engine, VAULT_SIGNED, vault_signed);
    assert_int_equal(m.code, 0);
    assert_true(slice_starts(m.checkpoint, "sallyport/"));
    _cleanup_buffer_ struct buffer first = BUFFER_MAX(LIMIT_TEXT);
    buffer_append_slice(&first, m.checkpoint);
    ask.root[0] ^= 1;
    assert_int_equal(CHANNEL_SEND(engine.channel, VAULT_SIGN, vault_sign, &ask), 0);
    peers_run();
    m = PEER_GOT(&engine, VAULT_SIGNED, vault_signed);
    assert_int_equal(m.code, -SP_ECONFLICT);
    assert_true(slice_equal(m.checkpoint, buffer_slice(&first)));
}

/* A new engine may have revoked what the old one loaded. */
static void test_new_engine(void **state)
{
    load("token", 1, CREDENTIAL_BEARER, ORIGINS, "a-value-1");
    peer_leave(&engine);
    peers_run();
    connect_as(ROLE_ENGINE, &engine);
    assert_int_equal(use("token", "api.example.com").code, -SP_ENOTFOUND);
}

static void test_waits_for_key(void **state)
{
    after_each(NULL);
    connect_as(ROLE_ENGINE, &engine);
    connect_as(ROLE_EGRESS, &egress);
    ASK(&engine, VAULT_IDENTIFY, vault_identify, .tag = 12);
    assert_int_equal(engine.type, WIRE_NONE);
    open_vault();
    peers_run();
    assert_int_equal(PEER_GOT(&engine, VAULT_IDENTITY, vault_identity).tag, 12);
}

/* Raw frames: what the sending side's own table would not let out. */
static void test_bad_frames(void **state)
{
    /* Too short for each of them. */
    static const uint16_t of_egress[] = {WIRE_VAULT_IDENTIFY, WIRE_VAULT_LOAD,   WIRE_VAULT_USE,
                                         WIRE_VAULT_VALUE,    WIRE_CONTROL_STOP, 255};
    static const uint16_t of_engine[] = {WIRE_VAULT_IDENTIFY, WIRE_VAULT_NAMESPACE, WIRE_VAULT_SIGN, WIRE_VAULT_WRAP, WIRE_VAULT_LOAD,
                                         WIRE_VAULT_REVOKE,   WIRE_VAULT_VERIFY,    WIRE_VAULT_USE,  WIRE_VAULT_DONE};
    for (size_t i = 0; i < sizeof of_egress / sizeof *of_egress; i++)
        peer_assert_closed_for(of_egress[i], ROLE_EGRESS, serve_connect);
    peer_leave(&engine);
    for (size_t i = 0; i < sizeof of_engine / sizeof *of_engine; i++)
        peer_assert_closed_for(of_engine[i], ROLE_ENGINE, serve_connect);
    connect_as(ROLE_ENGINE, &engine);
    assert_int_equal(serve_connect(loop, ROLE_WORKER, dup(0)), -SP_EPROTOCOL);
    ASK(&engine, VAULT_IDENTIFY, vault_identify, .tag = 13); /* the engine is served as before */
    assert_int_equal(PEER_GOT(&engine, VAULT_IDENTITY, vault_identity).tag, 13);
}

/* The key may come before the channels do, and once. */
static void test_key_first(void **state)
{
    _cleanup_secret_ struct secret *root = secret_new(32);
    after_each(NULL);
    serve_close();
    open_vault();
    assert_int_equal(serve_open(root), -SP_ECONFLICT);
    connect_as(ROLE_EGRESS, &egress);
    assert_int_equal(use("token", "api.example.com").code, -SP_ENOTFOUND);
    connect_as(ROLE_ENGINE, &engine);
    ASK(&engine, VAULT_IDENTIFY, vault_identify, .tag = 12);
    assert_int_equal(PEER_GOT(&engine, VAULT_IDENTITY, vault_identity).tag, 12);
}

static void quiet(enum log_level level, const char *line, size_t len, void *user)
{
    assert_null(memmem(line, len, "canary-value", 12));
}

static int setup(void **state)
{
    loop = ev_default_loop(0);
    log_set_sink(quiet, NULL);
    return crypto_init();
}

#define T(f) cmocka_unit_test_setup_teardown(f, each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_identity), T(test_namespace),  T(test_use),           T(test_webhook),
                                       T(test_sign),     T(test_new_engine), T(test_waits_for_key), T(test_bad_frames),
                                       T(test_key_first)};
    return cmocka_run_group_tests_name("vault/serve", tests, setup, NULL);
}
