/* The configuration file: each case is a YAML file with the JSON of a role or the error that it gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "supervisor/config.h"

struct config_case {
    const char *yaml;
    enum role role;
    const char *json;  /* NULL: refused */
    unsigned line, column;
    const char *text;
};

static const struct config_case cases[] = {
    {"", ROLE_GATEWAY, "{\"tls\":false}", 0, 0, NULL},
    {"# nothing\n", ROLE_ENGINE, "{\"settings\":{}}", 0, 0, NULL},
    {"behindProxy: true\ntrustedProxies: [10.0.0.0/8, \"::1\"]\n", ROLE_GATEWAY,
     "{\"behindProxy\":true,\"trustedProxies\":[\"10.0.0.0/8\",\"::1\"],\"tls\":false}", 0, 0, NULL},
    {"tls: {certificate: /c, key: /k}\n", ROLE_GATEWAY, "{\"tls\":true}", 0, 0, NULL},
    {"workers: 4\nretention:\n  days: 30\n", ROLE_ENGINE,
     "{\"workers\":4,\"retentionDays\":30,\"settings\":{\"workers\":4,\"retention.days\":30}}", 0, 0, NULL},
    /* What is for other roles, or for the supervisor alone, is told to the engine, too: for the log. */
    {"listen: [\"a:1\"]\nrootKey: {file: /x}\negress: {connectTo: [\"a:443:127.0.0.1:8443\"]}\n", ROLE_ENGINE,
     "{\"settings\":{\"listen\":[\"a:1\"],\"rootKey.file\":\"/x\","
     "\"egress.connectTo\":[{\"from\":\"a:443\",\"to\":\"127.0.0.1:8443\"}]}}", 0, 0, NULL},
    {"egress:\n  connectTo:\n    - a:443:127.0.0.1:8443\n", ROLE_EGRESS, "{\"connectTo\":[{\"from\":\"a:443\",\"to\":\"127.0.0.1:8443\"}]}", 0, 0, NULL},
    {"egress: {connectTo: [\"[::1]:1:[::2]:3\"], allowHttp: false}\n", ROLE_EGRESS,
     "{\"connectTo\":[{\"from\":\"[::1]:1\",\"to\":\"[::2]:3\"}],\"allowHttp\":false}", 0, 0, NULL},
    {"egress: {connectTo: [\"a:443\"]}\n", ROLE_EGRESS, NULL, 1, 10, "connectTo: must be a list of HOST:PORT:ADDRESS:PORT"},
    {"rootKey: {file: /x}\n", ROLE_VAULT, "{}", 0, 0, NULL},
    {"listn: [\"127.0.0.1:1\"]\n", ROLE_ENGINE, NULL, 1, 1, "listn: there is no such key here"},
    {"workers: 2\negress:\n  conectTo: []\n", ROLE_ENGINE, NULL, 3, 3, "conectTo: there is no such key here"},
    {"workers: many\n", ROLE_ENGINE, NULL, 1, 1, "workers: must be a whole number"},
    {"workers: 0\n", ROLE_ENGINE, NULL, 1, 1, "workers: must be from 1 to 64"},
    {"workers: 65\n", ROLE_ENGINE, NULL, 1, 1, "workers: must be from 1 to 64"},
    {"limits:\n  maxBody: 4194305\n", ROLE_ENGINE, NULL, 2, 3, "maxBody: must be from 1 to 4194304"},
    {"limits:\n  requestTimeoutMs: 20001\n", ROLE_ENGINE, NULL, 2, 3, "requestTimeoutMs: must be from 1 to 20000"},
    {"limits:\n  addressBurst: 10000001\n", ROLE_ENGINE, NULL, 2, 3, "addressBurst: must be from 1 to 10000000"},
    {"limits:\n  principalPerSecond: 0\n", ROLE_ENGINE, NULL, 2, 3, "principalPerSecond: must be from 1 to 10000000"},
    {"retention: {days: 0}\n", ROLE_ENGINE, NULL, 1, 13, "days: must be from 1 to 10000000"},
    {"workers: -1\n", ROLE_ENGINE, NULL, 1, 1, "workers: must be a whole number"},
    {"behindProxy: yes\n", ROLE_ENGINE, NULL, 1, 1, "behindProxy: must be true or false"},
    {"listen: 127.0.0.1:8700\n", ROLE_ENGINE, NULL, 1, 1, "listen: must be a list of texts"},
    {"listen: [[a]]\n", ROLE_ENGINE, NULL, 1, 1, "listen: must be a list of texts"},
    {"dataDir: \"\"\n", ROLE_ENGINE, NULL, 1, 1, "dataDir: must be a text that is not empty"},
    {"dataDir: {a: b}\n", ROLE_ENGINE, NULL, 1, 1, "dataDir: must be a text that is not empty"},
    {"tls: yes\n", ROLE_ENGINE, NULL, 1, 1, "tls: must hold keys of its own"},
    {"- a\n", ROLE_ENGINE, NULL, 0, 0, "the file must be a mapping of keys"},
    {"workers: 1\nworkers: 2\n", ROLE_ENGINE, NULL, 2, 1, NULL},
    {"a: [\n", ROLE_ENGINE, NULL, 2, 1, NULL},
};

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct config_case *c = &cases[i];
        struct config config = {0};
        struct diag why = {0};
        struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
        int r = config_parse(&config, slice_text(c->yaml), &why);
        if (c->json) {
            if (r < 0)
                fail_msg("case %zu: %s", i, why.text);
            assert_int_equal(config_role_json(&config, c->role, &b), 0);
            assert_string_equal(buffer_text(&b), c->json);
        } else {
            if (r >= 0)
                fail_msg("case %zu was accepted", i);
            if (c->text)
                assert_string_equal(why.text, c->text);
            if (why.line != c->line || why.column != c->column)
                fail_msg("case %zu: at %u:%u, expected %u:%u (%s)", i, why.line, why.column, c->line, c->column, why.text);
        }
        buffer_free(&b);
        config_free(&config);
    }
}

/* Nothing secret and nothing that opens a door is on by default. */
static void the_example_is_valid(void **state)
{
    (void)state;
    struct config config = {0};
    struct diag why = {0};
    if (config_read(&config, EXAMPLE_FILE, &why) < 0)
        fail_msg("%u:%u: %s", why.line, why.column, why.text);
    assert_int_equal(config.values[CONFIG_LISTEN].n_list, 1);
    assert_string_equal(config.values[CONFIG_LISTEN].list[0], "127.0.0.1:8700");
    assert_false(config.values[CONFIG_EGRESS_CONNECT_TO].is_set);
    config_free(&config);
}

static void options_override(void **state)
{
    (void)state;
    struct config config = {0};
    struct diag why = {0};
    assert_int_equal(config_parse(&config, SLICE_LITERAL("listen: [a, b]\ndataDir: /x\n"), &why), 0);
    config_clear(&config, CONFIG_LISTEN);
    assert_int_equal(config_add(&config, CONFIG_LISTEN, "c"), 0);
    assert_int_equal(config_set_text(&config, CONFIG_DATA_DIR, "/y"), 0);
    assert_int_equal(config.values[CONFIG_LISTEN].n_list, 1);
    assert_string_equal(config_text(&config, CONFIG_DATA_DIR), "/y");
    for (unsigned i = 1; i < CONFIG_LIST_MAX; i++)
        assert_int_equal(config_add(&config, CONFIG_LISTEN, "d"), 0);
    assert_int_equal(config_add(&config, CONFIG_LISTEN, "e"), -SP_ELIMIT);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(the_example_is_valid),
        cmocka_unit_test(options_override),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
