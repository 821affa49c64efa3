/* What an upstream answers to a call that carries a credential, in bytes: heads, bodies, codings, redirects,
 * challenges; one connection after the other, up to and from a 0x1e. The workflow may call one address alone.
 * Must hold: one answer; the credential's value is nowhere in it, though the upstream knows it [I2]; no
 * request leaves for another origin [I7]; within the limits [I6]; what is said of a body is true. Byte 0
 * chooses the method and whether redirects are followed. */
#include <ev.h>

#include "base/error.h"
#include "base/must.h"
#include "crypto/crypto.h"
#include "egress/egress.h"
#include "stand_in_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE  "a-value-that-comes-back"
#define ROUNDS 400

struct question {
    uint64_t tag;
    uint8_t form;
};

static struct ev_loop *loop;
static struct egress *egress;
static unsigned n_answers;
static struct buffer asked = BUFFER_MAX(64 * sizeof(struct question));

static int ask(const struct msg_vault_use *question, void *user)
{
    must(slice_is(question->scheme, "http") && slice_is(question->host, "127.0.0.1") && question->port == 80);
    const struct question q = {.tag = question->tag, .form = question->form};
    return buffer_append(&asked, &q, sizeof q);
}

static void answer_asked(void)
{
    while (asked.len) {
        struct question q;
        memcpy(&q, asked.p, sizeof q);
        buffer_consume(&asked, sizeof q);
        bool is_header = q.form == CREDENTIAL_FORM_HEADER;
        egress_value(egress, &(struct msg_vault_value){
                                 .tag = q.tag,
                                 .header = is_header ? SLICE_LITERAL("Authorization") : slice_text(""),
                                 .value = is_header ? SLICE_LITERAL("Bearer " VALUE) : SLICE_LITERAL(VALUE)});
    }
}

static bool holds_value(struct slice s)
{
    return s.len && memmem(s.p, s.len, VALUE, strlen(VALUE));
}

static void on_answer(const struct msg_egress_result *m, void *user)
{
    uint8_t digest[CRYPTO_HASH_LEN];
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_FRAME);
    struct msg_egress_result again;
    must(++n_answers == 1);
    wire_encode_egress_result(&b, m);
    must(buffer_error(&b) == 0 && wire_decode_egress_result(buffer_slice(&b), &again) == 0);
    must(!holds_value(buffer_slice(&b)));
    must(m->code <= 0 && (m->code == 0 || m->reason.len) && m->body.len <= LIMIT_BODY &&
         m->headers.len <= LIMIT_HEADERS);
    crypto_sha256(m->body, digest);
    must(m->code < 0 || memcmp(digest, m->response_digest, sizeof digest) == 0);
    must(m->code < 0 || slice_starts(m->uri, "http://127.0.0.1/"));
    struct slice headers = m->headers, name, value;
    int r;
    while ((r = wire_pairs_next(&headers, &name, &value)) > 0)
        must(name.len && !memchr(value.p ? value.p : name.p, '\n', value.len));
    must(r == 0);
}

static void start(void)
{
    static const struct egress_peers peers = {ask, on_answer};
    must(crypto_init() == 0);
    loop = ev_loop_new(EVFLAG_NOENV);
    must(egress_new(loop, &peers, NULL, &egress) == 0);
}

static void call(uint8_t how)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "POST"};
    _cleanup_buffer_ struct buffer payload = BUFFER_MAX(LIMIT_FRAME), effect = BUFFER_MAX(LIMIT_FRAME / 2),
                                   secrets = BUFFER_MAX(256);
    const char *method = methods[how % 4];
    struct msg_effect_call c = {.method = slice_text(method),
                                .uri = SLICE_LITERAL("http://127.0.0.1/a/b"),
                                .path_template = SLICE_LITERAL("/a/b"),
                                .body = how % 4 >= 2 ? SLICE_LITERAL("{}") : (struct slice){},
                                .follow_redirects = how >> 2 & 1,
                                .auth = how & 8 ? AUTH_DIGEST : AUTH_BEARER,
                                .auth_use = SLICE_LITERAL("token"),
                                .timeout_ms = 60000};
    wire_pairs_put(&secrets, SLICE_LITERAL("token"), SLICE_LITERAL(""));
    wire_encode_effect_call(&effect, &c);
    wire_encode_egress_call(&payload,
                            &(struct msg_egress_call){.tag = 1,
                                                      .ns = SLICE_LITERAL("default"),
                                                      .secrets = buffer_slice(&secrets),
                                                      .grants = SLICE_LITERAL("[\"http://127.0.0.1\"]"),
                                                      .idempotency_key = SLICE_LITERAL("k"),
                                                      .call = buffer_slice(&effect)});
    must(egress_call(egress, buffer_slice(&payload)) == 0);
}

static size_t count(struct slice s, const char *text)
{
    size_t n = 0, len = strlen(text);
    for (const uint8_t *at; s.len && (at = memmem(s.p, s.len, text, len)); n++)
        s = slice_of(at + len, s.len - (size_t)(at + len - s.p));
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 1u << 16)
        return 0;
    if (!loop)
        start();
    stand_in_net_answers(slice_of(data + 1, size - 1), 80);
    n_answers = 0;
    call(data[0]);
    for (unsigned i = 0; i < ROUNDS && !n_answers; i++) {
        answer_asked();
        ev_run(loop, EVRUN_NOWAIT);
    }
    if (!n_answers)
        egress_cancel(egress, 1);
    must(n_answers == 1 && egress_n_open(egress) == 0);
    buffer_clear(&asked);
    struct slice requests = stand_in_net_requests();
    must(count(requests, "\r\nHost: ") == count(requests, "\r\nHost: 127.0.0.1\r\n"));
    stand_in_net_clear();
    return 0;
}
