/* The wrappers against published vectors, and what must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

static void unhex(const char *hex, struct buffer *ret)
{
    assert_int_equal(buffer_append_hex_decoded(ret, slice_text(hex)), 0);
}

static void assert_hex(const void *p, size_t len, const char *hex)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(4096);
    buffer_append_hex(&b, slice_of(p, len));
    assert_string_equal(buffer_text(&b), hex);
}

static void test_sha256(void **state)
{
    uint8_t out[CRYPTO_HASH_LEN];
    crypto_sha256(SLICE_LITERAL("abc"), out); /* FIPS 180-4 */
    assert_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256((struct slice){NULL, 0}, out);
    assert_hex(out, sizeof out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* However the input is cut into parts. */
static void test_long_inputs(void **state)
{
    static uint8_t data[10000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t len = 4000; len < sizeof data; len += 97) {
        uint8_t whole[32], parts[32], whole_mac[32], parts_mac[32];
        struct slice split[] = {slice_of(data, 100), slice_of(data + 100, 0), slice_of(data + 100, len - 100)};
        struct slice one = slice_of(data, len), key = SLICE_LITERAL("key");
        crypto_sha256(one, whole);
        crypto_sha256_parts(split, 3, parts);
        assert_memory_equal(whole, parts, 32);
        crypto_hmac_sha256(key, &one, 1, whole_mac);
        crypto_hmac_sha256(key, split, 3, parts_mac);
        assert_memory_equal(whole_mac, parts_mac, 32);
        assert_memory_not_equal(whole, whole_mac, 32);
    }
}

static void test_long_sha256_vector(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1000000);
    uint8_t *p, out[32];
    assert_int_equal(buffer_extend(&b, 1000000, &p), 0);
    memset(p, 'a', 1000000);
    crypto_sha256(buffer_slice(&b), out); /* NIST's million letters */
    assert_hex(out, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_hmac(void **state)
{
    uint8_t out[32];
    struct slice parts[] = {SLICE_LITERAL("what do ya want "), SLICE_LITERAL("for nothing?")}; /* RFC 4231, case 2 */
    crypto_hmac_sha256(SLICE_LITERAL("Jefe"), parts, 2, out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_hkdf(void **state)
{
    /* No RFC 5869 vector has a 32-byte key; this one is HKDF(key = 00..1f, salt empty, info "label") by hand over HMAC. */
    uint8_t key[32], prk[32], expected[32], out[32], one = 1;
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    uint8_t zeros[32] = {0};
    struct slice k = slice_of(key, 32);
    crypto_hmac_sha256(slice_of(zeros, 32), &k, 1, prk);
    struct slice t1[] = {SLICE_LITERAL("label"), slice_of(&one, 1)};
    crypto_hmac_sha256(slice_of(prk, 32), t1, 2, expected);
    crypto_hkdf_sha256(key, (struct slice){NULL, 0}, SLICE_LITERAL("label"), out, 32);
    assert_memory_equal(out, expected, 32);
}

static void test_aead(void **state)
{
    uint8_t key[32] = {1}, nonce[12] = {2};
    struct slice ad = SLICE_LITERAL("place"), plain = SLICE_LITERAL("the value");
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(100);
    _cleanup_buffer_ struct buffer opened = BUFFER_MAX(100);
    assert_int_equal(crypto_aead_seal(key, nonce, ad, plain, &sealed), 0);
    assert_int_equal(sealed.len, plain.len + CRYPTO_TAG_LEN);
    assert_int_equal(crypto_aead_open(key, nonce, ad, buffer_slice(&sealed), &opened), 0);
    assert_true(slice_equal(buffer_slice(&opened), plain));
    assert_int_equal(crypto_aead_open(key, nonce, SLICE_LITERAL("other"), buffer_slice(&sealed), &opened), -SP_ETAMPERED);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.p[i] ^= 0x10;
        assert_int_equal(crypto_aead_open(key, nonce, ad, buffer_slice(&sealed), &opened), -SP_ETAMPERED);
        assert_int_equal(crypto_aead_open(key, nonce, ad, slice_of(sealed.p, i), &opened), -SP_ETAMPERED);
        sealed.p[i] ^= 0x10;
    }
    assert_int_equal(opened.len, plain.len);
}

static void test_aead_empty(void **state)
{
    uint8_t key[32] = {1}, nonce[12] = {2};
    struct slice none = {NULL, 0};
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(100);
    _cleanup_buffer_ struct buffer opened = BUFFER_MAX(100);
    assert_int_equal(crypto_aead_seal(key, nonce, none, none, &sealed), 0);
    assert_int_equal(sealed.len, CRYPTO_TAG_LEN);
    assert_int_equal(crypto_aead_open(key, nonce, none, buffer_slice(&sealed), &opened), 0);
    assert_int_equal(opened.len, 0);
}

static void test_sign(void **state)
{
    /* RFC 8032, 7.1, test 2 */
    _cleanup_buffer_ struct buffer seed = BUFFER_MAX(32);
    unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", &seed);
    uint8_t public_key[32], signature[64];
    crypto_sign_public(seed.p, public_key);
    assert_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    crypto_sign_message(seed.p, SLICE_LITERAL("\x72"), signature);
    assert_hex(signature, 64,
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
               "387b2eaeb4302aeeb00d291612bb0c00");
    assert_int_equal(crypto_sign_verify(public_key, SLICE_LITERAL("\x72"), signature), 0);
    assert_int_equal(crypto_sign_verify(public_key, SLICE_LITERAL("\x73"), signature), -SP_ETAMPERED);
    for (size_t i = 0; i < 64; i++) {
        signature[i] ^= 1;
        assert_int_equal(crypto_sign_verify(public_key, SLICE_LITERAL("\x72"), signature), -SP_ETAMPERED);
        signature[i] ^= 1;
    }
}

static void test_sealedbox(void **state)
{
    uint8_t seed[32] = {7}, other[32] = {8}, public_key[32], zero[32] = {0};
    crypto_sealedbox_public(seed, public_key);
    _cleanup_buffer_ struct buffer box = BUFFER_MAX(100);
    _cleanup_buffer_ struct buffer opened = BUFFER_MAX(100);
    assert_int_equal(crypto_sealedbox_seal(public_key, SLICE_LITERAL("token"), &box), 0);
    assert_int_equal(box.len, 5 + CRYPTO_SEALEDBOX_EXTRA);
    assert_int_equal(crypto_sealedbox_open(seed, buffer_slice(&box), &opened), 0);
    assert_true(slice_is(buffer_slice(&opened), "token"));
    assert_int_equal(crypto_sealedbox_open(other, buffer_slice(&box), &opened), -SP_ETAMPERED);
    for (size_t i = 0; i < box.len; i++) {
        box.p[i] ^= 4;
        assert_int_equal(crypto_sealedbox_open(seed, buffer_slice(&box), &opened), -SP_ETAMPERED);
        assert_int_equal(crypto_sealedbox_open(seed, slice_of(box.p, i), &opened), -SP_ETAMPERED);
        box.p[i] ^= 4;
    }
    assert_int_equal(crypto_sealedbox_seal(zero, SLICE_LITERAL("token"), &opened), -SP_EKEY);
    assert_int_equal(opened.len, 5);
}

static void test_argon2id(void **state)
{
    uint8_t salt[16] = {1}, a[32], b[32];
    assert_int_equal(crypto_argon2id(SLICE_LITERAL("passphrase"), salt, a), 0);
    salt[0] = 2;
    assert_int_equal(crypto_argon2id(SLICE_LITERAL("passphrase"), salt, b), 0);
    assert_memory_not_equal(a, b, 32);
}

static void test_secret(void **state)
{
    _cleanup_secret_ struct secret *s = secret_copy(SLICE_LITERAL("value"));
    assert_non_null(s);
    assert_true(slice_is(secret_slice(s), "value"));
    assert_true(secret_equal(s, SLICE_LITERAL("value")));
    assert_false(secret_equal(s, SLICE_LITERAL("valuE")));
    assert_false(secret_equal(s, SLICE_LITERAL("valu")));
    _cleanup_secret_ struct secret *empty = secret_new(0);
    assert_true(secret_equal(empty, (struct slice){NULL, 0}));
    _cleanup_secret_ struct secret *zeros = secret_new(3);
    assert_memory_equal(secret_bytes(zeros), "\0\0\0", 3);
}

/* As many as the vault keeps: Linux gives a process 65,530 mappings, and each secret takes four. */
static void test_secret_count(void **state)
{
    static struct secret *all[LIMIT_CREDENTIALS];
    for (size_t i = 0; i < LIMIT_CREDENTIALS; i++) {
        all[i] = secret_new(32);
        assert_non_null(all[i]);
    }
    for (size_t i = 0; i < LIMIT_CREDENTIALS; i++)
        secret_free(all[i]);
}

static int setup(void **state)
{
    return crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),     cmocka_unit_test(test_long_inputs), cmocka_unit_test(test_long_sha256_vector),
        cmocka_unit_test(test_hmac),       cmocka_unit_test(test_hkdf),        cmocka_unit_test(test_aead),
        cmocka_unit_test(test_aead_empty), cmocka_unit_test(test_sign),        cmocka_unit_test(test_sealedbox),
        cmocka_unit_test(test_argon2id),   cmocka_unit_test(test_secret),
        cmocka_unit_test(test_secret_count),
    };
    return cmocka_run_group_tests_name("crypto/primitives", tests, setup, NULL);
}
