/* Credentials from sealed box to use: what kinds and policies are taken, where a value may go, and that a wrapped one that was
 * changed or moved does not open. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "crypto/credential_box.h"
#include "vault/credential.h"
#include "vault/table.h"
#include "vault/value.h"
#include "wire/codec.h"

#define ORIGINS "{\"origins\":[\"https://api.example.com\"]}"

static struct vault_keys *keys, *other_keys;

static struct vault_keys *new_keys(uint8_t first)
{
    struct vault_keys *k;
    _cleanup_secret_ struct secret *root = secret_new(32);
    secret_bytes(root)[0] = first;
    assert_int_equal(vault_keys_derive(root, &k), 0);
    return k;
}

static struct credential_label label(const char *ns, const char *name, uint64_t version)
{
    return (struct credential_label){slice_text(ns), slice_text(name), version};
}

static int wrap(const struct credential_label *l, enum credential_kind kind, const char *policy, struct slice value,
                struct buffer *ret, struct diag *why)
{
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(LIMIT_CREDENTIAL + 128);
    struct credential_purpose purpose = {l->ns, l->name, slice_text(credential_kind_text((int)kind)), slice_text(policy)};
    assert_int_equal(credential_box_seal(keys->box_public, &purpose, value, &box), 0);
    return credential_wrap(keys, l, kind, slice_text(policy), buffer_slice(&box), ret, why);
}

static struct credential *loaded(enum credential_kind kind, const char *policy, const char *value)
{
    struct diag why = {0};
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct credential_label l = label("default", "token", 1);
    struct credential *c = NULL;
    if (wrap(&l, kind, policy, slice_text(value), &wrapped, &why) < 0 ||
        credential_unwrap(keys, &l, buffer_slice(&wrapped), &c, &why) < 0)
        fail_msg("%s", why.text);
    return c;
}

static struct credential_ask ask(const char *host, uint8_t form)
{
    return (struct credential_ask){SLICE_LITERAL("https"), slice_text(host), 443, SLICE_LITERAL("GET"), CREDENTIAL_IN_HEADER, form};
}

static void assert_use(const struct credential *c, uint8_t form, const char *header, const char *value)
{
    struct slice got_header;
    _cleanup_buffer_ struct buffer got = {.max = LIMIT_CREDENTIAL + 64, .secret = true};
    struct credential_ask a = ask("api.example.com", form);
    struct diag why = {0};
    if (credential_use(c, &a, &got_header, &got, &why) < 0)
        fail_msg("%s", why.text);
    assert_true(slice_is(got_header, header));
    assert_string_equal(buffer_text(&got), value);
}

static void assert_denied(const struct credential *c, struct credential_ask a, const char *what)
{
    struct slice header;
    struct diag why = {0};
    _cleanup_buffer_ struct buffer got = {.max = LIMIT_CREDENTIAL + 64, .secret = true};
    if (credential_use(c, &a, &header, &got, &why) != -SP_EDENIED || got.len)
        fail_msg("not refused: %s", what);
    assert_true(why.text[0]);
}

static void test_forms(void **state)
{
    _cleanup_credential_ struct credential *bearer = loaded(CREDENTIAL_BEARER, ORIGINS, "abc.defg");
    assert_use(bearer, CREDENTIAL_FORM_HEADER, "Authorization", "Bearer abc.defg");
    assert_use(bearer, CREDENTIAL_FORM_VALUE, "", "abc.defg");
    assert_denied(bearer, ask("api.example.com", CREDENTIAL_FORM_USERNAME), "user name of a bearer");
    _cleanup_credential_ struct credential *basic =
        loaded(CREDENTIAL_BASIC, ORIGINS, "{\"username\":\"Aladdin\",\"password\":\"open sesame\"}");
    assert_use(basic, CREDENTIAL_FORM_HEADER, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); /* RFC 7617 */
    assert_use(basic, CREDENTIAL_FORM_VALUE, "", "Aladdin:open sesame");
    assert_use(basic, CREDENTIAL_FORM_USERNAME, "", "Aladdin");
    assert_use(basic, CREDENTIAL_FORM_PASSWORD, "", "open sesame");
    _cleanup_credential_ struct credential *key =
        loaded(CREDENTIAL_API_KEY, "{\"origins\":[\"https://api.example.com\"],\"header\":\"X-Api-Key\"}", "key no. 1");
    assert_use(key, CREDENTIAL_FORM_HEADER, "X-Api-Key", "key no. 1");
    _cleanup_credential_ struct credential *bare = loaded(CREDENTIAL_API_KEY, ORIGINS, "key-no-1");
    assert_denied(bare, ask("api.example.com", CREDENTIAL_FORM_HEADER), "no header in the policy");
    assert_denied(bearer, ask("api.example.com", 9), "no such form");
    assert_denied(bearer, ask("api.example.com", 0), "no form");
}

static void test_webhook_key_stays(void **state)
{
    _cleanup_credential_ struct credential *c = loaded(CREDENTIAL_WEBHOOK_KEY, "{}", "0123456789abcdef");
    for (uint8_t form = 0; form < 6; form++)
        assert_denied(c, ask("api.example.com", form), "webhook-key");
}

static void test_host_look_alikes(void **state)
{
    static const char *const hosts[] = {
        "api.example.com.", "api.example.com.evil.org", "evil-api.example.com", "evilapi.example.com", "x.api.example.com",
        "example.com", "com", "", "api.example.com:443", "api.example.com@evil.org", "evil.org@api.example.com", "api.example.com/",
        "api.example.com#", "api.example.com?", "api.example.com\\", " api.example.com", "api.example.com ", "api.example.com%00",
        "api.ex\xc3\xa4mple.com", "\xef\xbd\x81pi.example.com", "api.example.co", "api.example.comm", "api%2eexample.com", "*.example.com",
        "[api.example.com]", "api..example.com", ".api.example.com"};
    _cleanup_credential_ struct credential *c = loaded(CREDENTIAL_BEARER, ORIGINS, "a-token-1");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        assert_denied(c, ask(hosts[i], CREDENTIAL_FORM_HEADER), hosts[i]);
    struct slice header;
    _cleanup_buffer_ struct buffer got = {.max = 100, .secret = true};
    struct credential_ask upper = ask("API.Example.COM", CREDENTIAL_FORM_HEADER);
    assert_int_equal(credential_use(c, &upper, &header, &got, NULL), 0);
}

static void test_origin_parts(void **state)
{
    _cleanup_credential_ struct credential *c = loaded(CREDENTIAL_BEARER, ORIGINS, "a-token-1");
    struct credential_ask a = ask("api.example.com", CREDENTIAL_FORM_HEADER);
    a.port = 8443;
    assert_denied(c, a, "port");
    a.port = 0;
    assert_denied(c, a, "port 0");
    a = ask("api.example.com", CREDENTIAL_FORM_HEADER);
    static const char *const schemes[] = {"http", "", "https:", "https://x", "ftp", "httpss"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        a.scheme = slice_text(schemes[i]);
        assert_denied(c, a, schemes[i]);
    }
    _cleanup_credential_ struct credential *six = loaded(CREDENTIAL_BEARER, "{\"origins\":[\"http://[::1]:8080\"]}", "a-token-1");
    struct credential_ask b = {SLICE_LITERAL("http"), SLICE_LITERAL("[::1]"), 8080, SLICE_LITERAL("GET"), CREDENTIAL_IN_HEADER,
                               CREDENTIAL_FORM_VALUE};
    struct slice header;
    _cleanup_buffer_ struct buffer got = {.max = 100, .secret = true};
    assert_int_equal(credential_use(six, &b, &header, &got, NULL), 0);
}

static void test_methods_and_places(void **state)
{
    _cleanup_credential_ struct credential *c = loaded(
        CREDENTIAL_API_KEY,
        "{\"origins\":[\"https://api.example.com\"],\"methods\":[\"GET\",\"POST\"],\"places\":[\"query\"],\"header\":\"X-Key\"}", "an-api-key");
    struct credential_ask a = ask("api.example.com", CREDENTIAL_FORM_VALUE);
    assert_denied(c, a, "place header");
    a.place = CREDENTIAL_IN_BODY;
    assert_denied(c, a, "place body");
    a.place = 0;
    assert_denied(c, a, "place 0");
    a.place = 200;
    assert_denied(c, a, "place 200");
    a.place = CREDENTIAL_IN_QUERY;
    static const char *const methods[] = {"DELETE", "get", "", "GET ", "TRACE", "GETX"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        a.method = slice_text(methods[i]);
        assert_denied(c, a, methods[i]);
    }
    a.method = SLICE_LITERAL("POST");
    a.form = CREDENTIAL_FORM_HEADER;
    assert_denied(c, a, "a header in the query");
    a.form = CREDENTIAL_FORM_VALUE;
    struct slice header;
    _cleanup_buffer_ struct buffer got = {.max = 100, .secret = true};
    assert_int_equal(credential_use(c, &a, &header, &got, NULL), 0);
}

static void test_bad_policies(void **state)
{
    static const char *const policies[] = {
        "", "null", "[]", "{}", "{\"origins\":[]}", "{\"origins\":\"https://a.example\"}", "{\"origins\":[1]}",
        "{\"origins\":[\"https://*.example.com\"]}", "{\"origins\":[\"https://a.example/path\"]}", "{\"origins\":[\"a.example\"]}",
        "{\"origins\":[\"https://a.example.\"]}", "{\"origins\":[\"https://u@a.example\"]}", "{\"origins\":[\"ftp://a.example\"]}",
        "{\"origins\":[\"https://a.example\"],\"orgins\":[]}", "{\"origins\":[\"https://a.example\"],\"origins\":[\"https://b.example\"]}",
        "{\"origins\":[\"https://a.example\"],\"methods\":[]}", "{\"origins\":[\"https://a.example\"],\"methods\":[\"get\"]}",
        "{\"origins\":[\"https://a.example\"],\"methods\":\"GET\"}", "{\"origins\":[\"https://a.example\"],\"places\":[]}",
        "{\"origins\":[\"https://a.example\"],\"methods\":[1]}", "{\"origins\":[\"https://a.example\"],\"places\":\"header\"}",
        "{\"origins\":{}}", "{\"origins\":[null]}", "{\"origins\":[\"https://a.example\"],\"methods\":{}}",
        "{\"origins\":[\"https://a.example\"],\"places\":null}",
        "{\"origins\":[\"https://a.example\"],\"places\":[1]}",
        "{\"origins\":[\"https://a.example\"],\"places\":[\"cookie\"]}", "{\"origins\":[\"https://a.example\"],\"header\":\"X-A\"}",
        "{\"origins\":[\"https://a.example\"]} x", "{\"origins\":[\"https://a.example\"]"};
    struct credential_label l = label("default", "token", 1);
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct diag why = {0};
        _cleanup_buffer_ struct buffer out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
        if (wrap(&l, CREDENTIAL_BEARER, policies[i], SLICE_LITERAL("a-token-1"), &out, &why) == 0 || out.len || !why.text[0])
            fail_msg("taken: %s", policies[i]);
    }
    static const char *const headers[] = {"", "X Key", "X:Key", "X\\r\\nKey", "Host", "content-length", "Transfer-Encoding", "X\\u0000",
                                          "X\",\"header\":\"Y", "a-name-that-is-longer-than-all-that-a-header-is-called-in-any-of-the-"
                                          "registries-of-header-names-that-there-are-and-so-none-that-we-will-send-to-somebody"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char policy[512];
        _cleanup_buffer_ struct buffer out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
        (void)snprintf(policy, sizeof policy, "{\"origins\":[\"https://a.example\"],\"header\":\"%s\"}", headers[i]);
        if (wrap(&l, CREDENTIAL_API_KEY, policy, SLICE_LITERAL("a-token-1"), &out, NULL) == 0)
            fail_msg("taken: %s", policy);
    }
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    assert_true(wrap(&l, CREDENTIAL_API_KEY, "{\"origins\":[\"https://a.example\"],\"header\":7}", SLICE_LITERAL("a-token-1"), &out, NULL) < 0);
    assert_true(wrap(&l, CREDENTIAL_WEBHOOK_KEY, ORIGINS, SLICE_LITERAL("0123456789abcdef"), &out, NULL) < 0);
}

static void test_values(void **state)
{
    static const struct {
        enum credential_kind kind;
        struct slice value;
        bool ok;
    } cases[] = {
        {CREDENTIAL_BEARER, {NULL, 0}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"a-token\n", 8}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"a\r\nX: yz", 8}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"a-tok\0en", 8}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"a token1", 8}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"\xc3\xa4-token", 8}, false},
        {CREDENTIAL_API_KEY, {(const uint8_t *)" api-key", 8}, false},
        {CREDENTIAL_API_KEY, {(const uint8_t *)"api-key ", 8}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\"}", 16}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"a:b", 3}, false},
        {CREDENTIAL_BASIC, SLICE_LITERAL("{\"username\":1,\"password\":\"bbbbbbbb\"}"), false},
        {CREDENTIAL_BASIC, SLICE_LITERAL("{\"username\":\"a\",\"password\":12345678}"), false},
        {CREDENTIAL_BASIC, SLICE_LITERAL("{\"username\":\"a\\n\",\"password\":\"bbbbbbbb\"}"), false},
        {CREDENTIAL_BASIC, SLICE_LITERAL("{\"username\":\"a\177\",\"password\":\"bbbbbbbb\"}"), false},
        {CREDENTIAL_BASIC, SLICE_LITERAL("{\"username\":\"\",\"password\":\"bbbbbbbb\"}"), true},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a:\",\"password\":\"bbbbbbbb\"}", 39}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"password\":\"bbbbbbb\\n\"}", 39}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"password\":\"bbbbbbb\\u0000\"}", 43}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"username\":\"b\",\"password\":\"bbbbbbbb\"}", 53}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"password\":\"bbbbbbbb\",\"x\":1}", 44}, false},
        /* What is too short to be found in an answer; a user name that is a key stands for the password. */
        {CREDENTIAL_BEARER, {(const uint8_t *)"a-token", 7}, false},
        {CREDENTIAL_BEARER, {(const uint8_t *)"a-token1", 8}, true},
        {CREDENTIAL_API_KEY, {(const uint8_t *)"api-key", 7}, false},
        {CREDENTIAL_API_KEY, {(const uint8_t *)"api-key1", 8}, true},
        {CREDENTIAL_API_KEY, SLICE_LITERAL("api\tkey1"), false},
        {CREDENTIAL_API_KEY, SLICE_LITERAL("api\177key1"), false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"password\":\"bbbbbbb\"}", 37}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"a\",\"password\":\"bbbbbbbb\"}", 38}, true},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"aaaaaaa\",\"password\":\"\"}", 36}, false},
        {CREDENTIAL_BASIC, {(const uint8_t *)"{\"username\":\"aaaaaaaa\",\"password\":\"\"}", 37}, true},
        {CREDENTIAL_WEBHOOK_KEY, {(const uint8_t *)"0123456789abcde", 15}, false},
        {CREDENTIAL_WEBHOOK_KEY, {(const uint8_t *)"0123456789abcdef", 16}, true},
        {CREDENTIAL_WEBHOOK_KEY, {(const uint8_t *)"0123456789abcdef\n", 17}, false},
        {CREDENTIAL_WEBHOOK_KEY, {(const uint8_t *)"whsec_AAAAAAAAAAAAAAAA", 22}, false}, /* 12 bytes decoded */
        {CREDENTIAL_WEBHOOK_KEY, {(const uint8_t *)"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 38}, true},
        {(enum credential_kind)0, {(const uint8_t *)"abc", 3}, false},
        {(enum credential_kind)99, {(const uint8_t *)"abc", 3}, false},
    };
    struct credential_label l = label("default", "token", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct diag why = {0};
        _cleanup_buffer_ struct buffer out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
        const char *policy = cases[i].kind == CREDENTIAL_WEBHOOK_KEY ? "{}" : ORIGINS;
        int r = wrap(&l, cases[i].kind, policy, cases[i].value, &out, &why);
        if ((r == 0) != cases[i].ok)
            fail_msg("case %zu: %d %s", i, r, why.text);
    }
}

static void test_largest(void **state)
{
    static char value[LIMIT_CREDENTIAL + 1], policy[LIMIT_CREDENTIAL_POLICY + 1];
    memset(value, 'v', LIMIT_CREDENTIAL);
    memset(policy, ' ', LIMIT_CREDENTIAL_POLICY);
    memcpy(policy, ORIGINS, sizeof ORIGINS - 1);
    _cleanup_credential_ struct credential *c = loaded(CREDENTIAL_BEARER, policy, value);
    struct slice header;
    _cleanup_buffer_ struct buffer got = {.max = LIMIT_CREDENTIAL + 64, .secret = true};
    struct credential_ask a = ask("api.example.com", CREDENTIAL_FORM_HEADER);
    assert_int_equal(credential_use(c, &a, &header, &got, NULL), 0);
    assert_int_equal(got.len, LIMIT_CREDENTIAL + 7);
}

/* One byte, or one origin, more than there may be. */
static void test_too_large(void **state)
{
    static char value[LIMIT_CREDENTIAL + 1];
    _cleanup_buffer_ struct buffer policy = BUFFER_MAX(2 * LIMIT_CREDENTIAL_POLICY), username = BUFFER_MAX(LIMIT_CREDENTIAL),
                                   got = BUFFER_MAX(2 * LIMIT_CREDENTIAL), basic = BUFFER_MAX(LIMIT_CREDENTIAL);
    struct credential_policy parsed;
    memset(value, 'v', sizeof value);
    assert_int_equal(value_check(CREDENTIAL_BEARER, slice_of(value, sizeof value), &username, &got, NULL), -SP_EINVALID);
    assert_int_equal(value_check(CREDENTIAL_BEARER, slice_of(value, sizeof value - 1), &username, &got, NULL), 0);
    buffer_clear(&got);
    (void)buffer_printf(&basic, "{\"username\":\"u\",\"password\":\"%.*s\"}", (int)VALUE_BASIC_MAX - 1, value);
    assert_int_equal(value_check(CREDENTIAL_BASIC, buffer_slice(&basic), &username, &got, NULL), 0);
    buffer_clear(&basic);
    (void)buffer_printf(&basic, "{\"username\":\"u\",\"password\":\"%.*s\"}", (int)VALUE_BASIC_MAX, value);
    assert_int_equal(value_check(CREDENTIAL_BASIC, buffer_slice(&basic), &username, &got, NULL), -SP_EINVALID);
    for (size_t n = LIMIT_ORIGINS; n <= LIMIT_ORIGINS + 1; n++) {
        buffer_clear(&policy);
        (void)buffer_append_text(&policy, "{\"origins\":[");
        for (size_t i = 0; i < n; i++)
            (void)buffer_printf(&policy, "%s\"https://a%zu.example\"", i ? "," : "", i);
        (void)buffer_append_text(&policy, "]}");
        int r = credential_policy_parse(buffer_slice(&policy), CREDENTIAL_BEARER, &parsed, NULL);
        assert_int_equal(r, n > LIMIT_ORIGINS ? -SP_EINVALID : 0);
        if (r == 0)
            credential_policy_clear(&parsed);
    }
    buffer_clear(&policy);
    (void)buffer_append_text(&policy, ORIGINS);
    while (policy.len <= LIMIT_CREDENTIAL_POLICY)
        (void)buffer_append_byte(&policy, ' ');
    assert_int_equal(credential_policy_parse(buffer_slice(&policy), CREDENTIAL_BEARER, &parsed, NULL), -SP_ELIMIT);
}

static void test_moved(void **state)
{
    struct credential_label l = label("default", "token", 3);
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct credential *c = NULL;
    assert_int_equal(wrap(&l, CREDENTIAL_BEARER, ORIGINS, SLICE_LITERAL("a-token-1"), &wrapped, NULL), 0);
    struct credential_label moved[] = {label("other", "token", 3), label("default", "tokem", 3), label("default", "token", 4),
                                       label("default", "token", 2), label("defaultt", "oken", 3)};
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
        assert_int_equal(credential_unwrap(keys, &moved[i], buffer_slice(&wrapped), &c, NULL), -SP_ETAMPERED);
    assert_int_equal(credential_unwrap(other_keys, &l, buffer_slice(&wrapped), &c, NULL), -SP_EKEY);
    uint8_t key[32];
    assert_int_equal(namespace_key_open(keys, l.ns, buffer_slice(&wrapped), key), -SP_ETAMPERED);
    for (size_t i = 0; i < wrapped.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            wrapped.p[i] ^= (uint8_t)(1u << bit);
            if (credential_unwrap(keys, &l, buffer_slice(&wrapped), &c, NULL) == 0)
                fail_msg("byte %zu bit %u was not seen", i, bit);
            wrapped.p[i] ^= (uint8_t)(1u << bit);
        }
        assert_true(credential_unwrap(keys, &l, slice_of(wrapped.p, i), &c, NULL) < 0);
    }
    assert_null(c);
}

static void test_namespace_key(void **state)
{
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(256);
    uint8_t key[32] = {0}, again[32], none[32] = {0}, untouched[32] = {0};
    assert_int_equal(namespace_key_create(keys, SLICE_LITERAL("default"), &wrapped, key), 0);
    assert_int_equal(namespace_key_open(keys, SLICE_LITERAL("default"), buffer_slice(&wrapped), again), 0);
    assert_memory_equal(key, again, 32);
    assert_memory_not_equal(key, none, 32);
    assert_int_equal(namespace_key_open(keys, SLICE_LITERAL("other"), buffer_slice(&wrapped), none), -SP_ETAMPERED);
    assert_int_equal(namespace_key_open(other_keys, SLICE_LITERAL("default"), buffer_slice(&wrapped), none), -SP_EKEY);
    for (size_t i = 0; i < wrapped.len; i++) {
        wrapped.p[i] ^= 1;
        assert_true(namespace_key_open(keys, SLICE_LITERAL("default"), buffer_slice(&wrapped), none) < 0);
        wrapped.p[i] ^= 1;
        assert_true(namespace_key_open(keys, SLICE_LITERAL("default"), slice_of(wrapped.p, i), none) < 0);
    }
    assert_memory_equal(none, untouched, 32);
    assert_int_equal(namespace_key_create(keys, SLICE_LITERAL("../x"), &wrapped, none), -SP_EINVALID);
    assert_int_equal(namespace_key_open(keys, SLICE_LITERAL("../x"), buffer_slice(&wrapped), none), -SP_EINVALID);
}

static void test_bad_box(void **state)
{
    struct credential_label l = label("default", "token", 1);
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(200), out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct diag why = {0};
    assert_int_equal(crypto_sealedbox_seal(other_keys->box_public, SLICE_LITERAL("a-token-1"), &box), 0);
    assert_int_equal(credential_wrap(keys, &l, CREDENTIAL_BEARER, SLICE_LITERAL(ORIGINS), buffer_slice(&box), &out, &why), -SP_EINVALID);
    assert_non_null(strstr(why.text, "public key"));
    struct credential_label bad = label("default", "../token", 1);
    assert_int_equal(wrap(&bad, CREDENTIAL_BEARER, ORIGINS, SLICE_LITERAL("a-token-1"), &out, NULL), -SP_EINVALID);
    struct credential_label bad_ns = label("../default", "token", 1);
    struct credential *c = NULL;
    assert_int_equal(wrap(&bad_ns, CREDENTIAL_BEARER, ORIGINS, SLICE_LITERAL("a-token-1"), &out, NULL), -SP_EINVALID);
    assert_int_equal(credential_unwrap(keys, &bad_ns, SLICE_LITERAL("x"), &c, NULL), -SP_EINVALID);
}

/* The engine passes on another name, kind or policy than the value was sealed for. */
static void test_another_purpose(void **state)
{
    struct credential_label l = label("default", "token", 1), other = label("default", "other", 1);
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(LIMIT_TEXT), out = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    struct slice policy = SLICE_LITERAL(ORIGINS), wider = SLICE_LITERAL("{\"origins\":[\"https://evil.example\"]}");
    struct credential_purpose purpose = {l.ns, l.name, SLICE_LITERAL("bearer"), policy};
    struct diag why = {0};
    assert_int_equal(credential_box_seal(keys->box_public, &purpose, SLICE_LITERAL("a-token-1"), &box), 0);
    assert_int_equal(credential_wrap(keys, &other, CREDENTIAL_BEARER, policy, buffer_slice(&box), &out, &why), -SP_EINVALID);
    assert_non_null(strstr(why.text, "another name, kind or policy"));
    assert_int_equal(credential_wrap(keys, &l, CREDENTIAL_API_KEY, policy, buffer_slice(&box), &out, NULL), -SP_EINVALID);
    assert_int_equal(credential_wrap(keys, &l, CREDENTIAL_BEARER, wider, buffer_slice(&box), &out, NULL), -SP_EINVALID);
    assert_int_equal(out.len, 0);
    assert_int_equal(credential_wrap(keys, &l, CREDENTIAL_BEARER, policy, buffer_slice(&box), &out, NULL), 0);
}

/* Genuine blobs whose content is of a version to come, or none. */
static void test_content_of_another_version(void **state)
{
    struct credential_label l = label("default", "token", 1);
    for (uint8_t kind = 98; kind < 101; kind++) {
        _cleanup_buffer_ struct buffer ad = BUFFER_MAX(512), content = BUFFER_MAX(512), blob = BUFFER_MAX(1024);
        struct credential *c = NULL;
        struct diag why = {0};
        wire_put_bytes(&ad, l.ns, LIMIT_NAME);
        wire_put_bytes(&ad, l.name, LIMIT_NAME);
        wire_put_u64(&ad, l.version);
        wire_put_u8(&content, kind == 98 ? CREDENTIAL_BEARER : kind);
        wire_put_bytes(&content, SLICE_LITERAL(ORIGINS), LIMIT_CREDENTIAL_POLICY);
        wire_put_bytes(&content, SLICE_LITERAL(""), LIMIT_CREDENTIAL);
        wire_put_bytes(&content, SLICE_LITERAL("a-token-1"), LIMIT_CREDENTIAL);
        if (kind == 100)
            wire_put_u8(&content, 1);
        assert_int_equal(blob_seal(keys, BLOB_CREDENTIAL, buffer_slice(&ad), buffer_slice(&content), &blob), 0);
        int r = credential_unwrap(keys, &l, buffer_slice(&blob), &c, &why);
        assert_int_equal(r, kind == 98 ? 0 : -SP_EFORMAT);
        assert_true(r == 0 || strstr(why.text, "another version"));
        credential_free(c);
    }
}

static void test_table(void **state)
{
    struct credential_table *t = credential_table_new();
    struct credential_label l1 = label("default", "token", 1), l2 = label("default", "token", 2), l3 = label("other", "token", 1);
    struct credential *a = loaded(CREDENTIAL_BEARER, ORIGINS, "token-of-a"), *b = loaded(CREDENTIAL_BEARER, ORIGINS, "token-of-b"),
                      *c = loaded(CREDENTIAL_BEARER, ORIGINS, "token-of-c"), *d = loaded(CREDENTIAL_BEARER, ORIGINS, "token-of-d");
    assert_int_equal(credential_table_take(t, &l1, &a), 0);
    assert_null(a);
    assert_int_equal(credential_table_take(t, &l2, &b), 0);
    assert_int_equal(credential_table_take(t, &l1, &c), -SP_ECONFLICT);
    credential_free(c);
    assert_int_equal(credential_table_take(t, &l3, &d), 0);
    assert_true(secret_equal(credential_table_find(t, l1.ns, l1.name)->value, SLICE_LITERAL("token-of-b")));
    assert_true(secret_equal(credential_table_find(t, l3.ns, l3.name)->value, SLICE_LITERAL("token-of-d")));
    assert_null(credential_table_find(t, SLICE_LITERAL("defaul"), SLICE_LITERAL("ttoken")));
    assert_true(credential_table_remove(t, l1.ns, l1.name));
    assert_false(credential_table_remove(t, l1.ns, l1.name));
    assert_null(credential_table_find(t, l1.ns, l1.name));
    credential_table_free(t);
}

/* One of many: half of them have the same name in namespaces of their own, half names of their own in one namespace. */
static struct credential_label one_of_many(unsigned i, char text[32])
{
    (void)snprintf(text, 32, "n-%u", i);
    return i % 2 ? label("default", text, 1) : label(text, "token", 1);
}

/* As many as there may be, so that many share a bucket: each is found by both its names alone, and one more is refused. */
static void test_full_table(void **state)
{
    struct credential_table *t = credential_table_new();
    char text[32];
    for (unsigned i = 0; i <= LIMIT_CREDENTIALS; i++) {
        struct credential *c = calloc(1, sizeof *c);
        struct credential_label l = one_of_many(i, text);
        c->username_len = i;
        assert_int_equal(credential_table_take(t, &l, &c), i < LIMIT_CREDENTIALS ? 0 : -SP_ELIMIT);
        credential_free(c);
    }
    for (unsigned i = 0; i < LIMIT_CREDENTIALS; i++) {
        struct credential_label l = one_of_many(i, text);
        assert_int_equal(credential_table_find(t, l.ns, l.name)->username_len, i);
        assert_null(credential_table_find(t, l.name, l.ns));
    }
    for (unsigned i = 0; i < LIMIT_CREDENTIALS; i += 3) {
        struct credential_label l = one_of_many(i, text);
        assert_true(credential_table_remove(t, l.ns, l.name));
        assert_false(credential_table_remove(t, l.ns, l.name));
    }
    for (unsigned i = 0; i < LIMIT_CREDENTIALS; i++) {
        struct credential_label l = one_of_many(i, text);
        assert_int_equal(credential_table_find(t, l.ns, l.name) == NULL, i % 3 == 0);
    }
    char longer[LIMIT_NAME + 2];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    struct credential_label long_name = label("default", longer, 1), long_ns = label(longer, "token", 1);
    struct credential *c = calloc(1, sizeof *c);
    assert_int_equal(credential_table_take(t, &long_name, &c), -SP_EINVALID);
    assert_int_equal(credential_table_take(t, &long_ns, &c), -SP_EINVALID);
    credential_free(c);
    credential_table_free(t);
}

static int setup(void **state)
{
    int r = crypto_init();
    value_init();
    keys = new_keys(1);
    other_keys = new_keys(2);
    return r;
}

static int teardown(void **state)
{
    vault_keys_free(keys);
    vault_keys_free(other_keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_webhook_key_stays), cmocka_unit_test(test_host_look_alikes),
        cmocka_unit_test(test_origin_parts), cmocka_unit_test(test_methods_and_places), cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_values),       cmocka_unit_test(test_largest),           cmocka_unit_test(test_moved),
        cmocka_unit_test(test_namespace_key), cmocka_unit_test(test_bad_box),          cmocka_unit_test(test_table),
        cmocka_unit_test(test_too_large),    cmocka_unit_test(test_another_purpose),    cmocka_unit_test(test_content_of_another_version),
        cmocka_unit_test(test_full_table),
    };
    return cmocka_run_group_tests_name("vault/credentials", tests, setup, teardown);
}
