/* Faults under egress: the N-th allocation fails, of our code, libcurl and jansson, from the start to the answer of a whole call, against
 * upstreams that end in this process (stand_in_net.h). Each call has one answer; the credential is nowhere in it [I2]; what is said not
 * to have been sent was not sent, since such a call may be repeated; no request leaves without its credential; and nothing is
 * refused for good, as denied or malformed, because there was no memory to look at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ev.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "egress/egress.h"
#include "egress/grant_cache.h"
#include "egress/redirect.h"
#include "egress/scrub.h"
#include "faults.h"
#include "stand_in_net.h"

#define VALUE      "a-value-that-comes-back"
#define NONCE      "0123456789abcdef"
#define HANDLE     "sph1.gaytemzugu3doobzmfrggzdfmy.0.e"
#define EVERYWHERE "[\"http://127.0.0.1\",\"http://api.example.com\"]"
#define CONFIG     "{\"allowHttp\":true,\"connectTo\":[{\"from\":\"api.example.com:80\",\"to\":\"127.0.0.1:80\"}]}"
#define TICK_S     0.02
#define TICKS      15 /* without an answer: libcurl has lost the transfer, which our deadline would end */
#define QUESTIONS  8

static struct ev_loop *loop;
static struct egress *egress;
static struct {
    unsigned n, ticks;
    struct buffer payload; /* of the answer, which borrows from it */
    struct msg_egress_result result;
    struct {
        uint64_t tag;
        uint8_t form;
    } asked[QUESTIONS];
    unsigned n_asked;
} seen = {.payload = BUFFER_MAX(LIMIT_FRAME)};

/* --- the peers --------------------------------------------------------------------------------------------------------- */

static int ask(const struct msg_vault_use *question, void *user)
{
    assert_true(seen.n_asked < QUESTIONS);
    seen.asked[seen.n_asked].tag = question->tag;
    seen.asked[seen.n_asked++].form = question->form;
    return 0;
}

static void answer_asked(void)
{
    unsigned n = seen.n_asked;
    seen.n_asked = 0;
    for (unsigned i = 0; i < n; i++) {
        bool is_header = seen.asked[i].form == CREDENTIAL_FORM_HEADER;
        egress_value(egress, &(struct msg_vault_value){.tag = seen.asked[i].tag,
                                                       .header = is_header ? SLICE_LITERAL("Authorization") : (struct slice){},
                                                       .value = is_header ? SLICE_LITERAL("Bearer " VALUE) : SLICE_LITERAL(VALUE)});
    }
}

static void on_answer(const struct msg_egress_result *result, void *user)
{
    fault_pause();
    seen.n++;
    buffer_clear(&seen.payload);
    wire_encode_egress_result(&seen.payload, result);
    assert_int_equal(wire_decode_egress_result(buffer_slice(&seen.payload), &seen.result), 0);
    fault_resume();
}

static void on_tick(struct ev_loop *l, ev_timer *timer, int events)
{
    seen.ticks++;
}

/* --- calls ------------------------------------------------------------------------------------------------------------- */

#define MOVED "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/b?x=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n\x1e"
#define WHO                                                                                                                        \
    "HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n"                   \
    "Content-Length: 0\r\nConnection: close\r\n\r\n\x1e"
#define FINE "HTTP/1.1 200 OK\r\nX-Echo: Bearer " VALUE "\r\nContent-Length: 33\r\nConnection: close\r\n\r\n{\"got\":\"" VALUE "\"}"

static const struct call_case {
    const char *name, *answers;
    struct msg_effect_call call;
    const char *header[2];
    const char *credential; /* is in each request that leaves; NULL: not looked for */
    uint16_t unanswered;    /* the challenge itself, which is all that there is when libcurl has no memory to answer it */
} cases[] = {
    {.name = "bearer, redirect",
     .answers = MOVED FINE,
     .credential = "Authorization: Bearer " VALUE "\r\n",
     .call = {.method = SLICE_LITERAL("GET"),
              .uri = SLICE_LITERAL("http://127.0.0.1/a"),
              .auth = AUTH_BEARER,
              .follow_redirects = 1,
              .auth_use = SLICE_LITERAL("token")}},
    {.name = "handles in each place",
     .answers = FINE,
     .credential = "X-Key: k=" VALUE "\r\n",
     .header = {"X-Key", "k=" HANDLE},
     .call = {.method = SLICE_LITERAL("POST"),
              .uri = SLICE_LITERAL("http://api.example.com/a?key=" HANDLE),
              .body = SLICE_LITERAL("key=" HANDLE)}},
    {.name = "digest",
     .answers = WHO FINE,
     .unanswered = 401,
     .call = {.method = SLICE_LITERAL("GET"),
              .uri = SLICE_LITERAL("http://127.0.0.1/a"),
              .auth = AUTH_DIGEST,
              .auth_use = SLICE_LITERAL("token")}},
    {.name = "digest from texts",
     .answers = WHO FINE,
     .unanswered = 401,
     .call = {.method = SLICE_LITERAL("GET"),
              .uri = SLICE_LITERAL("http://127.0.0.1/a"),
              .auth = AUTH_DIGEST,
              .auth_username = SLICE_LITERAL("ann"),
              .auth_password = SLICE_LITERAL(HANDLE)}},
    {.name = "basic from texts",
     .answers = FINE,
     .credential = "Authorization: Basic YW5uOmEtdmFsdWUtdGhhdC1jb21lcy1iYWNr\r\n",
     .call = {.method = SLICE_LITERAL("PUT"),
              .uri = SLICE_LITERAL("http://127.0.0.1/a"),
              .auth = AUTH_BASIC,
              .body = SLICE_LITERAL("{}"),
              .auth_username = SLICE_LITERAL("ann"),
              .auth_password = SLICE_LITERAL(HANDLE)}},
};

static void encode(const struct call_case *c, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(1024), secrets = BUFFER_MAX(256), effect = BUFFER_MAX(LIMIT_TEXT);
    struct msg_effect_call call = c->call;
    if (c->header[0])
        wire_pairs_put(&headers, slice_text(c->header[0]), slice_text(c->header[1]));
    wire_pairs_put(&secrets, SLICE_LITERAL("token"), SLICE_LITERAL(""));
    call.headers = buffer_slice(&headers);
    wire_encode_effect_call(&effect, &call);
    struct msg_egress_call m = {.tag = 1,
                                .ns = SLICE_LITERAL("default"),
                                .secrets = buffer_slice(&secrets),
                                .grants = SLICE_LITERAL(EVERYWHERE),
                                .idempotency_key = SLICE_LITERAL("k"),
                                .call = buffer_slice(&effect)};
    memcpy(m.nonce, NONCE, sizeof m.nonce);
    wire_encode_egress_call(ret, &m);
    assert_int_equal(buffer_error(ret), 0);
}

static size_t count(struct slice s, const char *text)
{
    size_t n = 0, len = strlen(text);
    for (const uint8_t *at; s.len && (at = memmem(s.p, s.len, text, len)); n++)
        s = slice_of(at + len, (size_t)(s.p + s.len - at) - len);
    return n;
}

static void look(const struct call_case *c)
{
    const struct msg_egress_result *r = &seen.result;
    struct slice requests = stand_in_net_requests();
    assert_int_equal(seen.n, 1);
    assert_int_equal(count(buffer_slice(&seen.payload), VALUE), 0);
    if (requests.len && !r->was_sent)
        fail_msg("%s: said not to be sent:\n%.*s", c->name, SLICE_ARGS(requests));
    if (c->credential && count(requests, "\r\n\r\n") != count(requests, c->credential))
        fail_msg("%s: a request without its credential:\n%.*s", c->name, SLICE_ARGS(requests));
    if (r->code < 0)
        assert_true(r->reason.len > 0 && r->body.len == 0);
    else if (r->status == c->unanswered)
        assert_int_equal(r->body.len, 0);
    else if (r->status != 200 || !slice_is(r->body, "{\"got\":\"***\"}") || count(r->headers, "***") != 1)
        fail_msg("%s: status %u, %.*s", c->name, r->status, SLICE_ARGS(r->body));
}

static int make(struct slice call)
{
    static const struct egress_peers peers = {ask, on_answer};
    int r = egress_new(loop, &peers, NULL, &egress);
    if (r < 0)
        return r;
    r = egress_configure(egress, SLICE_LITERAL(CONFIG), NULL);
    if (r == 0)
        r = egress_call(egress, call);
    while (r == 0 && seen.n == 0 && seen.ticks < TICKS) {
        answer_asked();
        if (seen.n == 0)
            ev_run(loop, seen.n_asked ? EVRUN_NOWAIT : EVRUN_ONCE);
    }
    if (r == 0 && seen.n == 0)
        egress_cancel(egress, 1);
    return r;
}

static int whole_call(const struct call_case *c, struct slice call)
{
    seen.n = seen.ticks = seen.n_asked = 0;
    egress = NULL;
    stand_in_net_answers(slice_text(c->answers), 80);
    int r = make(call);
    fault_pause();
    if (r == 0) {
        look(c);
        assert_int_equal(egress_n_open(egress), 0);
        r = seen.result.code;
    }
    egress_free(egress);
    stand_in_net_clear();
    return r;
}

static void calls(void **state)
{
    ev_timer tick;
    ev_timer_init(&tick, on_tick, TICK_S, TICK_S);
    ev_timer_start(loop, &tick);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_buffer_ struct buffer call = BUFFER_MAX(LIMIT_FRAME);
        encode(&cases[i], &call);
        /* libcurl has other words for it, and loses a transfer whose socket cannot be watched. */
        struct fault_loop f = FAULT_LOOP(cases[i].name, .also = {-SP_EUNAVAILABLE, -ECANCELED});
        while (fault_next(&f))
            fault_judge(&f, whole_call(&cases[i], buffer_slice(&call)));
    }
    ev_timer_stop(loop, &tick);
    buffer_free(&seen.payload);
}

/* --- its parts --------------------------------------------------------------------------------------------------------- */

static int start(void)
{
    static const struct egress_peers peers = {ask, on_answer};
    struct egress *e = NULL;
    int r = egress_new(loop, &peers, NULL, &e);
    if (r == 0)
        r = egress_configure(e, SLICE_LITERAL(CONFIG), NULL);
    if (r == 0)
        r = egress_set_authorities(e, SLICE_LITERAL("more"));
    egress_free(e);
    return r;
}

static void starts(void **state)
{
    struct fault_loop f = FAULT_LOOP("start");
    while (fault_next(&f))
        fault_judge(&f, start());
}

/* A form that could not be kept is an error, never a gap. */
static int scrub(bool is_header, struct slice value, struct slice text)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(LIMIT_TEXT);
    struct scrub *s = NULL;
    int r = scrub_new(&s);
    if (r == 0)
        r = is_header ? scrub_add_header(s, value) : scrub_add(s, value);
    if (r == 0)
        r = scrub_apply(s, text, &out);
    if (r >= 0)
        assert_true(r == 1 && slice_is(buffer_slice(&out), "*** *** ***"));
    scrub_free(s);
    return r < 0 ? r : 0;
}

static void scrubs(void **state)
{
    struct fault_loop f = FAULT_LOOP("scrub");
    while (fault_next(&f))
        fault_judge(
            &f,
            scrub(false, SLICE_LITERAL("<k\xc3\xa9y \xf0\x9f\x97\x9d>"),
                  SLICE_LITERAL("<k\xc3\xa9y \xf0\x9f\x97\x9d> \\u003ck\xc3\xa9y \xf0\x9f\x97\x9d\\u003e 3c6bc3a97920f09f979d3e")));
    struct fault_loop h = FAULT_LOOP("scrub of a header");
    while (fault_next(&h))
        fault_judge(&h, scrub(true, SLICE_LITERAL("Basic YW5uOmh1bnRlcjIyIQ=="),
                              SLICE_LITERAL("ann:hunter22! hunter22! YW5uOmh1bnRlcjIyIQ==")));
}

static int resolve(void)
{
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(LIMIT_URI);
    int r = redirect_resolve("http://127.0.0.1/a/b", SLICE_LITERAL("../c d?e#f"), &uri);
    if (r == 0)
        assert_true(slice_is(buffer_slice(&uri), "http://127.0.0.1/c%20d?e"));
    return r;
}

static void redirects(void **state)
{
    struct fault_loop f =
        FAULT_LOOP("redirect", .also = {-SP_EINVALID}); /* libcurl's, without memory to put base and reference together */
    while (fault_next(&f))
        fault_judge(&f, resolve());
}

static int hold_twice(void)
{
    struct grant_cache *cache = NULL;
    struct grant_entry *first = NULL, *second = NULL;
    struct diag why = {};
    int r = grant_cache_new(&cache);
    if (r == 0)
        r = grant_cache_hold(cache, SLICE_LITERAL(EVERYWHERE), &first, &why);
    if (r == 0)
        r = grant_cache_hold(cache, SLICE_LITERAL("[]"), &second, &why);
    grant_cache_release(first);
    grant_cache_release(second);
    grant_cache_free(cache);
    return r;
}

static void grants(void **state)
{
    struct fault_loop f = FAULT_LOOP("grants");
    while (fault_next(&f))
        fault_judge(&f, hold_twice());
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0 || !(loop = ev_loop_new(EVFLAG_NOENV)))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(grants), cmocka_unit_test(scrubs), cmocka_unit_test(starts),
                                       cmocka_unit_test(redirects), cmocka_unit_test(calls)};
    int failed = cmocka_run_group_tests_name("fault/egress", tests, NULL, NULL);
    ev_loop_destroy(loop);
    return failed;
}
