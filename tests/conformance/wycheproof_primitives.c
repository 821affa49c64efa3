/* C2SP/wycheproof against the wrappers: what is valid is accepted, what is invalid is refused. Cases of
 * parameters that the wrappers do not have (other key, nonce or tag sizes) are left out and counted. X25519
 * has no wrapper of its own: it is libsodium's, below the sealed boxes. */
#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "suite.h"

#define IS_ACCEPTABLE 2

/* 1 valid, 0 invalid, IS_ACCEPTABLE refused where that is as good, -1 not for us */
typedef int case_runner(const json_t *group, const json_t *test);

static void hex(const json_t *o, const char *key, struct buffer *ret)
{
    assert_int_equal(buffer_append_hex_decoded(ret, slice_text(json_string_value(json_object_get(o, key)))),
                     0);
}

static int run_gcm(const json_t *group, const json_t *t)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(65536), iv = BUFFER_MAX(65536);
    _cleanup_buffer_ struct buffer ad = BUFFER_MAX(65536), msg = BUFFER_MAX(65536),
                                   sealed = BUFFER_MAX(65536);
    _cleanup_buffer_ struct buffer opened = BUFFER_MAX(65536), made = BUFFER_MAX(65536);
    hex(t, "key", &key);
    hex(t, "iv", &iv);
    hex(t, "aad", &ad);
    hex(t, "msg", &msg);
    hex(t, "ct", &sealed);
    hex(t, "tag", &sealed);
    if (key.len != CRYPTO_KEY_LEN || iv.len != CRYPTO_NONCE_LEN)
        return -1;
    if (crypto_aead_open(key.p, iv.p, buffer_slice(&ad), buffer_slice(&sealed), &opened) < 0)
        return 0;
    assert_int_equal(crypto_aead_seal(key.p, iv.p, buffer_slice(&ad), buffer_slice(&msg), &made), 0);
    return slice_equal(buffer_slice(&opened), buffer_slice(&msg)) &&
           slice_equal(buffer_slice(&made), buffer_slice(&sealed));
}

static int run_hmac(const json_t *group, const json_t *t)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(65536), msg = BUFFER_MAX(65536), tag = BUFFER_MAX(65536);
    uint8_t mac[32];
    hex(t, "key", &key);
    hex(t, "msg", &msg);
    hex(t, "tag", &tag);
    if (json_integer_value(json_object_get(group, "tagSize")) != 256)
        return -1;
    struct slice part = buffer_slice(&msg);
    crypto_hmac_sha256(buffer_slice(&key), &part, 1, mac);
    return crypto_equal(slice_of(mac, 32), buffer_slice(&tag));
}

static int run_hkdf(const json_t *group, const json_t *t)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(65536), salt = BUFFER_MAX(65536),
                                   info = BUFFER_MAX(65536);
    _cleanup_buffer_ struct buffer okm = BUFFER_MAX(65536);
    uint8_t out[255 * 32];
    hex(t, "ikm", &key);
    hex(t, "salt", &salt);
    hex(t, "info", &info);
    hex(t, "okm", &okm);
    json_int_t size = json_integer_value(json_object_get(t, "size"));
    if (key.len != CRYPTO_KEY_LEN || size > (json_int_t)sizeof out)
        return -1;
    crypto_hkdf_sha256(key.p, buffer_slice(&salt), buffer_slice(&info), out, (size_t)size);
    return slice_equal(slice_of(out, (size_t)size), buffer_slice(&okm));
}

static int run_ed25519(const json_t *group, const json_t *t)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(65536), msg = BUFFER_MAX(65536), sig = BUFFER_MAX(65536);
    hex(json_object_get(group, "publicKey"), "pk", &key);
    hex(t, "msg", &msg);
    hex(t, "sig", &sig);
    if (key.len != 32 || sig.len != CRYPTO_SIGNATURE_LEN)
        return sig.len != CRYPTO_SIGNATURE_LEN ? 0
                                               : -1; /* our signatures have a fixed length on every wire */
    return crypto_sign_verify(key.p, buffer_slice(&msg), sig.p) == 0;
}

/* "Acceptable" are low-order and non-canonical points. A shared secret of zeros, which everybody knows, must
 * not come out. */
static int run_x25519(const json_t *group, const json_t *t)
{
    _cleanup_buffer_ struct buffer public_key = BUFFER_MAX(65536), secret = BUFFER_MAX(65536),
                                   shared = BUFFER_MAX(65536);
    uint8_t got[32];
    hex(t, "public", &public_key);
    hex(t, "private", &secret);
    hex(t, "shared", &shared);
    assert_int_equal(public_key.len, 32);
    assert_int_equal(secret.len, 32);
    bool is_zero = sodium_is_zero(shared.p, shared.len);
    if (crypto_scalarmult_curve25519(got, secret.p, public_key.p) != 0)
        return is_zero ? IS_ACCEPTABLE : 0;
    return !is_zero && slice_equal(slice_of(got, 32), buffer_slice(&shared));
}

/* Whether `got` is what the case wants. */
static bool is_right(const json_t *t, int got)
{
    const char *wanted = json_string_value(json_object_get(t, "result"));
    if (strcmp(wanted, "acceptable") == 0)
        return got != 0;
    return got == (strcmp(wanted, "valid") == 0);
}

static void run_group(const char *file, const json_t *group, case_runner *run, struct suite_result *result)
{
    const json_t *tests = json_object_get(group, "tests");
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *t = json_array_get(tests, i);
        int got = run(group, t);
        if (got >= 0 && !is_right(t, got))
            fail_msg("%s tcId %lld (%s): %d, wanted %s", file,
                     (long long)json_integer_value(json_object_get(t, "tcId")),
                     json_string_value(json_object_get(t, "comment")), got,
                     json_string_value(json_object_get(t, "result")));
        result->cases++;
        result->passed += got >= 0;
        result->left_out += got < 0;
    }
}

static void run_file(const char *file, case_runner *run, unsigned at_least)
{
    char path[SUITE_PATH_MAX], below[256], name[256];
    struct suite_result result = {0};
    (void)snprintf(below, sizeof below, "suites/wycheproof/testvectors_v1/%s_test.json", file);
    (void)snprintf(name, sizeof name, "wycheproof/%s", file);
    suite_path_or_skip(path, below);
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    assert_non_null(root);
    const json_t *groups = json_object_get(root, "testGroups");
    for (size_t i = 0; i < json_array_size(groups); i++)
        run_group(file, json_array_get(groups, i), run, &result);
    json_decref(root);
    assert_true(suite_print(name, &result) && result.passed >= at_least);
}

static void test_gcm(void **state)
{
    run_file("aes_gcm", run_gcm, 60);
}

static void test_hmac(void **state)
{
    run_file("hmac_sha256", run_hmac, 80);
}

static void test_hkdf(void **state)
{
    run_file("hkdf_sha256", run_hkdf, 10);
}

static void test_ed25519(void **state)
{
    run_file("ed25519", run_ed25519, 140);
}

static void test_x25519(void **state)
{
    run_file("x25519", run_x25519, 500);
}

static int setup(void **state)
{
    return crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gcm), cmocka_unit_test(test_hmac),
                                       cmocka_unit_test(test_hkdf), cmocka_unit_test(test_ed25519),
                                       cmocka_unit_test(test_x25519)};
    return cmocka_run_group_tests_name("conformance/wycheproof", tests, setup, NULL);
}
