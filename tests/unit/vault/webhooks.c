/* Webhook schemes: published vectors are accepted; whatever a sender or a replayer can change is refused, with one code. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"
#include "wire/codec.h"

#define GITHUB_SECRET   "It's a Secret to Everybody"
#define GITHUB_BODY     "Hello, World!"
#define GITHUB_SIGNED   "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define STANDARD_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STANDARD_ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define STANDARD_AT     "1614265330"
#define STANDARD_BODY   "{\"test\": 2432232314}"
#define STANDARD_SIGNED "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SLACK_SECRET    "8f742231b10e8888abcd99yyyzzz85a5" /* api.slack.com, "Verifying requests from Slack" */
#define SLACK_AT        "1531420618"
#define SLACK_BODY                                                                                               \
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&"    \
    "user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F" \
    "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d1"    \
    "0d2c447fce8b6703c"
#define SLACK_SIGNED "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

struct fixture {
    enum webhook_scheme scheme;
    const char *secret, *body;
    const char *headers[12]; /* name, value, …, NULL */
    int64_t now_s;
    char delivery[160];
    struct diag why;
};

static int verify(struct fixture *f)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(8192), delivery = BUFFER_MAX(LIMIT_NAME);
    for (size_t i = 0; f->headers[i]; i += 2)
        wire_pairs_put(&headers, slice_text(f->headers[i]), slice_text(f->headers[i + 1]));
    struct webhook_delivery d = {buffer_slice(&headers), slice_text(f->body), f->now_s * 1000 + 999, 300};
    f->why = (struct diag){0};
    int r = webhook_verify(f->scheme, slice_text(f->secret), &d, &delivery, &f->why);
    (void)snprintf(f->delivery, sizeof f->delivery, "%s", buffer_text(&delivery));
    return r;
}

static void accepted(struct fixture f)
{
    if (verify(&f) != 0)
        fail_msg("refused: %s", f.why.text);
}

static void refused(struct fixture f)
{
    int r = verify(&f);
    if (r != -SP_EUNAUTHENTICATED)
        fail_msg("answered %d (%s)", r, f.why.text);
    assert_string_equal(f.delivery, "");
    assert_true(f.why.text[0]);
    assert_null(strstr(f.why.text, f.secret));
}

static struct fixture github(void)
{
    return (struct fixture){WEBHOOK_GITHUB, GITHUB_SECRET, GITHUB_BODY, {"X-Hub-Signature-256", GITHUB_SIGNED, "X-GitHub-Delivery", "1"}, 0};
}

static struct fixture standard(void)
{
    return (struct fixture){WEBHOOK_STANDARD, STANDARD_SECRET, STANDARD_BODY,
                            {"webhook-id", STANDARD_ID, "webhook-timestamp", STANDARD_AT, "webhook-signature", STANDARD_SIGNED},
                            1614265330};
}

static struct fixture slack(void)
{
    return (struct fixture){WEBHOOK_SLACK, SLACK_SECRET, SLACK_BODY,
                            {"X-Slack-Request-Timestamp", SLACK_AT, "X-Slack-Signature", SLACK_SIGNED}, 1531420618};
}

static void sign_standard(const char *secret, const char *text, char ret[80])
{
    uint8_t mac[32];
    crypto_hmac_sha256(slice_text(secret), &(struct slice){(const uint8_t *)text, strlen(text)}, 1, mac);
    _cleanup_buffer_ struct buffer base64 = BUFFER_MAX(80);
    buffer_append_base64(&base64, slice_of(mac, 32));
    (void)snprintf(ret, 80, "v1,%s", buffer_text(&base64));
}

/* Made as the documentation says, since Stripe publishes no fixed vector. */
static struct fixture stripe(char header[512], const char *signed_at, const char *format)
{
    uint8_t mac[32];
    struct slice parts[] = {slice_text(signed_at), SLICE_LITERAL(".{\"id\":\"evt_1\"}")};
    crypto_hmac_sha256(SLICE_LITERAL("whsec_test_secret"), parts, 2, mac);
    _cleanup_buffer_ struct buffer hex = BUFFER_MAX(65);
    buffer_append_hex(&hex, slice_of(mac, 32));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(header, 512, format, buffer_text(&hex));
#pragma GCC diagnostic pop
    return (struct fixture){WEBHOOK_STRIPE, "whsec_test_secret", "{\"id\":\"evt_1\"}", {"Stripe-Signature", header}, 1700000000};
}

static void test_github(void **state)
{
    accepted(github());
    struct fixture f = github();
    f.body = "Hello, World?";
    refused(f);
    f = github();
    f.secret = "It's a Secret to Nobody ..";
    refused(f);
    static const char *const bad[] = {"", "sha256=", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                                      "sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                                      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1",
                                      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1700",
                                      "sha256= 757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                                      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1g"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f = github();
        f.headers[1] = bad[i];
        refused(f);
    }
}

/* The replayer's move: a genuine delivery with another id, or with the digits of the signature in capitals. */
static void test_github_replay(void **state)
{
    struct fixture first = github(), again = github(), other = github(), capitals = github();
    other.headers[3] = "2";
    capitals.headers[1] = "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17";
    assert_int_equal(verify(&first), 0);
    assert_int_equal(verify(&again), 0);
    assert_int_equal(verify(&other), 0);
    assert_int_equal(verify(&capitals), 0);
    assert_true(first.delivery[0]);
    assert_string_equal(first.delivery, again.delivery);
    assert_string_not_equal(first.delivery, other.delivery); /* the same body sent in earnest under another id */
    assert_string_equal(first.delivery, capitals.delivery);
    assert_null(strstr(first.delivery, "757107ea")); /* no live signature in a cache or log */
    /* Nor is one delivery taken for another because the sender repeats an id, or has none. */
    struct fixture body = github();
    body.body = "Hello, World?";
    body.headers[1] = "sha256=319468fd7ae6faec323482b683bcff145fe8b1fc66e17a0bc724cf6d0de2f22f";
    assert_int_equal(verify(&body), 0);
    assert_string_not_equal(first.delivery, body.delivery);
}

static void test_repeated_headers(void **state)
{
    struct fixture f = github();
    f.headers[2] = "x-hub-signature-256";
    f.headers[3] = GITHUB_SIGNED;
    refused(f);
    f = standard();
    f.headers[6] = "WEBHOOK-TIMESTAMP";
    f.headers[7] = STANDARD_AT;
    refused(f);
    f = standard();
    f.headers[6] = "Webhook-Id";
    f.headers[7] = "other";
    refused(f);
}

static void test_missing_headers(void **state)
{
    struct fixture all[] = {github(), standard(), slack()};
    for (size_t i = 0; i < 3; i++)
        for (size_t h = 0; all[i].headers[h]; h += 2) {
            struct fixture f = all[i];
            f.headers[h] = "X-Other";
            if (strcmp(all[i].headers[h], "X-GitHub-Delivery") != 0)
                refused(f);
        }
    refused((struct fixture){WEBHOOK_STRIPE, "whsec_x", "", {NULL}, 0});
    refused((struct fixture){WEBHOOK_BEARER, "a key of enough bytes", "", {NULL}, 0});
}

static void test_standard(void **state)
{
    accepted(standard());
    struct fixture f = standard();
    f.headers[5] = "v1,AAAA v2,zzzz " STANDARD_SIGNED " v1a,xyz";
    accepted(f);
    static const char *const bad[] = {"", "v1", "v1,", "v1a" ",g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                                      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
                                      "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1;g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                                      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,v1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f = standard();
        f.headers[5] = bad[i];
        refused(f);
    }
    static const struct {
        int header;
        const char *value;
    } changed[] = {{1, "msg_other"}, {1, ""}, {1, "a.b"}, {3, "1614265331"}, {3, "01614265330"}, {3, "1614265330 "}, {3, "-1"}, {3, ""}};
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        f = standard();
        f.headers[changed[i].header] = changed[i].value;
        refused(f);
    }
    f = standard();
    f.secret = "whsec_!";
    refused(f);
    f.secret = "whsec_"; /* who knows that it is empty can sign */
    assert_int_equal(verify(&f), -SP_EUNAUTHENTICATED);
    assert_string_equal(f.why.text, "the webhook-key of this route begins with whsec_ but is not base64");
}

/* "ID.TIME.BODY" must have one reading: shifting a piece over a dot must not keep the signature. */
static void test_standard_shift(void **state)
{
    struct fixture f = standard();
    f.headers[1] = STANDARD_ID "." STANDARD_AT;
    f.headers[3] = "{\"test\": 2432232314}";
    f.body = "";
    refused(f);
    /* A body that is a number and a fraction: its front would be a time, as fresh as the one who shifts it likes. */
    char signature[80];
    sign_standard("secret of a sender", "msg.1500000000.1614265330.5", signature);
    f = (struct fixture){WEBHOOK_STANDARD, "secret of a sender", "1614265330.5",
                         {"webhook-id", "msg", "webhook-timestamp", "1500000000", "webhook-signature", signature}, 1500000000};
    accepted(f);
    f.headers[1] = "msg.1500000000";
    f.headers[3] = "1614265330";
    f.body = "5";
    f.now_s = 1614265330;
    refused(f);
}

static void test_signature_count(void **state)
{
    _cleanup_buffer_ struct buffer many = BUFFER_MAX(8000);
    for (int i = 0; i < WEBHOOK_SIGNATURES_MAX; i++)
        buffer_append_text(&many, "v1,AAAA ");
    buffer_append_text(&many, STANDARD_SIGNED);
    struct fixture f = standard();
    f.headers[5] = buffer_text(&many);
    refused(f);
}

static void test_time(void **state)
{
    static const struct {
        int64_t off;
        bool ok;
    } cases[] = {{0, true}, {300, true}, {301, false}, {-300, true}, {-301, false}, {100000000, false}, {-1600000000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[512];
        struct fixture all[] = {standard(), slack(), stripe(header, "1700000000", "t=1700000000,v1=%s")};
        for (size_t k = 0; k < 3; k++) {
            if (k == 1 && cases[i].off == -1600000000)
                all[k].now_s = 0;
            all[k].now_s += cases[i].off;
            (cases[i].ok ? accepted : refused)(all[k]);
        }
    }
}

static void test_slack(void **state)
{
    accepted(slack());
    struct fixture f = slack();
    f.headers[1] = "1531420619";
    refused(f);
    f = slack();
    f.headers[3] = "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    refused(f);
    f = slack();
    f.body = SLACK_BODY "&x=1";
    refused(f);
}

static void test_stripe(void **state)
{
    static const char *const good[] = {"t=1700000000,v1=%s", "v1=%s,t=1700000000", "t=1700000000,v0=abc,v1=00,v1=%s,x"};
    static const char *const bad[] = {"t=1700000001,v1=%s", "t=1700000000,v0=%s", "v1=%s", "t=1700000000,t=1700000000,v1=%s",
                                      "t=,v1=%s", "t=1700000000, v1=%s", "t=1700000000;v1=%s", "t=1700000000,v1=0%s"};
    char header[512];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        accepted(stripe(header, "1700000000", good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(stripe(header, "1700000000", bad[i]));
    static const char *const sixteen = "t=1700000000,v1=0,v1=1,v1=2,v1=3,v1=4,v1=5,v1=6,v1=7,v1=8,v1=9,v1=a,v1=b,v1=c,v1=d,v1=e,v1=%s";
    char more[512];
    accepted(stripe(header, "1700000000", sixteen));
    (void)snprintf(more, sizeof more, "%s,v1=f", sixteen);
    refused(stripe(header, "1700000000", more)); /* one more than any sender has */
    refused(stripe(header, "", "t=,v1=%s"));             /* well signed, but no time */
    refused(stripe(header, "+1700000000", "t=+1700000000,v1=%s"));
}

static void test_bearer(void **state)
{
    struct fixture f = {WEBHOOK_BEARER, "a key of enough bytes", "", {"Authorization", "Bearer a key of enough bytes"}, 0};
    accepted(f);
    f.headers[1] = "bearer a key of enough bytes";
    accepted(f);
    static const char *const bad[] = {"", "Bearer ", "Bearer", "a key of enough bytes", "Bearer  a key of enough bytes", "Bearer a key of enough byte",
                                      "Bearer a key of enough bytes ", "Basic a key of enough bytes"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f.headers[1] = bad[i];
        refused(f);
    }
}

static void test_unknown_scheme(void **state)
{
    struct webhook_delivery d = {0};
    _cleanup_buffer_ struct buffer delivery = BUFFER_MAX(LIMIT_NAME);
    assert_int_equal(webhook_verify(WEBHOOK_NONE, SLICE_LITERAL("x"), &d, &delivery, NULL), -SP_EINVALID);
    assert_int_equal(webhook_verify((enum webhook_scheme)77, SLICE_LITERAL("x"), &d, &delivery, NULL), -SP_EINVALID);
}

static int setup(void **state)
{
    return crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_github),         cmocka_unit_test(test_github_replay),   cmocka_unit_test(test_repeated_headers),
        cmocka_unit_test(test_missing_headers), cmocka_unit_test(test_standard),       cmocka_unit_test(test_standard_shift),
        cmocka_unit_test(test_signature_count), cmocka_unit_test(test_time),           cmocka_unit_test(test_slack),
        cmocka_unit_test(test_stripe),         cmocka_unit_test(test_bearer),          cmocka_unit_test(test_unknown_scheme),
    };
    return cmocka_run_group_tests_name("vault/webhooks", tests, setup, NULL);
}
