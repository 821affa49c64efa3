/* Calls against real servers: what is refused, what is bounded, what is sent. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/crypto.h"

#define CALL(...) fixture_call(f, &(struct spec){__VA_ARGS__})

static void test_call(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r =
        CALL(.method = "POST", .uri = "{home}/echo?a=b", .body = "hello", .headers = {{"X-Mine", "1"}}, .idempotency_key = "run-7");
    uint8_t digest[32];
    assert_int_equal(r->code, 0);
    assert_int_equal(r->status, 200);
    assert_int_equal(r->was_sent, 1);
    assert_true(result_has(r, "\"method\": \"POST\"") && result_has(r, "\"body\": \"hello\"") && result_has(r, "\"x-mine\": \"1\""));
    assert_true(result_has(r, "\"idempotency-key\": \"run-7\"") && result_has(r, "\"user-agent\": \"sallyport/"));
    assert_false(result_has(r, "content-type"));
    assert_true(slice_is(r->address, "127.0.0.1"));
    assert_true(r->bytes_out > 5 && r->bytes_in > r->body.len);
    crypto_sha256(SLICE_LITERAL("hello"), digest);
    assert_memory_equal(r->request_digest, digest, 32);
    crypto_sha256(r->body, digest);
    assert_memory_equal(r->response_digest, digest, 32);
    struct slice value;
    assert_true(wire_pairs_find(r->headers, "set-cookie", &value) && slice_is(value, "a=b"));
    char *uri = fixture_expand(f, "{home}/echo?a=b");
    assert_string_equal(result_text(r->uri), uri);
    free(uri);
}

static void test_methods(void **state)
{
    struct fixture *f = *state;
    static const char *const methods[] = {"GET", "PUT", "PATCH", "DELETE", "OPTIONS", "POST"};
    for (size_t i = 0; i < 6; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "\"method\": \"%s\"", methods[i]);
        const struct msg_egress_result *r = CALL(.method = methods[i], .uri = "{home}/echo", .idempotency_key = "k");
        assert_int_equal(r->code, 0);
        assert_true(result_has(r, expected));
        bool is_unsafe = strcmp(methods[i], "POST") == 0 || strcmp(methods[i], "PATCH") == 0;
        assert_int_equal(result_has(r, "idempotency-key"), is_unsafe);
    }
    const struct msg_egress_result *r = CALL(.method = "HEAD", .uri = "{home}/echo");
    assert_int_equal(r->code, 0);
    assert_int_equal(r->body.len, 0);
    r = CALL(.method = "POST", .uri = "{home}/echo", .idempotency_key = "k", .headers = {{"idempotency-key", "mine"}});
    assert_true(result_has(r, "\"idempotency-key\": \"mine\""));
    assert_int_equal(CALL(.method = "TRACE", .uri = "{home}/echo")->code, -SP_EINVALID);
    assert_int_equal(CALL(.method = "GET / HTTP/1.1\r\nx:", .uri = "{home}/echo")->code, -SP_EINVALID);
}

static void test_ungranted_is_refused(void **state)
{
    struct fixture *f = *state;
    unsigned before = fixture_count(f, "{stranger}");
    const struct msg_egress_result *r = CALL(.uri = "{stranger}/echo");
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(r->was_sent, 0);
    char *origin = fixture_expand(f, "{stranger}");
    assert_non_null(strstr(result_text(r->reason), origin));
    free(origin);
    assert_int_equal(CALL(.uri = "{home}/echo", .grants = "[]")->code, -SP_EDENIED);
    assert_int_equal(CALL(.uri = "{home}/echo", .grants = "nonsense")->code, -SP_EDENIED);
    assert_int_equal(CALL(.uri = "{home}/echo", .method = "POST", .grants = "[{\"origin\":\"{home}\",\"methods\":[\"GET\"]}]")->code,
                     -SP_EDENIED);
    assert_int_equal(CALL(.uri = "{home}/echo", .grants = "[{\"origin\":\"{home}\",\"paths\":[\"/v1\"]}]")->code, -SP_EDENIED);
    assert_int_equal(fixture_count(f, "{stranger}"), before);
}

/* A name that resolves to loopback, as after DNS rebinding: "*.localhost" does so without any server. */
static void test_resolved_address_is_judged(void **state)
{
    struct fixture *f = *state;
    char uri[64], name_only[96], both[160];
    snprintf(uri, sizeof uri, "http://evil.localhost:%u/echo", f->ports[0]);
    snprintf(name_only, sizeof name_only, "[\"http://evil.localhost:%u\"]", f->ports[0]);
    snprintf(both, sizeof both, "[\"http://evil.localhost:%u\",\"{home}\"]", f->ports[0]);
    unsigned before = fixture_count(f, "{home}");
    const struct msg_egress_result *r = CALL(.uri = uri, .grants = name_only);
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(r->was_sent, 0);
    assert_non_null(strstr(result_text(r->reason), "loopback"));
    assert_int_equal(fixture_count(f, "{home}"), before);
    /* With the address granted it goes; then the connection is there, and must not serve the call without the grant. */
    assert_int_equal(CALL(.uri = uri, .grants = both)->code, 0);
    r = CALL(.uri = uri, .grants = name_only);
    assert_int_equal(r->code, -SP_EDENIED);
    assert_int_equal(r->was_sent, 0);
    assert_int_equal(fixture_count(f, "{home}"), before + 1);
}

static void test_connect_to(void **state)
{
    struct fixture *f = *state;
    char json[160];
    snprintf(json, sizeof json, "{\"connectTo\":[{\"from\":\"api.example.com:80\",\"to\":\"127.0.0.1:%u\"}]}", f->ports[0]);
    assert_int_equal(egress_configure(f->egress, slice_text(json), NULL), 0);
    const struct msg_egress_result *r = CALL(.uri = "http://api.example.com/echo", .grants = "[\"http://api.example.com\"]");
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, "\"host\": \"api.example.com\""));
    assert_int_equal(CALL(.uri = "http://api.example.com/echo", .grants = "[]")->code, -SP_EDENIED);
    assert_int_equal(egress_configure(f->egress, SLICE_LITERAL("{\"allowHttp\":false}"), NULL), 0);
    assert_int_equal(CALL(.uri = "{home}/echo")->code, -SP_EDENIED);
    static const char *const bad[] = {"[]", "{\"x\":1}", "{\"connectTo\":[{\"from\":\"a.io:1\",\"to\":\"b.io:1\"}]}",
                                      "{\"connectTo\":[{\"from\":\"a.io\",\"to\":\"1.2.3.4:1\"}]}", "{\"allowHttp\":1}", "{", "{\"connectTo\":{}}",
                                      "{\"connectTo\":[1]}", "{\"connectTo\":[{\"from\":1,\"to\":\"1.2.3.4:1\"}]}",
                                      "{\"connectTo\":[{\"from\":\"a.io:1\",\"x\":\"1.2.3.4:1\"}]}",
                                      "{\"connectTo\":[{\"from\":\"a b.io:1\",\"to\":\"1.2.3.4:1\"}]}",
                                      "{\"connectTo\":[{\"from\":\"a.io:1\",\"to\":\"1.2.3.4:1\",\"x\":1}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(egress_configure(f->egress, slice_text(bad[i]), NULL) < 0);
    /* As many routes as there may be, of which the last is another port's and the one before it another host's; and one more. */
    for (unsigned n = LIMIT_EGRESS_CONNECT_TO; n <= LIMIT_EGRESS_CONNECT_TO + 1; n++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
        (void)buffer_append_text(&b, "{\"connectTo\":[");
        for (unsigned i = 0; i < n; i++)
            (void)buffer_printf(&b, "%s{\"from\":\"a%u.example.com:%u\",\"to\":\"127.0.0.1:%u\"}", i ? "," : "", i / 2, 80 + i % 2, f->ports[0]);
        (void)buffer_append_text(&b, "]}");
        assert_int_equal(egress_configure(f->egress, buffer_slice(&b), NULL), n > LIMIT_EGRESS_CONNECT_TO ? -SP_EINVALID : 0);
    }
    r = CALL(.uri = "http://a1.example.com:81/echo", .grants = "[\"http://a1.example.com:81\"]");
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, "\"host\": \"a1.example.com:81\""));
    char longer[400], name[290];
    memset(name, 'a', sizeof name);
    snprintf(longer, sizeof longer, "{\"connectTo\":[{\"from\":\"%.290s.io:12345\",\"to\":\"1.2.3.4:1\"}]}", name);
    assert_true(egress_configure(f->egress, slice_text(longer), NULL) < 0);
    assert_int_equal(egress_configure(f->egress, SLICE_LITERAL("{}"), NULL), 0);
}

/* One answer to whoever comes. */
static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char request[2048];
    int fd = accept(io->fd, NULL, NULL);
    assert_true(fd >= 0 && read(fd, request, sizeof request) > 0);
    assert_int_equal(write(fd, answer, sizeof answer - 1), sizeof answer - 1);
    close(fd);
}

static void test_ipv6(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        print_message("skipped: no IPv6 on this machine\n");
        skip();
    }
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    ev_io server;
    ev_io_init(&server, on_client, fd, EV_READ);
    ev_io_start(f->loop, &server);
    char uri[64], grants[80];
    snprintf(uri, sizeof uri, "http://[::1]:%u", ntohs(address.sin6_port));
    snprintf(grants, sizeof grants, "[\"%s\"]", uri);
    const struct msg_egress_result *r = CALL(.uri = uri, .grants = grants);
    assert_int_equal(r->code, 0);
    assert_int_equal(r->status, 204);
    assert_true(slice_is(r->address, "::1"));
    assert_int_equal(CALL(.uri = uri)->code, -SP_EDENIED);
    ev_io_stop(f->loop, &server);
    close(fd);
}

static void test_proxy_of_the_environment_is_not_used(void **state)
{
    struct fixture *f = *state;
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    assert_int_equal(CALL(.uri = "{home}/echo")->code, 0);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_headers_of_the_framing_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"Host", "content-length", "Transfer-Encoding", "Connection", "Expect", "Bad Name", "X:Y", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct msg_egress_result *r = CALL(.uri = "{home}/echo", .headers = {{names[i], "1"}});
        if (r->code != -SP_EINVALID || r->was_sent)
            fail_msg("%s: %d", names[i], r->code);
    }
    assert_int_equal(CALL(.uri = "{home}/echo", .headers = {{"X", "a\r\nEvil: 1"}})->code, -SP_EINVALID);
    assert_int_equal(CALL(.uri = "{home}/echo", .headers = {{"X", "a\nEvil: 1"}})->code, -SP_EINVALID);
    assert_true(result_has(CALL(.uri = "{home}/echo", .headers = {{"X-Empty", ""}}), "\"x-empty\": \"\""));
}

static void fails(struct fixture *f, const char *path, int code, bool was_sent)
{
    char uri[64];
    snprintf(uri, sizeof uri, "{home}%s", path);
    const struct msg_egress_result *r = CALL(.uri = uri, .timeout_ms = code == -SP_ETIMEOUT ? 1500 : 30000);
    if (r->code != code || r->was_sent != was_sent)
        fail_msg("%s: code %d, not %d; sent %d: %s", path, r->code, code, r->was_sent, result_text(r->reason));
    assert_true(r->reason.len > 0);
    assert_int_equal(r->body.len, 0);
}

static void test_hostile_answers(void **state)
{
    struct fixture *f = *state;
    fails(f, "/bomb", -SP_ELIMIT, true);
    fails(f, "/small-bomb", -SP_ELIMIT, true);
    fails(f, "/not-gzip", -SP_EUNAVAILABLE, true);
    fails(f, "/endless", -SP_ELIMIT, true);
    fails(f, "/lying", -SP_EUNAVAILABLE, true);
    fails(f, "/cut", -SP_EUNAVAILABLE, true);
    fails(f, "/many-headers", -SP_ELIMIT, true);
    fails(f, "/long-headers", -SP_ELIMIT, true);
    fails(f, "/http09", -SP_EUNAVAILABLE, true);
    const struct msg_egress_result *r = CALL(.uri = "{home}/gzip");
    assert_int_equal(r->code, 0);
    assert_int_equal(r->body.len, 6000);
    struct slice value;
    assert_false(wire_pairs_find(r->headers, "content-encoding", &value));
}

static void test_timeout(void **state)
{
    struct fixture *f = *state;
    int64_t began = clock_monotonic_ms();
    const struct msg_egress_result *r = CALL(.uri = "{home}/hang", .timeout_ms = 300);
    assert_int_equal(r->code, -SP_ETIMEOUT);
    assert_int_equal(r->was_sent, 1);
    assert_true(slice_is(r->address, "127.0.0.1"));
    assert_in_range(clock_monotonic_ms() - began, 290, 2000);
    assert_in_range(r->duration_ms, 290, 2000);
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    const struct msg_egress_result *r = CALL(.uri = "http://127.0.0.1:1/", .grants = "[\"http://127.0.0.1:1\"]");
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_sent, 0);
    r = CALL(.uri = "https://no.such.host.invalid/", .grants = "[\"https://no.such.host.invalid\"]");
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_sent, 0);
    r = CALL(.uri = "https://{home-authority}/", .grants = "[\"https://{home-authority}\"]"); /* no TLS there */
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_sent, 0);
}

static void read_certificate(const struct fixture *f, struct buffer *pem)
{
    uint8_t block[8192];
    FILE *file = fopen(f->certificate, "re");
    assert_non_null(file);
    assert_int_equal(buffer_append(pem, block, fread(block, 1, sizeof block, file)), 0);
    fclose(file);
}

static void test_tls_is_verified(void **state)
{
    struct fixture *f = *state;
    char uri[96], grants[192], redirect[160];
    if (f->certificate[0] == '-') {
        print_message("skipped: no openssl to make a certificate\n");
        skip();
    }
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u/echo", f->ports[3]);
    snprintf(grants, sizeof grants, "[\"https://127.0.0.1:%u\",\"https://localhost:%u\",\"{home}\"]", f->ports[3], f->ports[3]);
    const struct msg_egress_result *r = CALL(.uri = uri, .grants = grants); /* no authorities at all */
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(egress_set_authorities(f->egress, (struct slice){NULL, 0}), 0); /* those of the system */
    r = CALL(.uri = uri, .grants = grants, .auth = AUTH_BEARER, .use = "token");
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_sent, 0);
    _cleanup_buffer_ struct buffer pem = BUFFER_MAX(8192);
    read_certificate(f, &pem);
    assert_int_equal(egress_set_authorities(f->egress, buffer_slice(&pem)), 0);
    r = CALL(.uri = uri, .grants = grants, .auth = AUTH_BEARER, .use = "token");
    assert_int_equal(r->code, 0);
    assert_true(result_has(r, "\"authorization\": \"***\""));
    snprintf(uri, sizeof uri, "https://localhost:%u/echo", f->ports[3]); /* another name than the certificate's */
    r = CALL(.uri = uri, .grants = grants);
    assert_int_equal(r->code, -SP_EUNAVAILABLE);
    assert_int_equal(r->was_sent, 0);
    unsigned before = fixture_count(f, "{home}");
    snprintf(redirect, sizeof redirect, "https://127.0.0.1:%u/redirect?status=302&to=http%%3A//127.0.0.1:%u/", f->ports[3], f->ports[0]);
    assert_int_equal(CALL(.uri = redirect, .grants = grants, .follow = true)->code, -SP_EDENIED); /* from https to http */
    assert_int_equal(fixture_count(f, "{home}"), before);
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    unsigned before = f->n_results;
    fixture_begin(f, &(struct spec){.uri = "{home}/hang"}, 7);
    for (int i = 0; i < 5; i++)
        ev_run(f->loop, EVRUN_NOWAIT);
    egress_cancel(f->egress, 8);
    assert_int_equal(f->n_results, before);
    egress_cancel(f->egress, 7);
    assert_int_equal(f->n_results, before + 1);
    assert_int_equal(f->result.code, -ECANCELED);
    assert_int_equal(egress_n_open(f->egress), 0);
    egress_cancel(f->egress, 7);
    assert_int_equal(f->n_results, before + 1);
}

static void test_many_at_once(void **state)
{
    struct fixture *f = *state;
    unsigned before = f->n_results;
    f->vault_is_silent = true; /* so that none ends */
    for (uint64_t tag = 0; tag < LIMIT_EGRESS_OPEN; tag++)
        fixture_begin(f, &(struct spec){.uri = "{home}/echo", .auth = AUTH_BEARER, .use = "token"}, tag);
    assert_int_equal(egress_n_open(f->egress), LIMIT_EGRESS_OPEN);
    fixture_begin(f, &(struct spec){.uri = "{home}/echo"}, 99999);
    assert_int_equal(f->n_results, before + 1);
    assert_int_equal(f->result.code, -SP_EOVERLOAD);
    assert_int_equal(f->result.was_sent, 0);
    assert_int_equal(f->result.was_vault_away, 0);
    egress_vault_lost(f->egress);
    assert_int_equal(f->n_results, before + 1 + LIMIT_EGRESS_OPEN);
    assert_int_equal(f->result.code, -SP_EUNAVAILABLE);
    assert_int_equal(f->result.was_vault_away, 1); /* the engine need not have heard of it */
    f->vault_is_silent = false;
}

static void test_nonsense_of_the_engine_is_told(void **state)
{
    struct fixture *f = *state;
    assert_true(egress_call(f->egress, SLICE_LITERAL("nonsense")) < 0);
    assert_true(egress_call(f->egress, SLICE_LITERAL("")) < 0);
    struct buffer payload = BUFFER_MAX(LIMIT_FRAME);
    wire_encode_egress_call(&payload, &(struct msg_egress_call){.tag = 5, .grants = SLICE_LITERAL("[]"), .call = SLICE_LITERAL("x")});
    unsigned before = f->n_results;
    assert_int_equal(egress_call(f->egress, buffer_slice(&payload)), 0); /* the worker's nonsense, not the engine's */
    assert_int_equal(f->n_results, before + 1);
    assert_true(f->result.code < 0 && f->result.tag == 5);
    buffer_free(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call), cmocka_unit_test(test_methods), cmocka_unit_test(test_ungranted_is_refused),
        cmocka_unit_test(test_resolved_address_is_judged), cmocka_unit_test(test_connect_to), cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_proxy_of_the_environment_is_not_used), cmocka_unit_test(test_headers_of_the_framing_are_refused),
        cmocka_unit_test(test_hostile_answers), cmocka_unit_test(test_timeout), cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_tls_is_verified),
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_nonsense_of_the_engine_is_told),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
