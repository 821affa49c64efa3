/* note: the text form of a tree's head and its signature. Holds: what is opened was signed byte for byte; a note has one
 * reading (its text ends at the last empty line; control characters and ill-formed UTF-8 are refused). Pure. */
#include "crypto/note.h"

#include "base/error.h"
#include "base/limits.h"

#define ALGORITHM_ED25519 0x01
#define SIGNATURES_MAX    16
#define SIGNATURE_MARK    "\xe2\x80\x94 " /* em dash, space */

void note_key_hash(struct slice name, const uint8_t public_key[32], uint8_t ret[4])
{
    uint8_t hash[CRYPTO_HASH_LEN];
    struct slice parts[] = {name, SLICE_LITERAL("\n\x01"), {public_key, 32}};
    crypto_sha256_parts(parts, 3, hash);
    memcpy(ret, hash, 4);
}

static bool is_key_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == '+')
            return false;
    return name.len > 0 && name.len <= LIMIT_NAME;
}

int note_append_verifier(struct slice name, const uint8_t public_key[32], struct buffer *ret)
{
    uint8_t hash[4], key[33] = {ALGORITHM_ED25519};
    memcpy(key + 1, public_key, 32);
    note_key_hash(name, public_key, hash);
    buffer_append_slice(ret, name);
    buffer_append_byte(ret, '+');
    buffer_append_hex(ret, slice_of(hash, sizeof hash));
    buffer_append_byte(ret, '+');
    return buffer_append_base64(ret, slice_of(key, sizeof key));
}

int note_append_origin(const uint8_t public_key[32], struct buffer *ret)
{
    uint8_t hash[CRYPTO_HASH_LEN];
    crypto_sha256(slice_of(public_key, 32), hash);
    buffer_append_text(ret, "sallyport/");
    return buffer_append_hex(ret, slice_of(hash, 8));
}

int note_sign_checkpoint(const uint8_t seed[32], struct slice origin, const struct checkpoint *checkpoint, struct buffer *ret)
{
    if (!is_key_name(origin))
        return -SP_EINVALID;
    size_t start = ret->len;
    buffer_append_slice(ret, origin);
    buffer_append_byte(ret, '\n');
    buffer_append_u64(ret, checkpoint->size);
    buffer_append_byte(ret, '\n');
    buffer_append_base64(ret, slice_of(checkpoint->root, sizeof checkpoint->root));
    if (buffer_append_byte(ret, '\n') < 0)
        return buffer_error(ret);
    uint8_t public_key[32], line[4 + CRYPTO_SIGNATURE_LEN];
    crypto_sign_public(seed, public_key);
    note_key_hash(origin, public_key, line);
    crypto_sign_message(seed, slice_of(ret->p + start, ret->len - start), line + 4);
    buffer_append_text(ret, "\n" SIGNATURE_MARK);
    buffer_append_slice(ret, origin);
    buffer_append_byte(ret, ' ');
    buffer_append_base64(ret, slice_of(line, sizeof line));
    return buffer_append_byte(ret, '\n');
}

/* Text and signature lines, parted at the last empty line; both keep their last newline. */
static bool note_parts(struct slice note, struct slice *ret_text, struct slice *ret_signatures)
{
    if (note.len > LIMIT_TEXT || note.len < 3 || note.p[note.len - 1] != '\n' || !slice_is_utf8(note))
        return false;
    for (size_t i = 0; i < note.len; i++)
        if ((note.p[i] < ' ' && note.p[i] != '\n') || note.p[i] == 0x7f)
            return false;
    for (size_t i = note.len - 1; i >= 1; i--) {
        if (note.p[i] != '\n' || note.p[i - 1] != '\n')
            continue;
        *ret_text = slice_of(note.p, i);
        *ret_signatures = slice_of(note.p + i + 1, note.len - i - 1);
        return ret_signatures->len > 0;
    }
    return false;
}

/* One line "— NAME BASE64": its name, and the decoded bytes (key hash and signature). */
static int signature_line(struct slice line, struct slice *ret_name, struct buffer *ret)
{
    size_t mark = sizeof SIGNATURE_MARK - 1;
    if (!slice_starts(line, SIGNATURE_MARK))
        return -SP_ESYNTAX;
    struct slice rest = slice_of(line.p + mark, line.len - mark);
    if (!slice_split(&rest, ' ', ret_name) || ret_name->len == 0)
        return -SP_ESYNTAX;
    int r = buffer_append_base64_decoded(ret, rest);
    return r == -ENOMEM ? r : r < 0 || ret->len <= 4 ? -SP_ESYNTAX : 0;
}

int note_open(struct slice note, struct slice name, const uint8_t public_key[32], struct slice *ret_text)
{
    struct slice text, rest, line;
    if (!note_parts(note, &text, &rest))
        return -SP_ESYNTAX;
    uint8_t hash[4];
    note_key_hash(name, public_key, hash);
    bool found = false;
    rest.len--; /* the last newline ends a line, it does not begin one */
    for (int n = 0; slice_split(&rest, '\n', &line); n++) {
        _cleanup_buffer_ struct buffer bytes = BUFFER_MAX(LIMIT_TEXT);
        struct slice by;
        int r = n == SIGNATURES_MAX ? -SP_ESYNTAX : signature_line(line, &by, &bytes);
        if (r < 0)
            return r;
        if (!slice_equal(by, name) || memcmp(bytes.p, hash, 4) != 0)
            continue;
        if (found || bytes.len != 4 + CRYPTO_SIGNATURE_LEN)
            return -SP_ESYNTAX;
        if (crypto_sign_verify(public_key, text, bytes.p + 4) < 0)
            return -SP_ETAMPERED;
        found = true;
    }
    if (!found)
        return -SP_EKEY;
    *ret_text = text;
    return 0;
}

int note_open_checkpoint(struct slice note, struct slice origin, const uint8_t public_key[32], struct checkpoint *ret)
{
    struct slice text, line;
    int r = note_open(note, origin, public_key, &text);
    if (r < 0)
        return r;
    struct checkpoint c;
    text.len--;
    if (!slice_split(&text, '\n', &line) || !slice_equal(line, origin))
        return -SP_ESYNTAX;
    if (!slice_split(&text, '\n', &line) || slice_parse_u64(line, &c.size) < 0)
        return -SP_ESYNTAX;
    _cleanup_buffer_ struct buffer root = BUFFER_MAX(CRYPTO_HASH_LEN);
    r = slice_split(&text, '\n', &line) ? buffer_append_base64_decoded(&root, line) : -SP_ESYNTAX;
    if (r < 0 || root.len != CRYPTO_HASH_LEN)
        return r == -ENOMEM ? r : -SP_ESYNTAX;
    memcpy(c.root, root.p, sizeof c.root);
    *ret = c;
    return 0;
}
