/* The gateway's pure checks: addresses, networks, forwarding headers, targets, header tables, the head's layout, problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "gateway/address.h"
#include "gateway/config.h"
#include "gateway/head.h"
#include "gateway/headers.h"
#include "gateway/problem.h"
#include "gateway/validate.h"

static struct address address(const char *text)
{
    struct address a;
    if (address_parse(slice_text(text), &a) < 0)
        fail_msg("%s is an address", text);
    return a;
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool inside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},  {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true}, {"10.0.0.0/8", "::10.1.1.1", false},
        {"192.168.4.0/22", "192.168.7.255", true}, {"192.168.4.0/22", "192.168.8.0", false},
        {"192.0.2.1", "192.0.2.1", true},        {"192.0.2.1/32", "192.0.2.10", false},
        {"0.0.0.0/0", "8.8.8.8", true},          {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},           {"::/0", "8.8.8.8", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::", false},
        {"fe80::/10", "febf::1", true},          {"fe80::/10", "fec0::1", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true}, {"::1", "::1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network n;
        assert_int_equal(network_parse(slice_text(cases[i].network), &n), 0);
        struct address a = address(cases[i].address);
        if (network_has(&n, &a) != cases[i].inside)
            fail_msg("%s in %s: expected %d", cases[i].address, cases[i].network, cases[i].inside);
    }
}

static void test_networks_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/08",
                                      "10.0.0.0/+8", "010.0.0.0/8", "::/129", "2001:db8::1/32", "10.0.0.0/8/8", "a", "10.0.0.0 /8",
                                      "0x0a.0.0.0/8", "fe80::1%eth0"};
    struct network n;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (network_parse(slice_text(bad[i]), &n) == 0)
            fail_msg("accepted: %s", bad[i]);
}

static void test_loopback_and_groups(void **state)
{
    (void)state;
    struct address a = address("127.9.9.9"), b = address("::1"), any6 = address("::"), any4 = address("0.0.0.0");
    assert_true(address_is_loopback(&a) && address_is_loopback(&b));
    assert_false(address_is_loopback(&any6) || address_is_loopback(&any4));
    struct address x = address("2001:db8::1"), y = address("2001:db8::ffff:1"), z = address("2001:db8:0:1::1");
    struct address gx = address_group(&x), gy = address_group(&y), gz = address_group(&z), ga = address_group(&a);
    assert_memory_equal(&gx, &gy, sizeof gx);
    assert_memory_not_equal(&gx, &gz, sizeof gx);
    assert_memory_equal(&ga, &a, sizeof a);
}

static void test_forwarded(void **state)
{
    (void)state;
    static const struct {
        enum forwarded_kind kind;
        const char *value;
        int result;
        const char *client;
    } cases[] = {
        {FORWARDED_X_FOR, "192.0.2.1", 1, "192.0.2.1"},
        {FORWARDED_X_FOR, "6.6.6.6, 192.0.2.1 ,10.0.0.2", 1, "192.0.2.1"},
        {FORWARDED_X_FOR, "10.0.0.2", 0, "10.0.0.2"},
        {FORWARDED_X_FOR, "", 0, "10.0.0.1"},
        {FORWARDED_X_FOR, ",", -SP_ESYNTAX, "10.0.0.1"},
        {FORWARDED_X_FOR, "192.0.2.1,", 1, NULL},
        {FORWARDED_X_FOR, "unknown, 10.0.0.2", -SP_ESYNTAX, "10.0.0.2"},
        {FORWARDED_X_FOR, "[2001:db8::1]:80", 1, "2001:db8::1"},
        {FORWARDED_X_FOR, "2001:db8::1", 1, "2001:db8::1"},
        {FORWARDED_X_FOR, "[2001:db8::1]x", -SP_ESYNTAX, "10.0.0.1"},
        {FORWARDED_X_FOR, "[2001:db8::1", -SP_ESYNTAX, "10.0.0.1"},
        {FORWARDED_RFC7239, "for=192.0.2.1", 1, "192.0.2.1"},
        {FORWARDED_RFC7239, "for=6.6.6.6, FOR=\"192.0.2.1:99\"; proto=http, by=x;for=10.0.0.2", 1, "192.0.2.1"},
        {FORWARDED_RFC7239, "for=\"[2001:db8::1]\"", 1, "2001:db8::1"},
        {FORWARDED_RFC7239, "proto=https", -SP_ESYNTAX, "10.0.0.1"},
        {FORWARDED_RFC7239, "for=_hidden", -SP_ESYNTAX, "10.0.0.1"},
    };
    struct network trusted;
    assert_int_equal(network_parse(SLICE_LITERAL("10.0.0.0/8"), &trusted), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address client = address("10.0.0.1");
        int r = forwarded_walk(cases[i].kind, slice_text(cases[i].value), &trusted, 1, &client);
        if (!cases[i].client) {
            assert_true(r < 0);
            continue;
        }
        struct address expected = address(cases[i].client);
        if (r != cases[i].result || memcmp(&client, &expected, sizeof client) != 0)
            fail_msg("%s: %d instead of %d, or not %s", cases[i].value, r, cases[i].result, cases[i].client);
    }
    struct address stranger = address("192.0.2.9"), same = stranger;
    assert_int_equal(forwarded_walk(FORWARDED_X_FOR, SLICE_LITERAL("1.1.1.1"), &trusted, 1, &stranger), 1);
    assert_memory_equal(&stranger, &same, sizeof same);
}

static void test_targets(void **state)
{
    (void)state;
    static const char *const good[] = {"/", "/a/b/", "/a%20b", "/a?b=/../c", "/a?", "http://h/a", "HTTPS://h:1", "http://h?q",
                                       "/~a-b_c.d!$&'()*+,;=:@", "/...", "/.a", "/a..b"};
    static const char *const bad[] = {"",     "a",     "*",        "//",      "/a//b",    "/../a",    "/a/..",  "/a/./b",
                                      "/a b", "/a\\b", "/%2e%2e/", "/%2f",    "/%5C",     "/%00",     "/%0a",   "/%7f",
                                      "/%25", "/%",    "/%1",      "/%gg",    "/a#b",     "/a?%00",   "/a?\"",  "/a?%4",
                                      "/\xc3\xa4", "/a\x01", "ftp://h/", "http://", "http:///a", "http://u@h/", "/<", "/a|b"};
    struct target t;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (target_parse(slice_text(good[i]), &t) < 0)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (target_parse(slice_text(bad[i]), &t) == 0)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(target_parse(SLICE_LITERAL("http://h:80/a/b?c?d"), &t), 0);
    assert_true(slice_is(t.authority, "h:80") && slice_is(t.path, "/a/b") && slice_is(t.query, "c?d"));
    assert_int_equal(target_parse(SLICE_LITERAL("http://h"), &t), 0);
    assert_true(slice_is(t.path, "/") && t.query.len == 0);
    char path[LIMIT_PATH + 2];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    assert_int_equal(target_parse(slice_of(path, LIMIT_PATH), &t), 0);
    assert_int_equal(target_parse(slice_of(path, LIMIT_PATH + 1), &t), -SP_ELIMIT);
}

static void test_hosts(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a.b-c_d", "1.2.3.4:80", "[::1]", "[2001:db8::1]:443", "A.B"};
    static const char *const bad[] = {"", ":80", "a:", "a:b", "a:123456", "a b", "a/b", "a@b", "a,b", "[::1", "[]", "[::1]80",
                                      "[::1]:", "a:80:80", "a\tb", "\xc3\xa4", "[g::]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!is_host(slice_text(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (is_host(slice_text(bad[i])))
            fail_msg("accepted: %s", bad[i]);
}

static void test_header_tables(void **state)
{
    (void)state;
    uint8_t scratch[HEADER_NAME_MAX];
    assert_int_equal(request_header_find(SLICE_LITERAL("Host"), scratch).index, HEADER_HOST);
    assert_int_equal(request_header_find(SLICE_LITERAL("Content-Length"), scratch).index, HEADER_CONTENT_LENGTH);
    assert_int_equal(request_header_find(SLICE_LITERAL("TRANSFER-ENCODING"), scratch).index, HEADER_TRANSFER_ENCODING);
    assert_int_equal(request_header_find(SLICE_LITERAL("x-forwarded-for"), scratch).index, HEADER_X_FORWARDED_FOR);
    assert_int_equal(request_header_find(SLICE_LITERAL("Forwarded"), scratch).index, HEADER_FORWARDED);
    struct header_match m = request_header_find(SLICE_LITERAL("CE-Id"), scratch);
    assert_true(m.use == HEADER_PASS && m.index == -1 && slice_is(m.name, "ce-id"));
    assert_int_equal(request_header_find(SLICE_LITERAL("Accept"), scratch).use, HEADER_LIST);
    static const char *const dropped[] = {"cookie", "x-evil", "connection", "content-length2", "hos", "", "te", "proxy-authorization"};
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        assert_int_equal(request_header_find(slice_text(dropped[i]), scratch).use, HEADER_DROP);
    assert_string_equal(response_header_find(SLICE_LITERAL("content-TYPE")), "Content-Type");
    assert_null(response_header_find(SLICE_LITERAL("set-cookie")));
    assert_null(response_header_find(SLICE_LITERAL("connection")));
    assert_true(is_token(SLICE_LITERAL("X-a.b~")) && !is_token(SLICE_LITERAL("a b")) && !is_token(SLICE_LITERAL("")));
    assert_true(is_field_value(SLICE_LITERAL("a\tb \xff")) && !is_field_value(SLICE_LITERAL("a\rb")));
}

/* A head as the library leaves it: "|" stands for the NULs. */
static bool layout_is_good(const char *pattern)
{
    char head[128] = {0};
    const char *parts[8] = {0};
    size_t len = strlen(pattern), n = 0;
    for (size_t i = 0; i < len; i++) {
        head[i] = pattern[i] == '|' ? 0 : pattern[i];
        if (head[i] && head[i] != ' ' && (i == 0 || !head[i - 1] || head[i - 1] == ' ') && n < 8)
            parts[n++] = head + i;
    }
    struct head_walk w = head_begin(head, len, parts[1], strlen(parts[1]), parts[2]);
    for (size_t i = 3; i + 1 < n; i += 2)
        head_field(&w, parts[i], strlen(parts[i]), parts[i + 1], strlen(parts[i + 1]));
    return head_end(&w);
}

static void test_head_layout(void **state)
{
    (void)state;
    assert_true(layout_is_good("GET|/|HTTP/1.1||Host| a||||"));
    assert_true(layout_is_good("GET|/|HTTP/1.1||Host|a||X|  b||||"));
    assert_true(layout_is_good("GET|/|HTTP/1.0||||"));
    static const char *const bad[] = {
        "GET|/|HTTP/1.1|Host| a||||",      /* bare LF after the request line */
        "GET|/|HTTP/1.1||Host| a|X| b||||", /* bare LF after a header */
        "GET|/|HTTP/1.1||Host| a|||",      /* bare LF as the empty line */
        "GET|/|HTTP/1.1||Host| a|||||",    /* more behind it */
        "GET||/|HTTP/1.1||Host| a||||",
        "GET|/||HTTP/1.1||Host| a||||",
        "GET|/|HTTP/1.1||Host|| a||||",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (layout_is_good(bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

static void test_problems(void **state)
{
    (void)state;
    for (enum problem p = PROBLEM_NONE + 1; p < PROBLEM_COUNT; p++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(1024);
        refusal_write(p, &b);
        assert_int_equal(buffer_error(&b), 0);
        assert_true(slice_starts(buffer_slice(&b), "{\"type\":\"urn:sallyport:error:"));
        assert_in_range(refusal_status(p), 400, 504);
        assert_true(refusal_status(p) != 400 || refusal_closes(p));
    }
}

static void test_config(void **state)
{
    (void)state;
    struct gateway_config c;
    struct diag why;
    assert_int_equal(gateway_config_parse(SLICE_LITERAL("{}"), &c, &why), 0);
    assert_true(!c.is_tls && !c.is_behind_proxy && c.max_body == LIMIT_BODY && c.connections == LIMIT_CONNECTIONS);
    struct slice full = SLICE_LITERAL("{\"tls\":true,\"behindProxy\":true,\"trustedProxies\":[\"10.0.0.0/8\",\"::1\"],\"maxBody\":5,"
                                      "\"connections\":6,\"connectionsPerAddress\":7,\"requestTimeoutMs\":8}");
    assert_int_equal(gateway_config_parse(full, &c, &why), 0);
    assert_true(c.is_tls && c.is_behind_proxy && c.n_trusted == 2 && c.max_body == 5 && c.connections == 6 &&
                c.connections_per_address == 7 && c.request_timeout_ms == 8);
    static const char *const bad[] = {"", "[]", "{\"tls\":1}", "{\"maxBody\":0}", "{\"maxBody\":-1}", "{\"maxBody\":99999999}",
                                      "{\"maxBody\":1.5}", "{\"connections\":\"5\"}", "{\"tls\":true,\"tls\":false}", "{\"a\":1}",
                                      "{\"trustedProxies\":[]}{", "{\"behindProxy\":true,\"trustedProxies\":[\"x\"]}",
                                      "{\"behindProxy\":true,\"trustedProxies\":[5]}", "{\"trustedProxies\":[\"10.0.0.0/8\"]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (gateway_config_parse(slice_text(bad[i]), &c, &why) == 0)
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks),      cmocka_unit_test(test_networks_refused),
        cmocka_unit_test(test_loopback_and_groups), cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_targets),       cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_header_tables), cmocka_unit_test(test_head_layout),
        cmocka_unit_test(test_problems),      cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests_name("gateway/checks", tests, NULL, NULL);
}
