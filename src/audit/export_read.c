/* export_read: verifies a proof file with nothing but the public key. The file is hostile: strict JSON, known members only,
 * bounded sizes; a leaf counts only when its path leads to the signed root. */
#include <errno.h>

#include "audit/verify.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/limits.h"
#include "crypto/merkle.h"

static struct slice string_of(const json_t *value)
{
    return slice_of(json_string_value(value), json_string_length(value));
}

static int bad(struct diag *reterr, size_t i, const char *what)
{
    (void)diag_set(reterr, -SP_ESYNTAX, "the proof file is malformed: %s", what);
    diag_pointer(reterr, "/leaves/%zu", i);
    return -SP_ESYNTAX;
}

static int read_path(const json_t *proof, struct buffer *ret)
{
    if (!json_is_array(proof) || json_array_size(proof) > AUDIT_PROOF_MAX)
        return -SP_ESYNTAX;
    for (size_t i = 0; i < json_array_size(proof); i++) {
        const json_t *hash = json_array_get(proof, i);
        if (!json_is_string(hash))
            return -SP_ESYNTAX;
        int r = buffer_append_base64_decoded(ret, string_of(hash));
        if (r < 0)
            return r;
        if (ret->len != (i + 1) * CRYPTO_HASH_LEN)
            return -SP_ESYNTAX;
    }
    return 0;
}

struct reading {
    struct checkpoint checkpoint;
    struct buffer path, memory;
    audit_leaf_fn *each;
    void *each_user;
    struct diag *reterr;
};

static int verify_leaf(struct reading *g, const json_t *entry, size_t i)
{
    const json_t *index = json_object_get(entry, "index"), *leaf = json_object_get(entry, "leaf");
    uint8_t hash[CRYPTO_HASH_LEN];
    struct audit_event e;
    if (!json_is_object(entry) || json_object_size(entry) != 3 || !json_is_integer(index) || !json_is_string(leaf) ||
        json_integer_value(index) < 0)
        return bad(g->reterr, i, "a leaf has index, leaf and proof");
    buffer_clear(&g->path);
    int r = read_path(json_object_get(entry, "proof"), &g->path);
    if (r == -ENOMEM)
        return diag_set(g->reterr, r, "no memory");
    if (r < 0)
        return bad(g->reterr, i, "a proof is a list of hashes in base64");
    r = audit_leaf_decode(string_of(leaf), &e, &g->memory);
    if (r < 0)
        return r == -ENOMEM ? diag_set(g->reterr, r, "no memory") : bad(g->reterr, i, "the leaf is not in canonical form");
    merkle_leaf_hash(string_of(leaf), hash);
    r = merkle_verify_inclusion((uint64_t)json_integer_value(index), g->checkpoint.size, hash, buffer_slice(&g->path),
                                g->checkpoint.root);
    if (r < 0)
        return diag_set(g->reterr, r, "leaf %lld is not in the log that was signed", (long long)json_integer_value(index));
    return g->each ? g->each(g->each_user, (uint64_t)json_integer_value(index), string_of(leaf)) : 0;
}

static int verify_file(struct reading *g, const json_t *file, const struct audit_key *key)
{
    const json_t *type = json_object_get(file, "type"), *note = json_object_get(file, "checkpoint");
    const json_t *leaves = json_object_get(file, "leaves");
    if (!json_is_object(file) || json_object_size(file) != 3 || !json_is_string(type) || !json_is_string(note) ||
        !json_is_array(leaves) || !slice_is(string_of(type), "sallyport/inclusion/1"))
        return diag_set(g->reterr, -SP_ESYNTAX, "the file is no proof of inclusion (sallyport/inclusion/1)");
    if (json_array_size(leaves) == 0 || json_array_size(leaves) > LIMIT_PROOF_LEAVES)
        return diag_set(g->reterr, -SP_ESYNTAX, "the proof file has no leaves, or too many");
    int r = audit_checkpoint_open(string_of(note), key, &g->checkpoint, g->reterr);
    for (size_t i = 0; r == 0 && i < json_array_size(leaves); i++)
        r = verify_leaf(g, json_array_get(leaves, i), i);
    return r;
}

int audit_proof_verify(struct slice file, const struct audit_key *key, audit_leaf_fn *each, void *each_user,
                       struct diag *reterr)
{
    json_error_t error;
    if (file.len > LIMIT_PROOF_FILE)
        return diag_set(reterr, -SP_ELIMIT, "the proof file is larger than %u bytes", LIMIT_PROOF_FILE);
    json_t *root = json_read(file, 0, &error);
    if (!root) {
        int code = json_read_failure(&error);
        (void)diag_set(reterr, code, "the proof file is no JSON: %s", error.text);
        diag_place(reterr, (uint32_t)error.line, (uint32_t)error.column);
        return code;
    }
    struct reading g = {.path = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN),
                        .memory = BUFFER_MAX(4 * LIMIT_LEAF),
                        .each = each,
                        .each_user = each_user,
                        .reterr = reterr};
    int r = verify_file(&g, root, key);
    buffer_free(&g.path);
    buffer_free(&g.memory);
    json_decref(root);
    return r;
}
