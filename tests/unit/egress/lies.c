/* Peers that lie or fail: the vault, the worker whose record the engine passes on, and the engine's other wishes. Each lie ends the one
 * call, and nothing is sent [I8]. */
#include "fixture.h"

#include <errno.h>

#include "base/error.h"
#include "egress/call.h"

#define CALL(...) fixture_call(f, &(struct spec){__VA_ARGS__})

/* --- the vault ------------------------------------------------------------------------------------------------------------- */

static void test_vault_cannot_be_asked(void **state)
{
    struct fixture *f = *state;
    f->ask_code = -SP_EUNAVAILABLE;
    const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token");
    f->ask_code = 0;
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_vault_away, 1);
    assert_int_equal(r->was_sent, 0);
}

/* An answer may come before the next question is asked, and end the call. */
static void test_vault_is_prompt(void **state)
{
    struct fixture *f = *state;
    f->vault_is_prompt = true;
    const struct msg_egress_result *r =
        CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .headers = {{"X-Key", HANDLE(1)}});
    assert_int_equal(r->code, 0);
    assert_int_equal(f->n_asked, 2);
    assert_true(result_has(r, "\"x-key\": \"***\"") && slice_is(r->credentials, "other,token"));
    f->vault_code = -SP_ENOTFOUND;
    r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .headers = {{"X-Key", HANDLE(1)}});
    f->vault_code = 0;
    f->vault_is_prompt = false;
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(f->n_asked, 1);
}

static const struct {
    const char *header, *value;
    int code; /* of the call; 0: it is sent */
} values[] = {
    {"Authorization", "Bearer x", 0},
    {"Authorization", "", 0},
    {"X-Other", "x", 0},
    {"", "Bearer x", -SP_EPROTOCOL},
    {"X Other", "x", -SP_EPROTOCOL},
    {"X-Other:", "x", -SP_EPROTOCOL},
    {"Authorization", "Bearer x\r\nX-Evil: y", -SP_EINVALID},
    {"Authorization", "Bearer \177", -SP_EINVALID},
};

static void test_values_of_the_vault(void **state)
{
    struct fixture *f = *state;
    unsigned before = fixture_count(f, "{home}"), n_sent = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        f->vault_header = values[i].header;
        f->vault_value = slice_text(values[i].value);
        const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token");
        if (r->code != values[i].code || r->was_sent != (r->code == 0) || result_has(r, "x-evil"))
            fail_msg("%s: %s: code %d: %s", values[i].header, values[i].value, r->code, result_text(r->reason));
        n_sent += r->code == 0;
    }
    f->vault_header = NULL;
    f->vault_value = (struct slice){NULL, 0};
    assert_int_equal(fixture_count(f, "{home}"), before + n_sent);
}

/* It had no memory, which is no denial. */
static void test_vault_without_memory(void **state)
{
    struct fixture *f = *state;
    f->vault_code = -ENOMEM;
    assert_int_equal(CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token")->code, -ENOMEM);
    f->vault_code = 0;
}

/* Cut to what a reason may be, and never within a character. */
static void test_reasons_that_are_too_long(void **state)
{
    struct fixture *f = *state;
    char text[LIMIT_TEXT + 1] = "";
    f->vault_code = -SP_EDENIED;
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 2 <= LIMIT_TEXT; i += 2)
            memcpy(text + i, "\xc3\xa9", 3);
        f->vault_reason = text;
        const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token");
        assert_int_equal(r->code, -SP_EDENIED);
        assert_true(r->reason.len > 0 && r->reason.len < LIMIT_TEXT / 2 && slice_is_utf8(r->reason));
    }
    f->vault_reason = NULL;
    f->vault_code = 0;
}

static void test_stray_answers(void **state)
{
    struct fixture *f = *state;
    struct msg_vault_value value = {.header = SLICE_LITERAL("Authorization"), .value = SLICE_LITERAL("Bearer " CREDENTIAL)};
    unsigned before = f->n_results;
    f->vault_is_silent = true;
    fixture_begin(f, &(struct spec){.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .headers = {{"X-Key", HANDLE(1)}}},
                  7);
    f->vault_is_silent = false;
    uint64_t last = f->last_tag, first = last - ((uint64_t)1 << 32); /* the questions are numbered */
    const uint64_t strays[] = {0,
                               first + 1,
                               first - 1,
                               first | (uint64_t)0xffff << 32,
                               first | (uint64_t)0xffff << 48,
                               UINT64_MAX,
                               first ^ (uint64_t)1 << 48,
                               last + ((uint64_t)1 << 32)};
    for (size_t i = 0; i < sizeof strays / sizeof *strays; i++) {
        value.tag = strays[i];
        egress_value(f->egress, &value);
    }
    assert_int_equal(f->egress->calls[0]->n_pending, 2);
    for (int twice = 0; twice < 2; twice++) {
        value.tag = first;
        egress_value(f->egress, &value);
        assert_int_equal(f->egress->calls[0]->n_pending, 1);
    }
    assert_int_equal(f->n_results, before);
    value.tag = last;
    egress_value(f->egress, &value);
    fixture_run(f);
    assert_int_equal(f->result.code, 0);
}

/* Who waits for the vault no longer does not miss it. */
static void test_vault_is_lost(void **state)
{
    struct fixture *f = *state;
    unsigned before = f->n_results;
    fixture_begin(f, &(struct spec){.uri = "{home}/hang"}, 7);
    egress_vault_lost(f->egress);
    assert_int_equal(f->n_results, before);
    egress_cancel(f->egress, 7);
    assert_int_equal(f->n_results, before + 1);
}

/* --- the worker ------------------------------------------------------------------------------------------------------------ */

#define BROKEN "sph1." HANDLE_BASE32 ".9.e"
#define X32    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *why; /* in the reason */
    struct spec spec;
    int code;
} records[] = {
    {"unknown authentication", {.uri = "{home}/echo", .auth = (enum auth_scheme)99}, -SP_EINVALID},
    {"the URI holds the handle", {.uri = "{home}/echo?x=" BROKEN}, -SP_EINVALID},
    {"the body holds the handle", {.uri = "{home}/echo", .method = "PUT", .body = BROKEN}, -SP_EINVALID},
    {"the authentication holds", {.uri = "{home}/echo", .auth = AUTH_BASIC, .username = BROKEN, .password = "p"}, -SP_EINVALID},
    {"the authentication holds", {.uri = "{home}/echo", .auth = AUTH_BASIC, .username = "u", .password = BROKEN}, -SP_EINVALID},
    {"$authorization is used", {.uri = "{home}/echo?x=" HANDLE(a)}, -SP_EINVALID},
    {"$authorization is used", {.uri = "{home}/echo", .method = "PUT", .body = HANDLE(a)}, -SP_EINVALID},
    {"headers of the call are malformed",
     {.uri = "{home}/echo", .raw_headers = {(const uint8_t *)"\xff\xff\xff\xff", 4}},
     -SP_EINVALID},
    {"name of a header", {.uri = "{home}/echo", .headers = {{"X" X32 X32 X32 X32, "too long by one"}}}, -SP_EINVALID},
    {"name of a header", {.uri = "{home}/echo", .raw_headers = {(const uint8_t *)"\3\0\0\0X\0Y\1\0\0\0z", 12}}, -SP_EINVALID},
    {"control character", {.uri = "{home}/echo", .headers = {{"X", "\177"}}}, -SP_EINVALID},
    {"the call is malformed", {.uri = "{home}/echo", .n_secrets = LIMIT_SECRETS + 1}, -SP_ELIMIT},
    {"the call is malformed", {.uri = "{home}/echo", .raw_secrets = {(const uint8_t *)"\1\0", 2}}, -SP_ETRUNCATED},
    {"the URI is refused", {.uri = "nonsense"}, -SP_EDENIED},
    {"the URI is refused", {.uri = ""}, -SP_EDENIED},
    {"the URI is refused", {.uri = "ftp://127.0.0.1/"}, -SP_EDENIED},
    {"the URI is refused", {.uri = "{home}/a b"}, -SP_EDENIED},
    {"the URI is refused", {.uri = "{home}/a#b"}, -SP_EDENIED},
    {"the URI is refused", {.uri = "http://u@127.0.0.1/"}, -SP_EDENIED},
    {"the grants cannot be read", {.uri = "{home}/echo", .grants = "{"}, -SP_EDENIED},
};

static void test_records_of_the_worker(void **state)
{
    struct fixture *f = *state;
    unsigned before = fixture_count(f, "{home}");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const struct msg_egress_result *r = fixture_call(f, &records[i].spec);
        if (r->code != records[i].code || r->was_sent || f->n_asked || !strstr(result_text(r->reason), records[i].why))
            fail_msg("%zu: not \"%s\" but %d: %s", i, records[i].why, r->code, result_text(r->reason));
    }
    assert_int_equal(fixture_count(f, "{home}"), before);
}

/* --- what is made of odd ones ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *has, *has_not; /* in the echo */
    struct spec spec;
} echoes[] = {
    {"\"path\": \"/echo\"", "authorization", {.uri = "{home}/echo", .use = "token"}}, /* named and not used */
    {"\"authorization\": \"Bearer abc\"", NULL, {.uri = "{home}/echo", .auth = AUTH_BEARER, .password = "abc"}},
    {"\"authorization\": \"Bearer abc\"",
     "mine",
     {.uri = "{home}/echo", .auth = AUTH_BEARER, .password = "abc", .headers = {{"authorization", "mine"}}}},
    {"\"authorization\": \"mine\"", NULL, {.uri = "{home}/echo", .headers = {{"Authorization", "mine"}}}},
    {"\"accept-encoding\": \"gzip, deflate, br\"", "\"mine\"", {.uri = "{home}/echo", .headers = {{"Accept-Encoding", "mine"}}}},
    {"\"x\": \"a\\tb\"", NULL, {.uri = "{home}/echo", .headers = {{"X", "a\tb"}}}},
    {"\"method\": \"GET\"", "content-type", {.uri = "{home}/echo", .headers = {{"Content-Type", "text/plain"}}}},
    {"\"body\": \"of a DELETE\"", NULL, {.uri = "{home}/echo", .method = "DELETE", .body = "of a DELETE"}},
    {"\"content-length\": \"33\"",
     NULL, /* 29 bytes and two quotes that are escaped, between two more */
     {.uri = "{home}/echo", .method = "PUT", .body = "\"" HANDLE(0) "\"", .headers = {{"Content-Type", "application/json \t; x"}}}},
    {"\"content-length\": \"41\"",
     NULL, /* six of 29 are three */
     {.uri = "{home}/echo",
      .method = "PUT",
      .body = HANDLE(0),
      .headers = {{"Content-Type", "Application/X-WWW-form-urlencoded"}}}},
    {"\"content-length\": \"29\"",
     NULL,
     {.uri = "{home}/echo", .method = "PUT", .body = HANDLE(0), .headers = {{"Content-Type", ""}}}},
};

static void test_odd_requests(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
        const struct msg_egress_result *r = fixture_call(f, &echoes[i].spec);
        if (r->code != 0 || !result_has(r, echoes[i].has) || (echoes[i].has_not && result_has(r, echoes[i].has_not)))
            fail_msg("%zu: not %s: %d %s", i, echoes[i].has, r->code, result_text(r->body));
    }
}

/* Values that the vault would not have taken in, in places where they do not fit: a reason, and nothing is sent. */
static void test_values_that_do_not_fit(void **state)
{
    struct fixture *f = *state;
    static char longer[LIMIT_CREDENTIAL];
    const struct spec uri = {.uri = "{home}/echo?key=" HANDLE(0)},
                      header = {.uri = "{home}/echo", .headers = {{"X", HANDLE(0) HANDLE(0)}}},
                      json = {.uri = "{home}/echo",
                              .method = "PUT",
                              .body = HANDLE(0),
                              .headers = {{"Content-Type", "application/json"}}},
                      basic = {.uri = "{home}/echo", .auth = AUTH_DIGEST, .username = HANDLE(0) HANDLE(0), .password = "p"};
    memset(longer, 'a', sizeof longer);
    char *expanded = fixture_expand(f, "{home}/echo?key=");
    size_t over = LIMIT_URI + 1 - strlen(expanded);
    free(expanded);
    const struct {
        const char *why;
        const struct spec *spec;
        struct slice value;
        int code;
    } cases[] = {
        {"the URI could not be built", &uri, slice_of(longer, LIMIT_URI), -SP_ELIMIT},
        {"a secret does not fit into the URI", &uri, slice_of(longer, over), -SP_EINVALID},
        {"a secret does not fit into the URI", &uri, slice_of("nul\0nul", 7), -SP_EINVALID},
        {"a header could not be built", &header, slice_of(longer, sizeof longer), -SP_ELIMIT},
        {"a header holds a line break", &header, slice_of("nul\0nul", 7), -SP_EINVALID},
        {"a secret does not fit into the body", &json, SLICE_LITERAL("\xff\xfe-------"), -SP_EINVALID},
        {NULL, &basic, slice_of(longer, sizeof longer), -SP_ELIMIT},
    };
    unsigned before = fixture_count(f, "{home}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->vault_value = cases[i].value;
        const struct msg_egress_result *r = fixture_call(f, cases[i].spec);
        if (r->code != cases[i].code || r->was_sent || (cases[i].why && !strstr(result_text(r->reason), cases[i].why)))
            fail_msg("%zu: %d %s", i, r->code, result_text(r->reason));
    }
    f->vault_value = (struct slice){NULL, 0};
    assert_int_equal(fixture_count(f, "{home}"), before);
}

/* "name:secret": whole, and of its parts what is long enough to be told from other text. */
static void test_pairs_are_scrubbed(void **state)
{
    static const char *const pairs[][3] = {{"ann:hunter22hunter", "hunter22hunter", "ann"},
                                           {"ann:short", "ann:short", "short"},
                                           {"a-user-that-is-a-key:", "a-user-that-is-a-key", "a-user"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < 3; i++) {
        char masked[64], kept[64];
        snprintf(masked, sizeof masked, "\"x-a\": \"%s\"", pairs[i][1]);
        snprintf(kept, sizeof kept, "\"x-b\": \"%s\"", pairs[i][2]);
        f->vault_value = slice_text(pairs[i][0]);
        const struct msg_egress_result *r =
            CALL(.uri = "{home}/echo", .headers = {{"X-Key", HANDLE(0)}, {"X-A", pairs[i][1]}, {"X-B", pairs[i][2]}});
        if (r->code != 0 || result_has(r, masked) || !result_has(r, "\"x-a\": \"***\"") || !result_has(r, kept))
            fail_msg("%s: %s", pairs[i][0], result_text(r->body));
    }
    f->vault_value = (struct slice){NULL, 0};
}

/* What may follow to another origin does so without handles. */
static void test_harmless_headers_follow_without_handles(void **state)
{
    struct fixture *f = *state;
    char uri[128];
    snprintf(uri, sizeof uri, "{home}/redirect?status=307&to=http%%3A//127.0.0.1:%u/landed", f->ports[1]);
    const struct msg_egress_result *r =
        CALL(.uri = uri, .follow = true, .headers = {{"Accept", "x/" HANDLE(0)}, {"Accept-Language", "de"}});
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, "\"path\": \"/landed\"") && result_has(r, "\"accept-language\": \"de\""));
    assert_false(result_has(r, "x/"));
}

/* None may ask for more time than there is. */
static void test_longest_timeout(void **state)
{
    struct fixture *f = *state;
    f->vault_is_silent = true;
    fixture_begin(f, &(struct spec){.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .timeout_ms = UINT32_MAX}, 7);
    f->vault_is_silent = false;
    const struct call *c = f->egress->calls[0];
    assert_int_equal(c->ends_ms - c->began_ms, LIMIT_EGRESS_TIMEOUT_MS);
    egress_cancel(f->egress, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vault_cannot_be_asked),
        cmocka_unit_test(test_vault_is_prompt),
        cmocka_unit_test(test_values_of_the_vault),
        cmocka_unit_test(test_vault_without_memory),
        cmocka_unit_test(test_reasons_that_are_too_long),
        cmocka_unit_test(test_stray_answers),
        cmocka_unit_test(test_vault_is_lost),
        cmocka_unit_test(test_records_of_the_worker),
        cmocka_unit_test(test_odd_requests),
        cmocka_unit_test(test_values_that_do_not_fit),
        cmocka_unit_test(test_pairs_are_scrubbed),
        cmocka_unit_test(test_harmless_headers_follow_without_handles),
        cmocka_unit_test(test_longest_timeout),
    };
    return cmocka_run_group_tests_name("egress/lies", tests, fixture_setup, fixture_teardown);
}
