/* The root key's file: the bytes as they come, and the bytes with a check line that fits. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/root_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_one(struct slice file)
{
    struct secret *key = NULL;
    if (root_key_open(file, (struct slice){NULL, 0}, &key) == 0 && secret_slice(key).len != 32)
        abort();
    secret_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready && crypto_init() < 0)
        abort();
    ready = true;
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(2 * ROOT_KEY_FILE_MAX);
    uint8_t hash[CRYPTO_HASH_LEN];
    open_one(slice_of(data, size));
    struct slice parts[] = {SLICE_LITERAL("sallyport root key check"), {data, size}};
    crypto_sha256_parts(parts, 2, hash);
    buffer_append(&file, data, size);
    buffer_append_text(&file, "check ");
    buffer_append_base64(&file, slice_of(hash, 16));
    if (buffer_error(&file) < 0)
        return 0;
    buffer_truncate(&file, file.len - 2); /* the padding */
    for (size_t i = size; i < file.len; i++)
        file.p[i] = file.p[i] == '+' ? '-' : file.p[i] == '/' ? '_' : file.p[i];
    buffer_append_byte(&file, '\n');
    open_one(buffer_slice(&file));
    return 0;
}
