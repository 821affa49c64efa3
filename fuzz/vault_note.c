/* A signed note: the bytes as they come, and the bytes as the text of a note that is well signed. */
#include <stdlib.h>

#include "crypto/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {5};
    struct slice name = SLICE_LITERAL("sallyport/x"), text;
    struct checkpoint c;
    uint8_t key[32], line[4 + CRYPTO_SIGNATURE_LEN];
    crypto_sign_public(seed, key);
    if (note_open_checkpoint(slice_of(data, size), name, key, &c) == 0)
        abort(); /* a forgery: the corpus holds none by this key */
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(8192);
    note_key_hash(name, key, line);
    crypto_sign_message(seed, slice_of(data, size), line + 4);
    buffer_append(&note, data, size);
    buffer_append_text(&note, "\n\xe2\x80\x94 sallyport/x ");
    buffer_append_base64(&note, slice_of(line, sizeof line));
    if (buffer_append_byte(&note, '\n') < 0)
        return 0;
    if (note_open(buffer_slice(&note), name, key, &text) == 0 && !slice_equal(text, slice_of(data, size)))
        abort(); /* another text than the one that was signed */
    (void)!note_open_checkpoint(buffer_slice(&note), name, key, &c);
    return 0;
}
