/* Webhook headers, each scheme. Byte 0 chooses the scheme; then lines "name: value" up to an empty line, then the body. Nothing is
 * ever accepted, since no input holds the secret's MAC, but for the bearer's. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void headers_of(struct slice *rest, struct buffer *ret)
{
    struct slice line, name;
    while (slice_split(rest, '\n', &line) && line.len) {
        if (slice_split(&line, ':', &name))
            wire_pairs_put(ret, name, line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready && crypto_init() < 0)
        abort();
    ready = true;
    if (size < 1)
        return 0;
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_HEADERS), delivery = BUFFER_MAX(LIMIT_NAME);
    struct slice rest = slice_of(data + 1, size - 1);
    if (data[0] & 0x80) /* the pairs as they come, malformed ones among them */
        buffer_append_slice(&headers, rest);
    else
        headers_of(&rest, &headers);
    struct webhook_delivery d = {buffer_slice(&headers), rest, 1700000000000, 300};
    enum webhook_scheme scheme = (enum webhook_scheme)(data[0] & 7);
    struct diag why = {0};
    int r = webhook_verify(scheme, SLICE_LITERAL("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &d, &delivery, &why);
    if (r < 0 ? delivery.len != 0 || !why.text[0] : scheme != WEBHOOK_BEARER)
        abort();
    return 0;
}
