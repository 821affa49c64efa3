/* audit_key: reads and writes the log's public key. Called by the audit commands and by init. */
#include "cli/audit_key.h"

#include "base/error.h"
#include "crypto/note.h"

/* After a one-byte algorithm (1: Ed25519). */
#define VERIFIER_KEY_LEN 33

static struct slice trimmed(struct slice s)
{
    while (s.len && s.p[s.len - 1] <= ' ')
        s.len--;
    while (s.len && *s.p <= ' ')
        s = slice_of(s.p + 1, s.len - 1);
    return s;
}

static int parse_verifier(struct slice text, struct audit_key *ret)
{
    _cleanup_buffer_ struct buffer bytes = BUFFER_MAX(VERIFIER_KEY_LEN), again = BUFFER_MAX(LIMIT_TEXT);
    struct slice rest = text, name, hash;
    if (!slice_split(&rest, '+', &name) || !slice_split(&rest, '+', &hash))
        return -SP_ESYNTAX;
    if (buffer_append_base64_decoded(&bytes, rest) < 0 || bytes.len != VERIFIER_KEY_LEN || bytes.p[0] != 1)
        return -SP_ESYNTAX;
    struct audit_key key = {0};
    memcpy(key.public_key, bytes.p + 1, sizeof key.public_key);
    /* A key that was copied badly must not only look good. */
    if (audit_key_print(&key, &again) < 0 || !slice_equal(buffer_slice(&again), text))
        return -SP_EKEY;
    *ret = key;
    return 0;
}

int audit_key_parse(struct slice text, struct audit_key *ret)
{
    _cleanup_buffer_ struct buffer bytes = BUFFER_MAX(sizeof ret->public_key);
    text = trimmed(text);
    if (buffer_append_base64_decoded(&bytes, text) < 0 || bytes.len != sizeof ret->public_key)
        return parse_verifier(text, ret);
    *ret = (struct audit_key){0};
    memcpy(ret->public_key, bytes.p, sizeof ret->public_key);
    return 0;
}

int audit_key_print(const struct audit_key *key, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer origin = BUFFER_MAX(LIMIT_TEXT);
    int r = note_append_origin(key->public_key, &origin);
    return r < 0 ? r : note_append_verifier(buffer_slice(&origin), key->public_key, ret);
}
