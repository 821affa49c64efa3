/* The executable itself, with the supervisor and the engine played by the test: it serves with a good root key and with no other,
 * and says in the words of its operator why not [I8]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "../started_role.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/root_key.h"

#define PASSPHRASE "correct horse battery"

static struct buffer plain = {.max = ROOT_KEY_FILE_MAX, .secret = true}, wrapped = {.max = ROOT_KEY_FILE_MAX, .secret = true};
static bool has_identity;

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct msg_vault_identity m;
    assert_int_equal(type, WIRE_VAULT_IDENTITY);
    assert_int_equal(wire_decode_vault_identity(payload, &m), 0);
    has_identity = true;
    return 0;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
}

static const struct channel_handlers handlers = {on_message, on_closed};

static void is_served(struct started_role *s, struct channel *engine)
{
    has_identity = false;
    assert_int_equal(CHANNEL_SEND(engine, VAULT_IDENTIFY, vault_identify, &(struct msg_vault_identify){.tag = 1}), 0);
    started_role_run(s, &has_identity);
    assert_true(has_identity);
}

/* What comes after the start changes nothing: another root key and passphrase take a restart. */
static void test_serves(void **state)
{
    struct started_role s;
    started_role_begin(&s, ROLE_VAULT, VAULT_PROGRAM);
    started_role_config(&s, "{}");
    started_role_file(&s, CONTROL_FILE_ROOT_KEY, started_role_memory_file("an older one", 12));
    started_role_file(&s, CONTROL_FILE_ROOT_KEY, started_role_memory_file(plain.p, plain.len)); /* the last one counts */
    struct channel *engine = started_role_channel(&s, ROLE_ENGINE, &handlers, NULL);
    struct channel *egress = started_role_channel(&s, ROLE_EGRESS, &handlers, NULL);
    started_role_go(&s);
    assert_true(s.is_ready);
    is_served(&s, engine);
    started_role_config(&s, "{\"root_key_passphrase\":\"" PASSPHRASE "\"}");
    started_role_file(&s, CONTROL_FILE_ROOT_KEY, started_role_memory_file("nonsense", 8));
    is_served(&s, engine);
    channel_free(engine);
    engine = started_role_channel(&s, ROLE_ENGINE, &handlers, NULL);
    is_served(&s, engine);
    assert_int_equal(started_role_end(&s), 0);
    channel_free(engine);
    channel_free(egress);
}

static int a_pipe(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    return ends[0];
}

enum { NO_FILE, PLAIN, WRAPPED, DAMAGED, LONG, NONSENSE, PIPE };

static int file_of(int what)
{
    char text[2 * ROOT_KEY_FILE_MAX] = "nonsense";
    size_t len = 8;
    if (what == PIPE)
        return a_pipe();
    if (what == WRAPPED)
        return started_role_memory_file(wrapped.p, wrapped.len);
    if (what == LONG)
        memset(text, '\n', len = sizeof text);
    if (what != NONSENSE)
        memcpy(text, plain.p, plain.len);
    if (what == PLAIN || what == DAMAGED)
        len = plain.len;
    if (what == DAMAGED) {
        char *last = text + len - 2; /* of the check line, before the line's end */
        *last = *last == '0' ? '1' : '0';
    }
    return started_role_memory_file(text, len);
}

static const struct {
    const char *config;
    int file;
    uint8_t kind;
    const char *reason;
} refused[] = {
    {NULL, NO_FILE, 0, "there is no root key"},
    {NULL, NONSENSE, CONTROL_FILE_ROOT_KEY, "begins with sallyport-root-key-1"},
    {NULL, LONG, CONTROL_FILE_ROOT_KEY, "begins with sallyport-root-key-1"},
    {NULL, DAMAGED, CONTROL_FILE_ROOT_KEY, "is damaged"},
    {NULL, PIPE, CONTROL_FILE_ROOT_KEY, "cannot be read"},
    {NULL, PLAIN, CONTROL_FILE_CA_BUNDLE, "a file that is not a root key"},
    {"{\"root_key_passphrase\":\"" PASSPHRASE "\"}", PLAIN, CONTROL_FILE_ROOT_KEY, "the root key has none"},
    {"{}", WRAPPED, CONTROL_FILE_ROOT_KEY, "needs its passphrase"},
    {"{\"root_key_passphrase\":\"another passphrase\"}", WRAPPED, CONTROL_FILE_ROOT_KEY, "does not open the root key"},
    {"[]", PLAIN, CONTROL_FILE_ROOT_KEY, "is not a JSON object"},
    {"{", PLAIN, CONTROL_FILE_ROOT_KEY, "is not a JSON object"},
    {"{\"root_key_passphrase\":1}", PLAIN, CONTROL_FILE_ROOT_KEY, "is not a text"},
};

static void test_refuses(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct started_role s;
        started_role_begin(&s, ROLE_VAULT, VAULT_PROGRAM);
        if (refused[i].config)
            started_role_config(&s, refused[i].config);
        if (refused[i].file != NO_FILE)
            started_role_file(&s, refused[i].kind, file_of(refused[i].file));
        started_role_go(&s);
        if (s.is_ready || !strstr(s.reason, refused[i].reason))
            fail_msg("ready %d, \"%s\", not \"%s\"", s.is_ready, s.reason, refused[i].reason);
        assert_null(strstr(s.reason, "passphrase\":"));
        assert_int_not_equal(started_role_end(&s), 0);
    }
}

/* To any but the engine and egress there is no channel. */
static void test_no_other_peer(void **state)
{
    struct started_role s;
    started_role_begin(&s, ROLE_VAULT, VAULT_PROGRAM);
    struct channel *worker = started_role_channel(&s, ROLE_WORKER, &handlers, NULL);
    started_role_run(&s, &s.has_failed);
    assert_non_null(strstr(s.reason, "a channel could not be used"));
    assert_int_not_equal(started_role_end(&s), 0);
    channel_free(worker);
}

static int setup(void **state)
{
    if (crypto_init() < 0 || root_key_create((struct slice){NULL, 0}, &plain) < 0)
        return -1;
    return root_key_create(SLICE_LITERAL(PASSPHRASE), &wrapped);
}

static int teardown(void **state)
{
    buffer_free(&plain);
    buffer_free(&wrapped);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_serves), cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_no_other_peer)};
    return cmocka_run_group_tests_name("vault/role", tests, setup, teardown);
}
