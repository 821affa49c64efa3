/* The dispatch tables over real channels: what the engine and the vault may say, when there is only one of them, and that neither
 * speaks for the other [I5]. No call here leaves: each needs the vault, or is not granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "egress/serve.h"
#include "peer.h"

static struct ev_loop *loop;
static struct egress *egress;
static struct peer engine, vault;

static void connect_as(enum role role, struct peer *p)
{
    peer_connect(p, role, ROLE_EGRESS, serve_connect);
}

static void leave(struct peer *p)
{
    peer_leave(p);
    peers_run();
}

/* A call that needs a credential for an origin that is granted. */
static void call(uint64_t tag)
{
    _cleanup_buffer_ struct buffer effect = BUFFER_MAX(LIMIT_TEXT), secrets = BUFFER_MAX(64);
    wire_pairs_put(&secrets, SLICE_LITERAL("token"), SLICE_LITERAL(""));
    wire_encode_effect_call(&effect, &(struct msg_effect_call){.method = SLICE_LITERAL("GET"),
                                                               .uri = SLICE_LITERAL("https://192.0.2.1/"),
                                                               .auth = AUTH_BEARER,
                                                               .auth_use = SLICE_LITERAL("token")});
    struct msg_egress_call m = {.tag = tag,
                                .ns = SLICE_LITERAL("default"),
                                .secrets = buffer_slice(&secrets),
                                .grants = SLICE_LITERAL("[\"https://192.0.2.1\"]"),
                                .call = buffer_slice(&effect)};
    assert_int_equal(CHANNEL_SEND(engine.channel, EGRESS_CALL, egress_call, &m), 0);
    peers_run();
}

/* Answers the last question. */
static void refuse(void)
{
    struct msg_vault_value m = {.tag = PEER_GOT(&vault, VAULT_USE, vault_use).tag, .code = -SP_EDENIED, .reason = SLICE_LITERAL("no")};
    assert_int_equal(CHANNEL_SEND(vault.channel, VAULT_VALUE, vault_value, &m), 0);
    peers_run();
}

static void assert_result(uint64_t tag, int code, bool was_vault_away)
{
    struct msg_egress_result result = PEER_GOT(&engine, EGRESS_RESULT, egress_result);
    assert_int_equal(result.tag, tag);
    assert_int_equal(result.code, code);
    assert_int_equal(result.was_vault_away, was_vault_away);
    assert_int_equal(result.was_sent, 0);
}

static int each(void **state)
{
    assert_int_equal(egress_new(loop, serve_peers(), NULL, &egress), 0);
    connect_as(ROLE_ENGINE, &engine);
    connect_as(ROLE_VAULT, &vault);
    serve_open(egress);
    return 0;
}

static int after_each(void **state)
{
    serve_close();
    egress_free(egress);
    peer_leave(&engine);
    peer_leave(&vault);
    return 0;
}

static void test_call_and_cancel(void **state)
{
    call(7);
    assert_int_equal(vault.n, 1);
    assert_int_equal(engine.n, 0);
    refuse();
    assert_result(7, -SP_EDENIED, false);
    call(8);
    assert_int_equal(CHANNEL_SEND(engine.channel, EGRESS_CANCEL, egress_cancel, &(struct msg_egress_cancel){.tag = 8}), 0);
    peers_run();
    assert_int_equal(engine.n, 2);
    assert_int_equal(PEER_GOT(&engine, EGRESS_RESULT, egress_result).tag, 8);
    assert_int_equal(egress_n_open(egress), 0);
}

static void test_without_a_vault(void **state)
{
    call(7);
    leave(&vault);
    assert_result(7, -SP_EUNAVAILABLE, true);
    call(8);
    assert_result(8, -SP_EUNAVAILABLE, true);
    connect_as(ROLE_VAULT, &vault);
    call(9);
    assert_int_equal(vault.n, 1);
    struct peer before = vault;
    connect_as(ROLE_VAULT, &vault); /* a new one, of which the old one's end is not heard first */
    peers_run();
    assert_result(9, -SP_EUNAVAILABLE, true);
    peer_leave(&before);
    assert_false(engine.is_closed);
}

/* A call ends with the engine that asked for it: the next one knows nothing of it. */
static void test_another_engine(void **state)
{
    call(7);
    assert_int_equal(egress_n_open(egress), 1);
    leave(&engine);
    assert_int_equal(egress_n_open(egress), 0);
    connect_as(ROLE_ENGINE, &engine);
    refuse();
    assert_int_equal(engine.n, 0);
    call(7);
    refuse();
    assert_result(7, -SP_EDENIED, false);
}

static void test_bad_frames(void **state)
{
    /* Too short for each of them. */
    static const uint16_t of_engine[] = {WIRE_EGRESS_CALL, WIRE_EGRESS_CANCEL, WIRE_VAULT_VALUE, 255};
    static const uint16_t of_vault[] = {WIRE_VAULT_VALUE, WIRE_EGRESS_CALL, WIRE_EGRESS_CANCEL};
    for (size_t i = 0; i < sizeof of_engine / sizeof *of_engine; i++)
        peer_assert_closed_for(of_engine[i], ROLE_ENGINE, serve_connect);
    for (size_t i = 0; i < sizeof of_vault / sizeof *of_vault; i++)
        peer_assert_closed_for(of_vault[i], ROLE_VAULT, serve_connect);
    static const enum role strangers[] = {ROLE_GATEWAY, ROLE_WORKER, ROLE_CHECKER, ROLE_SUPERVISOR};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_int_equal(serve_connect(loop, strangers[i], dup(0)), -SP_EPROTOCOL);
}

/* Before the start nothing is taken, and who is replaced then is not missed. */
static void test_waits_for_the_start(void **state)
{
    serve_close();
    serve_open(egress); /* with no channel at all */
    serve_close();
    leave(&engine);
    leave(&vault);
    struct peer former;
    connect_as(ROLE_ENGINE, &former);
    connect_as(ROLE_ENGINE, &engine);
    connect_as(ROLE_VAULT, &vault);
    call(7);
    assert_int_equal(vault.n, 0);
    serve_open(egress);
    peers_run();
    assert_int_equal(vault.n, 1);
    peer_leave(&former);
}

static void quiet(enum log_level level, const char *line, size_t len, void *user)
{
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
    const struct CMUnitTest tests[] = {T(test_call_and_cancel), T(test_without_a_vault), T(test_another_engine), T(test_bad_frames),
                                       T(test_waits_for_the_start)};
    return cmocka_run_group_tests_name("egress/serve", tests, setup, NULL);
}
