/* The root key's file and signed notes: what is made opens again, and any byte that is changed is seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/root_key.h"

static const struct slice no_passphrase = {NULL, 0};

static void test_root_key(void **state)
{
    _cleanup_buffer_ struct buffer a = BUFFER_MAX(ROOT_KEY_FILE_MAX), b = BUFFER_MAX(ROOT_KEY_FILE_MAX);
    _cleanup_secret_ struct secret *key_a = NULL, *again = NULL, *key_b = NULL;
    assert_int_equal(root_key_create(no_passphrase, &a), 0);
    assert_int_equal(root_key_create(no_passphrase, &b), 0);
    assert_int_equal(root_key_open(buffer_slice(&a), no_passphrase, &key_a), 0);
    assert_int_equal(root_key_open(buffer_slice(&a), no_passphrase, &again), 0);
    assert_int_equal(root_key_open(buffer_slice(&b), no_passphrase, &key_b), 0);
    assert_int_equal(secret_slice(key_a).len, 32);
    assert_true(secret_equal(key_a, secret_slice(again)));
    assert_false(secret_equal(key_a, secret_slice(key_b)));
    assert_false(root_key_needs_passphrase(buffer_slice(&a)));
    _cleanup_secret_ struct secret *none = NULL;
    assert_int_equal(root_key_open(buffer_slice(&a), SLICE_LITERAL("a passphrase too many"), &none), -SP_EKEY);
}

/* Argon2id is slow on purpose: what the check line sees is refused before it. */
static void flip_all(struct buffer *file, struct slice passphrase)
{
    for (size_t i = 0; i < file->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct secret *none = NULL;
            file->p[i] ^= (uint8_t)(1u << bit);
            int r = root_key_open(buffer_slice(file), passphrase, &none);
            if (r != -SP_EFORMAT && r != -SP_ETAMPERED)
                fail_msg("byte %zu bit %u: %d", i, bit, r);
            file->p[i] ^= (uint8_t)(1u << bit);
        }
        struct secret *none = NULL;
        assert_true(root_key_open(slice_of(file->p, i), passphrase, &none) < 0);
    }
    struct secret *none = NULL;
    buffer_append_byte(file, '\n');
    assert_true(root_key_open(buffer_slice(file), passphrase, &none) < 0);
    buffer_truncate(file, file->len - 1);
}

static void test_root_key_tamper(void **state)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(ROOT_KEY_FILE_MAX);
    assert_int_equal(root_key_create(no_passphrase, &file), 0);
    flip_all(&file, no_passphrase);
}

static void test_root_key_passphrase(void **state)
{
    struct slice right = SLICE_LITERAL("correct horse battery staple");
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(ROOT_KEY_FILE_MAX);
    _cleanup_secret_ struct secret *key = NULL, *none = NULL;
    assert_int_equal(root_key_create(right, &file), 0);
    assert_true(root_key_needs_passphrase(buffer_slice(&file)));
    assert_int_equal(root_key_open(buffer_slice(&file), right, &key), 0);
    assert_int_equal(root_key_open(buffer_slice(&file), SLICE_LITERAL("correct horse battery stapl"), &none), -SP_EKEY);
    assert_int_equal(root_key_open(buffer_slice(&file), no_passphrase, &none), -SP_EKEY);
    flip_all(&file, right);
    assert_int_equal(root_key_create(SLICE_LITERAL("short"), &file), -SP_EINVALID);
}

static void test_root_key_foreign(void **state)
{
    static const char *const files[] = {"", "\n", "sallyport-root-key-2\nkey AAAA\ncheck AAAA\n", "sallyport-root-key-1\n",
                                        "sallyport-root-key-1\ncheck AAAA\n", "-----BEGIN PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct secret *none = NULL;
        int r = root_key_open(slice_text(files[i]), no_passphrase, &none);
        assert_true(r == -SP_EFORMAT || r == -SP_ETAMPERED);
    }
}

/* --- notes ------------------------------------------------------------------------------------------------------------- */

static void test_note_verifier(void **state)
{
    /* golang.org/x/mod/sumdb/note: PeterNeumann's key, and a note that it signed. */
    static const char text[] =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(33), made = BUFFER_MAX(256);
    assert_int_equal(buffer_append_base64_decoded(&key, SLICE_LITERAL("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")), 0);
    assert_int_equal(note_append_verifier(SLICE_LITERAL("PeterNeumann"), key.p + 1, &made), 0);
    assert_string_equal(buffer_text(&made), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    struct slice got;
    assert_int_equal(note_open(slice_text(text), SLICE_LITERAL("PeterNeumann"), key.p + 1, &got), 0);
    assert_true(slice_starts(got, "If you think") && got.p[got.len - 1] == '\n');
    assert_int_equal(note_open(slice_text(text), SLICE_LITERAL("SomebodyElse"), key.p + 1, &got), -SP_EKEY);
}

static void sign(const uint8_t seed[32], uint64_t size, struct buffer *note)
{
    struct checkpoint c = {.size = size};
    memset(c.root, 0xab, sizeof c.root);
    assert_int_equal(note_sign_checkpoint(seed, SLICE_LITERAL("sallyport/0011223344556677"), &c, note), 0);
}

static void test_checkpoint(void **state)
{
    uint8_t seed[32] = {3}, other[32] = {4}, key[32], other_key[32];
    struct slice origin = SLICE_LITERAL("sallyport/0011223344556677");
    struct checkpoint got;
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    crypto_sign_public(seed, key);
    crypto_sign_public(other, other_key);
    sign(seed, 12345, &note);
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), origin, key, &got), 0);
    assert_int_equal(got.size, 12345);
    assert_int_equal(got.root[31], 0xab);
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), origin, other_key, &got), -SP_EKEY);
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), SLICE_LITERAL("sallyport/other"), key, &got), -SP_EKEY);
    for (size_t i = 0; i < note.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            note.p[i] ^= (uint8_t)(1u << bit);
            if (note_open_checkpoint(buffer_slice(&note), origin, key, &got) == 0)
                fail_msg("byte %zu bit %u was not seen", i, bit);
            note.p[i] ^= (uint8_t)(1u << bit);
        }
        assert_true(note_open_checkpoint(slice_of(note.p, i), origin, key, &got) < 0);
    }
}

static void test_checkpoint_witness(void **state)
{
    uint8_t seed[32] = {3}, key[32];
    struct slice origin = SLICE_LITERAL("sallyport/0011223344556677");
    struct checkpoint got;
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    crypto_sign_public(seed, key);
    sign(seed, 7, &note);
    buffer_append_text(&note, "\xe2\x80\x94 witness.example/w1 AAAAAAAAAAAA\n");
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), origin, key, &got), 0);
    buffer_append_text(&note, "not a signature\n");
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), origin, key, &got), -SP_ESYNTAX);
}

static void test_note_names(void **state)
{
    uint8_t seed[32] = {3};
    struct checkpoint c = {0};
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    static const char *const bad[] = {"", "a b", "a+b", "a\nb", "\xe2\x80\x94"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(note_sign_checkpoint(seed, slice_text(bad[i]), &c, &note), -SP_EINVALID);
}

static void test_origin(void **state)
{
    uint8_t key[32] = {0};
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    assert_int_equal(note_append_origin(key, &b), 0);
    assert_string_equal(buffer_text(&b), "sallyport/66687aadf862bd77"); /* SHA-256 of 32 zero bytes */
}

static void test_merkle_hashes(void **state)
{
    uint8_t empty[32], leaf[32], expected[32];
    merkle_empty_root(empty);
    crypto_sha256((struct slice){NULL, 0}, expected);
    assert_memory_equal(empty, expected, 32);
    merkle_leaf_hash((struct slice){NULL, 0}, leaf); /* RFC 6962's test vector of the empty leaf */
    assert_int_equal(leaf[0], 0x6e);
    assert_int_equal(leaf[1], 0x34);
}

static int setup(void **state)
{
    return crypto_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_key),       cmocka_unit_test(test_root_key_tamper),
        cmocka_unit_test(test_root_key_passphrase), cmocka_unit_test(test_root_key_foreign),
        cmocka_unit_test(test_note_verifier),  cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_checkpoint_witness), cmocka_unit_test(test_note_names),
        cmocka_unit_test(test_origin),         cmocka_unit_test(test_merkle_hashes),
    };
    return cmocka_run_group_tests_name("crypto/formats", tests, setup, NULL);
}
