/* Credentials: where they go, where they do not, and that they do not come back. */
#include "fixture.h"

#include "base/error.h"
#include "table.h"

#define CALL(...) fixture_call(f, &(struct spec){__VA_ARGS__})
#define MASK "***"

static void test_bearer_from_the_vault(void **state)
{
    struct fixture *f = *state;
    char expected[128];
    const struct msg_egress_result *r = CALL(.method = "PUT", .uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token");
    snprintf(expected, sizeof expected, "token PUT http://127.0.0.1:%u header 2", f->ports[0]);
    assert_int_equal(r->code, 0);
    assert_string_equal(f->asked, expected);
    assert_true(result_has(r, "\"authorization\": \"" MASK "\""));
    struct slice value;
    assert_true(wire_pairs_find(r->headers, "x-echo", &value) && slice_is(value, MASK));
    assert_true(slice_is(r->credentials, "token"));
}

static void test_basic_from_texts(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r =
        CALL(.uri = "{home}/echo", .auth = AUTH_BASIC, .username = "ann", .password = "plain-text-password");
    assert_int_equal(f->n_asked, 0);
    assert_true(result_has(r, "Basic YW5uOnBsYWluLXRleHQtcGFzc3dvcmQ="));
    r = CALL(.uri = "{home}/echo", .auth = AUTH_BASIC, .username = "ann", .password = HANDLE(1));
    assert_int_equal(f->n_asked, 1);
    assert_int_equal(strncmp(f->asked, "other GET", 9), 0);
    assert_true(result_has(r, "\"authorization\": \"Basic ") && result_has(r, MASK));
    assert_true(slice_is(r->credentials, "other"));
}

static void test_digest(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "{home}/digest", .auth = AUTH_DIGEST, .use = "token");
    assert_int_equal(r->code, 0);
    assert_int_equal(r->status, 200);
    assert_int_equal(f->n_asked, 2);
    assert_true(result_has(r, "Digest username=\\\"user\\\""));
    r = CALL(.method = "POST", .body = "x", .uri = "{home}/digest", .auth = AUTH_DIGEST, .username = "u", .password = "p");
    assert_int_equal(r->status, 200);
    assert_true(result_has(r, "\"body\": \"x\""));
}

static void test_handles_in_each_place(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .headers = {{"X-Key", "k=" HANDLE(0) ";"}});
    assert_non_null(strstr(f->asked, " header 1"));
    assert_true(result_has(r, "\"x-key\": \"k=" MASK ";\""));
    r = CALL(.uri = "{home}/echo/" HANDLE(0) "?key=" HANDLE(0) "&x=1");
    assert_non_null(strstr(f->asked, " query 1"));
    assert_int_equal(f->n_asked, 1); /* once for a place */
    assert_true(result_has(r, "\"path\": \"/echo/" MASK "?key=" MASK "&x=1\""));
    assert_non_null(strstr(result_text(r->uri), "/echo/" MASK "?key=" MASK "&x=1"));
    r = CALL(.method = "POST", .uri = "{home}/echo", .body = "{\"a\":\"" HANDLE(0) "\"}", .idempotency_key = "k",
             .headers = {{"Content-Type", "application/json; charset=utf-8"}});
    assert_non_null(strstr(f->asked, " body 1"));
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, MASK));
    assert_false(result_has(r, "s3cr3t") || result_has(r, "sph1."));
    r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .headers = {{"X-Copy", HANDLE(a)}});
    assert_int_equal(f->n_asked, 2);
    assert_true(result_has(r, "\"x-copy\": \"" MASK "\""));
}

/* Base64 of the 29 bytes. */
static void test_authorization_parameter_of_basic(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.method = "POST", .uri = "{home}/echo", .auth = AUTH_BASIC, .use = "token", .body = HANDLE(a),
                                             .idempotency_key = "k");
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, "\"content-length\": \"40\""));
    assert_false(result_has(r, "czNjcjN0"));
}

static void test_what_the_server_really_got(void **state)
{
    /* The digest of what it saw cannot be asked of a scrubbed echo: the length can. */
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.method = "POST", .uri = "{home}/echo", .body = "{\"a\":\"" HANDLE(0) "\"}", .idempotency_key = "k",
                                             .headers = {{"Content-Type", "application/vnd.x+json"}});
    assert_true(result_has(r, "\"content-length\": \"39\"")); /* 8 around, 29 bytes, of which two quotes are escaped */
    r = CALL(.method = "POST", .uri = "{home}/echo", .body = HANDLE(0), .idempotency_key = "k", .headers = {{"Content-Type", "text/plain"}});
    assert_true(result_has(r, "\"content-length\": \"29\""));
}

static void test_look_alikes_are_text(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"sph1.aaaaaaaaaaaaaaaaaaaaaaaaaa.0.e", "sph1." HANDLE_BASE32, "SPH1.GAYTEMZUGU3DOOBZMFRGGZDFMY.0.E",
                                        "sph2." HANDLE_BASE32 ".0.e", "${ $secrets.token }", "sph1..0.e"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .headers = {{"X-Text", texts[i]}});
        assert_int_equal(r->code, 0);
        assert_int_equal(f->n_asked, 0);
        assert_true(result_has(r, texts[i]));
    }
    static const char *const broken[] = {"sph1." HANDLE_BASE32 ".2.e", "sph1." HANDLE_BASE32 ".00.e", "sph1." HANDLE_BASE32 ".0",
                                         "sph1." HANDLE_BASE32 ".b.e", "sph1." HANDLE_BASE32 ".a.e", "sph1." HANDLE_BASE32 ".-1.e"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .headers = {{"X-Text", broken[i]}});
        if (r->code != -SP_EINVALID || r->was_sent)
            fail_msg("%s: %d", broken[i], r->code);
    }
}

/* A handle in the host, in a header's name or in what comes back is a useless string. */
static void test_handles_elsewhere(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(CALL(.uri = "https://" HANDLE(0) "/")->code, -SP_EDENIED);
    assert_int_equal(f->n_asked, 0);
    const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .headers = {{HANDLE(0), "v"}});
    assert_int_equal(f->n_asked, 0);
    assert_true(result_has(r, HANDLE(0)));
    r = CALL(.uri = "{home}/redirect-to-name?begin=sph1.&end=" HANDLE_BASE32 ".0.e", .follow = true); /* whole only in its Location */
    assert_int_equal(r->code, 0);
    assert_int_equal(f->n_asked, 0);
    assert_true(result_has(r, "?x=" HANDLE(0)));
}

static void test_refused_by_the_vault(void **state)
{
    struct fixture *f = *state;
    unsigned before = fixture_count(f, "{home}");
    f->vault_code = -SP_EDENIED;
    const struct msg_egress_result *r =
        CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .headers = {{"X-Key", HANDLE(1)}});
    f->vault_code = 0;
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(r->was_sent, 0);
    assert_int_equal(r->credentials.len, 0);
    assert_int_equal(fixture_count(f, "{home}"), before);
}

static void test_only_the_workflows_secrets(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "somebody-elses");
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(f->n_asked, 0);
}

static void test_ungranted_asks_no_vault(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(CALL(.uri = "{stranger}/echo", .auth = AUTH_BEARER, .use = "token")->code, -SP_EDENIED);
    assert_int_equal(f->n_asked, 0);
}

static void test_silent_vault(void **state)
{
    struct fixture *f = *state;
    f->vault_is_silent = true;
    const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token", .timeout_ms = 50);
    f->vault_is_silent = false;
    assert_int_equal(r->code, -SP_ETIMEOUT);
    assert_int_equal(r->was_sent, 0);
}

static void test_reflection_is_scrubbed(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "{home}/reflect?key=" HANDLE(0));
    assert_int_equal(r->code, 0);
    struct slice value;
    assert_true(wire_pairs_find(r->headers, "x-reflect", &value) && slice_is(value, MASK));
    static const char *const pieces[] = {"s3cr3t", "t0ken", "73336372", "czNjcjN0", "MzY3IzdC", "NyM3Qv", "odd"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (result_has(r, pieces[i]))
            fail_msg("%s is left in:\n%s", pieces[i], result_text(r->body));
}

/* --- redirects ------------------------------------------------------------------------------------------------------------ */

static struct fixture *shared;

static void replace(char *text, size_t size, const char *name, const char *value)
{
    char *at = strstr(text, name);
    if (!at)
        return;
    char tail[1024];
    snprintf(tail, sizeof tail, "%s", at + strlen(name));
    snprintf(at, size - (size_t)(at - text), "%s%s", value, tail);
}

static void percent_encode(const char *text, char *ret)
{
    for (; *text; text++, ret += 3)
        snprintf(ret, 4, "%%%02X", (unsigned char)*text);
}

static void steering_case(char *line, unsigned number)
{
    struct fixture *f = shared;
    char *column[5];
    char location[1024], encoded[3100], uri[4096], expected[32];
    assert_int_equal(table_columns(line, column, 5), 5);
    snprintf(location, sizeof location, "%s", column[2]);
    replace(location, sizeof location, "{credential}", "s3cr3t%2Ft0ken%2Bwith%20%22odd%22%20bytes");
    replace(location, sizeof location, "{credential-base64}", "czNjcjN0L3Qwa2VuK3dpdGggIm9kZCIgYnl0ZXM=");
    char *expanded = fixture_expand(f, location);
    percent_encode(expanded, encoded);
    free(expanded);
    snprintf(uri, sizeof uri, "{home}/redirect?status=%s&to=%s", column[0], encoded);
    unsigned others = fixture_count(f, "{other}"), strangers = fixture_count(f, "{stranger}");
    const struct msg_egress_result *r =
        CALL(.method = column[1], .uri = uri, .follow = true, .auth = AUTH_BEARER, .use = "token", .idempotency_key = "k",
             .body = strcmp(column[1], "GET") == 0 ? NULL : "body", .headers = {{"X-Api-Key", "in plain text"}, {"Cookie", "c=d"}, {"Accept", "a/b"}});
    bool is_refused = strcmp(column[3], "refused") == 0, is_kept = strcmp(column[3], "kept") == 0;
    assert_true(r->was_sent);
    if (is_refused != (r->code == -SP_EDENIED))
        fail_msg("line %u: code %d: %s", number, r->code, result_text(r->reason));
    if (!is_refused) {
        snprintf(expected, sizeof expected, "\"method\": \"%s\"", column[4]);
        bool has = result_has(r, "\"authorization\"") && result_has(r, "\"x-api-key\"") && result_has(r, "\"cookie\"");
        bool has_any = result_has(r, "\"authorization\"") || result_has(r, "\"x-api-key\"") || result_has(r, "\"cookie\"");
        if (r->code != 0 || has != is_kept || has_any != is_kept || !result_has(r, expected) || !result_has(r, "\"accept\": \"a/b\""))
            fail_msg("line %u: code %d: %s", number, r->code, result_text(r->body));
        if (memmem(r->uri.p, r->uri.len, "s3cr3t", 6) || !memmem(r->uri.p, r->uri.len, "/landed", 7))
            fail_msg("line %u: %s", number, result_text(r->uri));
    }
    assert_int_equal(fixture_count(f, "{other}"), others + (strcmp(column[3], "dropped") == 0));
    assert_int_equal(fixture_count(f, "{stranger}"), strangers);
}

static void test_steering(void **state)
{
    shared = *state;
    assert_true(table_run("credential_steering.txt", steering_case) > 20);
}

static void test_redirects_that_are_not_followed(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "{home}/redirect?status=302&to=/landed");
    assert_int_equal(r->code, 0);
    assert_int_equal(r->status, 302);
    r = CALL(.uri = "{home}/status?code=304", .follow = true);
    assert_int_equal(r->status, 304);
    r = CALL(.uri = "{home}/status?code=302", .follow = true); /* without a Location */
    assert_int_equal(r->status, 302);
    r = CALL(.uri = "{home}/loop", .follow = true);
    assert_int_equal(r->code, -SP_ELIMIT);
}

static void test_bodies_with_secrets_stay(void **state)
{
    struct fixture *f = *state;
    unsigned before = fixture_count(f, "{other}");
    char uri[128];
    snprintf(uri, sizeof uri, "{home}/redirect?status=307&to=http%%3A//127.0.0.1:%u/landed", f->ports[1]);
    const struct msg_egress_result *r = CALL(.method = "POST", .uri = uri, .follow = true, .body = "x=" HANDLE(0), .idempotency_key = "k");
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(fixture_count(f, "{other}"), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bearer_from_the_vault), cmocka_unit_test(test_basic_from_texts), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_handles_in_each_place), cmocka_unit_test(test_what_the_server_really_got), cmocka_unit_test(test_authorization_parameter_of_basic),
        cmocka_unit_test(test_look_alikes_are_text), cmocka_unit_test(test_handles_elsewhere),
        cmocka_unit_test(test_refused_by_the_vault), cmocka_unit_test(test_only_the_workflows_secrets),
        cmocka_unit_test(test_ungranted_asks_no_vault), cmocka_unit_test(test_silent_vault),
        cmocka_unit_test(test_reflection_is_scrubbed), cmocka_unit_test(test_steering),
        cmocka_unit_test(test_redirects_that_are_not_followed), cmocka_unit_test(test_bodies_with_secrets_stay),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
