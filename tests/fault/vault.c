/* Faults under the vault: the N-th allocation fails in everything that it does for engine and egress. Nothing is taken for
 * altered, denied or absent because there was no memory to look at it, and nothing is half done. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/error.h"
#include "crypto/credential_box.h"
#include "crypto/merkle.h"
#include "crypto/root_key.h"
#include "faults.h"
#include "vault/checkpoint.h"
#include "vault/table.h"
#include "vault/value.h"
#include "vault/webhook/webhook.h"
#include "wire/codec.h"

#define ORIGINS "{\"origins\":[\"https://api.example.com\"],\"methods\":[\"GET\",\"POST\"],\"header\":\"X-Api-Key\"}"
#define BEARER_POLICY "{\"origins\":[\"https://api.example.com\"]}"

static struct vault_keys *keys;

/* --- keys ------------------------------------------------------------------------------------------------------------ */

static int root_key_and_children(void)
{
    _cleanup_buffer_ struct buffer file = {.max = ROOT_KEY_FILE_MAX, .secret = true};
    _cleanup_secret_ struct secret *root = NULL;
    _cleanup_keys_ struct vault_keys *children = NULL;
    int r = root_key_create((struct slice){}, &file);
    r = r < 0 ? r : root_key_open(buffer_slice(&file), (struct slice){}, &root);
    return r < 0 ? r : vault_keys_derive(root, &children);
}

static void root_key(void **state)
{
    struct fault_loop f = FAULT_LOOP("root key");
    while (fault_next(&f))
        fault_judge(&f, root_key_and_children());
}

static int namespace_key_twice(void)
{
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(256);
    uint8_t made[CRYPTO_KEY_LEN] = {1}, opened[CRYPTO_KEY_LEN] = {2};
    int r = namespace_key_create(keys, SLICE_LITERAL("default"), &wrapped, made);
    r = r < 0 ? r : namespace_key_open(keys, SLICE_LITERAL("default"), buffer_slice(&wrapped), opened);
    if (r == 0)
        assert_memory_equal(made, opened, sizeof made);
    return r;
}

static void namespace_key(void **state)
{
    struct fault_loop f = FAULT_LOOP("namespace key");
    while (fault_next(&f))
        fault_judge(&f, namespace_key_twice());
}

/* --- credentials ----------------------------------------------------------------------------------------------------- */

static const struct {
    enum credential_kind kind;
    const char *policy, *value, *header;
} credentials[] = {
    {CREDENTIAL_BEARER, BEARER_POLICY, "abc.def.ghi", "Bearer abc.def.ghi"},
    {CREDENTIAL_BASIC, BEARER_POLICY, "{\"username\":\"Aladdin\",\"password\":\"open sesame\"}", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {CREDENTIAL_API_KEY, ORIGINS, "0123456789", "0123456789"},
    {CREDENTIAL_WEBHOOK_KEY, "{}", "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE=", NULL},
};

static const struct credential_label label = {SLICE_LITERAL("default"), SLICE_LITERAL("crm"), 3};

static int wrap(size_t i, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(LIMIT_CREDENTIAL + 128);
    struct slice policy = slice_text(credentials[i].policy);
    struct credential_purpose purpose = {label.ns, label.name, slice_text(credential_kind_text((int)credentials[i].kind)), policy};
    struct diag why = {};
    int r = credential_box_seal(keys->box_public, &purpose, slice_text(credentials[i].value), &box);
    return r < 0 ? r : credential_wrap(keys, &label, credentials[i].kind, policy, buffer_slice(&box), ret, &why);
}

static int use(const struct credential *c, const char *expected)
{
    _cleanup_buffer_ struct buffer value = {.max = LIMIT_CREDENTIAL + 64, .secret = true};
    struct credential_ask ask = {SLICE_LITERAL("https"), SLICE_LITERAL("api.example.com"), 443, SLICE_LITERAL("GET"),
                                 CREDENTIAL_IN_HEADER, CREDENTIAL_FORM_HEADER};
    struct slice header;
    struct diag why = {};
    int r = credential_use(c, &ask, &header, &value, &why);
    if (r == 0)
        assert_true(slice_is(buffer_slice(&value), expected));
    return r;
}

/* What was wrapped under a fault must open without one: a value that is lost in its wrapping is lost for good. */
static int credential_life(size_t i)
{
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    _cleanup_credential_ struct credential *c = NULL, *again = NULL;
    struct diag why = {};
    int r = wrap(i, &wrapped);
    if (r < 0)
        return r;
    r = credential_unwrap(keys, &label, buffer_slice(&wrapped), &c, &why);
    r = r < 0 || !credentials[i].header ? r : use(c, credentials[i].header);
    fault_pause();
    if (credential_unwrap(keys, &label, buffer_slice(&wrapped), &again, &why) < 0)
        fail_msg("what was wrapped does not open: %s", why.text);
    return r;
}

static void each_kind_of_credential(void **state)
{
    for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
        struct fault_loop f = FAULT_LOOP(credential_kind_text((int)credentials[i].kind));
        while (fault_next(&f))
            fault_judge(&f, credential_life(i));
    }
}

static int put(struct credential_table *table, struct slice wrapped, uint64_t version)
{
    _cleanup_credential_ struct credential *c = NULL;
    struct diag why = {};
    struct credential_label l = {label.ns, label.name, version};
    int r = credential_unwrap(keys, &label, wrapped, &c, &why);
    return r < 0 ? r : credential_table_take(table, &l, &c);
}

/* A replacement that fails leaves the one before it in its place. */
static int replace(struct slice wrapped)
{
    _cleanup_(credential_table_freep) struct credential_table *table = credential_table_new();
    if (!table)
        return -ENOMEM;
    int r = put(table, wrapped, 1);
    if (r < 0) {
        assert_null(credential_table_find(table, label.ns, label.name));
        return r;
    }
    r = put(table, wrapped, 2);
    assert_non_null(credential_table_find(table, label.ns, label.name));
    assert_true(credential_table_remove(table, label.ns, label.name));
    return r;
}

static void the_table(void **state)
{
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    assert_int_equal(wrap(0, &wrapped), 0);
    struct fault_loop f = FAULT_LOOP("table");
    while (fault_next(&f))
        fault_judge(&f, replace(buffer_slice(&wrapped)));
}

/* --- webhooks -------------------------------------------------------------------------------------------------------- */

static const struct {
    enum webhook_scheme scheme;
    const char *name, *secret, *body;
    int64_t now_s;
    const char *headers[6];
} deliveries[] = {
    {WEBHOOK_GITHUB, "github", "It's a Secret to Everybody", "Hello, World!", 0,
     {"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "X-GitHub-Delivery", "1"}},
    {WEBHOOK_STANDARD, "standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{\"test\": 2432232314}", 1614265330,
     {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp", "1614265330", "webhook-signature",
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
    {WEBHOOK_BEARER, "bearer", "a key of more than sixteen bytes", "{}", 0, {"Authorization", "Bearer a key of more than sixteen bytes"}},
};

/* A good delivery is not refused as a bad one: who sent it would not send it again. */
static int deliver(size_t i)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(8192), unique = BUFFER_MAX(LIMIT_NAME);
    struct diag why = {};
    for (size_t h = 0; h < 6 && deliveries[i].headers[h]; h += 2)
        wire_pairs_put(&headers, slice_text(deliveries[i].headers[h]), slice_text(deliveries[i].headers[h + 1]));
    if (buffer_error(&headers))
        return buffer_error(&headers);
    struct webhook_delivery d = {buffer_slice(&headers), slice_text(deliveries[i].body), deliveries[i].now_s * 1000, 300};
    return webhook_verify(deliveries[i].scheme, slice_text(deliveries[i].secret), &d, &unique, &why);
}

static void webhooks(void **state)
{
    for (size_t i = 0; i < sizeof deliveries / sizeof *deliveries; i++) {
        struct fault_loop f = FAULT_LOOP(deliveries[i].name);
        while (fault_next(&f))
            fault_judge(&f, deliver(i));
    }
}

/* --- checkpoints ----------------------------------------------------------------------------------------------------- */

/* The signer's state changes only with a signature, and the next one continues from where the state is. */
static int sign_on(struct slice last)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    struct checkpoint_signer signer = {};
    struct checkpoint next = {.size = 0};
    struct diag why = {};
    merkle_empty_root(next.root);
    int r = checkpoint_sign(&signer, keys, &next, (struct slice){}, last, &note, &why);
    assert_int_equal(signer.is_set, r == 0);
    return r;
}

static void checkpoints(void **state)
{
    _cleanup_buffer_ struct buffer last = BUFFER_MAX(LIMIT_TEXT);
    struct checkpoint_signer signer = {};
    struct checkpoint empty = {.size = 0};
    merkle_empty_root(empty.root);
    assert_int_equal(checkpoint_sign(&signer, keys, &empty, (struct slice){}, (struct slice){}, &last, NULL), 0);
    struct fault_loop f = FAULT_LOOP("checkpoint");
    while (fault_next(&f))
        fault_judge(&f, sign_on(buffer_slice(&last)));
}

static int set_up(void **state)
{
    _cleanup_secret_ struct secret *root = secret_new(CRYPTO_KEY_LEN);
    return root ? vault_keys_derive(root, &keys) : -1;
}

static int tear_down(void **state)
{
    vault_keys_free(keys);
    return 0;
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0)
        return 1;
    value_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_key),  cmocka_unit_test(namespace_key), cmocka_unit_test(each_kind_of_credential),
        cmocka_unit_test(the_table), cmocka_unit_test(webhooks),      cmocka_unit_test(checkpoints),
    };
    return cmocka_run_group_tests_name("fault/vault", tests, set_up, tear_down);
}
