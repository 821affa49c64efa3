/* root_key: the text form of the key under which all others stand. Holds: a file with any byte changed is refused, so a
 * damaged key is never mistaken for another one; a file has exactly one form. Used by the vault and by `init`.
 *
 *   sallyport-root-key-1            sallyport-root-key-1
 *   key KEY                         salt SALT
 *                                   wrapped WRAPPED
 *   check CHECK                     check CHECK
 *
 * Each value is base64url without padding. WRAPPED is AES-256-GCM of the key under Argon2id(passphrase, SALT); nonce zero,
 * because each salt makes a key that seals once; associated data are the lines above it. CHECK is the first 16 bytes of
 * SHA-256 over "sallyport root key check" and the lines above it. */
#include "crypto/root_key.h"

#include <errno.h>

#include "base/error.h"
#include "base/id.h"
#include "base/must.h"
#include "crypto/crypto.h"

#define FIRST_LINE "sallyport-root-key-1\n"
#define SALT_LEN   16
#define CHECK_LEN  16

static const uint8_t nonce_zero[CRYPTO_NONCE_LEN];

static void append_base64url(struct buffer *b, struct slice s)
{
    size_t start = b->len;
    if (buffer_append_base64(b, s) < 0)
        return;
    while (b->len > start && b->p[b->len - 1] == '=')
        buffer_truncate(b, b->len - 1);
    for (size_t i = start; i < b->len; i++) {
        if (b->p[i] == '+')
            b->p[i] = '-';
        else if (b->p[i] == '/')
            b->p[i] = '_';
    }
}

static void append_line(struct buffer *b, const char *word, struct slice value)
{
    buffer_append_text(b, word);
    buffer_append_byte(b, ' ');
    append_base64url(b, value);
    buffer_append_byte(b, '\n');
}

static void append_check_line(struct buffer *b, struct slice above)
{
    uint8_t hash[CRYPTO_HASH_LEN];
    struct slice parts[] = {SLICE_LITERAL("sallyport root key check"), above};
    crypto_sha256_parts(parts, 2, hash);
    append_line(b, "check", slice_of(hash, CHECK_LEN));
}

static int append_wrapped(struct buffer *b, struct slice key, struct slice passphrase)
{
    uint8_t salt[SALT_LEN], wrapping[CRYPTO_KEY_LEN];
    random_bytes(salt, sizeof salt);
    append_line(b, "salt", slice_of(salt, sizeof salt));
    if (buffer_error(b) < 0)
        return buffer_error(b);
    int r = crypto_argon2id(passphrase, salt, wrapping);
    if (r < 0)
        return r;
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(CRYPTO_KEY_LEN + CRYPTO_TAG_LEN);
    r = crypto_aead_seal(wrapping, nonce_zero, buffer_slice(b), key, &wrapped);
    crypto_wipe(wrapping, sizeof wrapping);
    if (r < 0)
        return r;
    append_line(b, "wrapped", buffer_slice(&wrapped));
    return buffer_error(b);
}

int root_key_create(struct slice passphrase, struct buffer *ret)
{
    if (passphrase.len > 0 && (passphrase.len < ROOT_KEY_PASSPHRASE_MIN || passphrase.len > ROOT_KEY_PASSPHRASE_MAX))
        return -SP_EINVALID;
    _cleanup_secret_ struct secret *key = secret_new(CRYPTO_KEY_LEN);
    _cleanup_buffer_ struct buffer text = {.max = ROOT_KEY_FILE_MAX, .secret = true};
    if (!key)
        return -ENOMEM;
    random_bytes(secret_bytes(key), CRYPTO_KEY_LEN);
    buffer_append_text(&text, FIRST_LINE);
    if (passphrase.len == 0) {
        append_line(&text, "key", secret_slice(key));
    } else {
        int r = append_wrapped(&text, secret_slice(key), passphrase);
        if (r < 0)
            return r;
    }
    append_check_line(&text, buffer_slice(&text));
    if (buffer_error(&text) < 0)
        return buffer_error(&text);
    return buffer_append_slice(ret, buffer_slice(&text));
}

/* Takes the line "WORD VALUE\n" off `rest`; its value, of exactly `len` bytes, is appended to `ret`. */
static int take_line(struct slice *rest, const char *word, size_t len, struct buffer *ret)
{
    struct slice line, left = *rest;
    size_t word_len = strlen(word), before = ret->len;
    if (!memchr(left.p, '\n', left.len) || !slice_split(&left, '\n', &line))
        return -SP_EFORMAT;
    if (!slice_starts(line, word) || line.len <= word_len || line.p[word_len] != ' ')
        return -SP_EFORMAT;
    int r = buffer_append_base64url_decoded(ret, slice_of(line.p + word_len + 1, line.len - word_len - 1));
    if (r == -ENOMEM)
        return r;
    if (r < 0 || ret->len - before != len)
        return -SP_EFORMAT;
    *rest = left;
    return 0;
}

/* The check line is made again and compared as text: one form, and no decoding of it. */
static int check_file(struct slice file, struct slice *ret_above)
{
    size_t first = sizeof FIRST_LINE - 1;
    if (file.len > ROOT_KEY_FILE_MAX || !slice_starts(file, FIRST_LINE) || file.p[file.len - 1] != '\n')
        return -SP_EFORMAT;
    size_t at = file.len - 1;
    while (at > first && file.p[at - 1] != '\n')
        at--;
    if (at <= first)
        return -SP_EFORMAT;
    struct slice above = slice_of(file.p, at);
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(64);
    append_check_line(&line, above);
    if (buffer_error(&line) < 0)
        return buffer_error(&line);
    if (!crypto_equal(buffer_slice(&line), slice_of(file.p + at, file.len - at)))
        return -SP_ETAMPERED;
    *ret_above = above;
    return 0;
}

static int unwrap(struct slice above, struct slice rest, struct slice passphrase, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer salt = BUFFER_MAX(SALT_LEN);
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(CRYPTO_KEY_LEN + CRYPTO_TAG_LEN);
    int r = take_line(&rest, "salt", SALT_LEN, &salt);
    if (r < 0)
        return r;
    struct slice ad = slice_of(above.p, (size_t)(rest.p - above.p));
    r = take_line(&rest, "wrapped", CRYPTO_KEY_LEN + CRYPTO_TAG_LEN, &wrapped);
    if (r < 0 || rest.len)
        return r < 0 ? r : -SP_EFORMAT;
    if (passphrase.len == 0 || passphrase.len > ROOT_KEY_PASSPHRASE_MAX)
        return -SP_EKEY;
    uint8_t wrapping[CRYPTO_KEY_LEN];
    r = crypto_argon2id(passphrase, salt.p, wrapping);
    if (r < 0)
        return r;
    r = crypto_aead_open(wrapping, nonce_zero, ad, buffer_slice(&wrapped), ret);
    crypto_wipe(wrapping, sizeof wrapping);
    return r == -SP_ETAMPERED ? -SP_EKEY : r; /* the check line held, so it is the passphrase */
}

int root_key_open(struct slice file, struct slice passphrase, struct secret **ret)
{
    struct slice above;
    int r = check_file(file, &above);
    if (r < 0)
        return r;
    size_t first = sizeof FIRST_LINE - 1;
    struct slice rest = slice_of(above.p + first, above.len - first);
    _cleanup_buffer_ struct buffer key = {.max = CRYPTO_KEY_LEN, .secret = true};
    if (root_key_needs_passphrase(file)) {
        r = unwrap(above, rest, passphrase, &key);
        if (r < 0)
            return r;
    } else {
        r = take_line(&rest, "key", CRYPTO_KEY_LEN, &key);
        if (r < 0 || rest.len)
            return r < 0 ? r : -SP_EFORMAT;
        if (passphrase.len)
            return -SP_EKEY;
    }
    must(key.len == CRYPTO_KEY_LEN);
    *ret = secret_copy(buffer_slice(&key));
    return *ret ? 0 : -ENOMEM;
}

bool root_key_needs_passphrase(struct slice file)
{
    return slice_starts(file, FIRST_LINE "salt ");
}
