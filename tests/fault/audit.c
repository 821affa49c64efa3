/* Faults under the audit log: the N-th allocation fails while leaves are made and read, proofs made and verified, and a whole
 * database is verified, SQLite's own allocations included. A log is never called altered because there was no memory to read
 * it, and never intact when it could not be read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "audit/jcs.h"
#include "base/error.h"
#include "crypto/merkle.h"
#include "faults.h"
#include "logbook.h"

#define RUNS 140 /* two tiles */

static char folder[128], path[160];

/* --- leaves ---------------------------------------------------------------------------------------------------------- */

static const uint8_t digest[CRYPTO_HASH_LEN] = {1, 2, 3};

static int leaf_there_and_back(void)
{
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF), memory = BUFFER_MAX(4 * LIMIT_LEAF);
    struct audit_event out, in = {.action = AUDIT_EFFECT_COMPLETED, .time_ms = 1764000000000, .ns = SLICE_LITERAL("default"),
                                  .workflow = SLICE_LITERAL("orders"), .run = logbook_run(7), .effect = 3,
                                  .credentials = SLICE_LITERAL("crm,erp"), .origin = SLICE_LITERAL("https://api.example.com:443"),
                                  .detail = SLICE_LITERAL("a \"quoted\" text\nof two lines"), .request = slice_of(digest, sizeof digest),
                                  .response = slice_of(digest, sizeof digest), .error = SLICE_LITERAL("b\\c")};
    int r = audit_leaf_encode(&in, &leaf);
    r = r < 0 ? r : audit_leaf_decode(buffer_slice(&leaf), &out, &memory);
    if (r == 0) {
        assert_true(slice_equal(in.detail, out.detail));
        assert_true(slice_equal(in.credentials, out.credentials));
        assert_true(slice_equal(in.request, out.request));
    }
    return r;
}

static void leaves(void **state)
{
    struct fault_loop f = FAULT_LOOP("leaf");
    while (fault_next(&f))
        fault_judge(&f, leaf_there_and_back());
}

static int canonical_twice(void)
{
    static const char text[] = "{\"b\":[1,2.5,\"x\\u0000\\ny\",{\"ä\":null}],\"a\":{\"c\":true,\"long\":\"0123456789012345678901234567890123456789\"}}";
    _cleanup_buffer_ struct buffer once = BUFFER_MAX(LIMIT_TEXT), twice = BUFFER_MAX(LIMIT_TEXT);
    int r = jcs_canonicalise(slice_text(text), &once);
    r = r < 0 ? r : jcs_canonicalise(buffer_slice(&once), &twice);
    if (r == 0)
        assert_true(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    return r;
}

static void canonical_json(void **state)
{
    struct fault_loop f = FAULT_LOOP("canonical JSON");
    while (fault_next(&f))
        fault_judge(&f, canonical_twice());
}

/* --- the tree -------------------------------------------------------------------------------------------------------- */

static int drop_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    return 0;
}

/* Memory or none, the root is the same: what hashes falls back to what needs none. */
static int grow(uint8_t ret_root[CRYPTO_HASH_LEN])
{
    _cleanup_(audit_tree_freep) struct audit_tree *tree = NULL;
    int r = audit_tree_new(NULL, 0, drop_tile, NULL, &tree);
    for (uint8_t i = 0; r == 0 && i < 40; i++)
        r = audit_tree_append(tree, slice_of(&i, 1));
    r = r < 0 ? r : audit_tree_flush(tree);
    if (r == 0)
        audit_tree_root(tree, ret_root);
    return r;
}

static void the_tree(void **state)
{
    uint8_t root[CRYPTO_HASH_LEN], again[CRYPTO_HASH_LEN];
    assert_int_equal(grow(root), 0);
    struct fault_loop f = FAULT_LOOP("tree");
    while (fault_next(&f)) {
        int r = grow(again);
        fault_judge(&f, r);
        if (r == 0)
            assert_memory_equal(root, again, sizeof root);
    }
}

/* --- proofs ---------------------------------------------------------------------------------------------------------- */

static int take_checkpoint(void *user, uint64_t size, struct slice note, int64_t at_ms)
{
    return buffer_append_slice(user, note);
}

static int export(struct store_reader *reader, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    struct audit_log log = store_audit_log(reader);
    struct audit_key key = logbook_key();
    struct diag diag = {};
    int r = store_checkpoint_last(reader, take_checkpoint, &note);
    r = r < 0 ? r : audit_proof_export(&log, logbook_run(100), 0, UINT64_MAX, buffer_slice(&note), &key, ret, &diag);
    assert_true(r == 0 || r == -ENOMEM);
    return r;
}

static int count_leaf(void *user, uint64_t index, struct slice leaf)
{
    ++*(unsigned *)user;
    return 0;
}

static int verify_proof(struct slice file)
{
    struct audit_key key = logbook_key();
    struct diag diag = {};
    unsigned n = 0;
    int r = audit_proof_verify(file, &key, count_leaf, &n, &diag);
    if (r == 0)
        assert_int_equal(n, 2);
    else
        assert_true(diag.text[0] != 0);
    return r;
}

static int proof_there_and_back(void)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE);
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    struct diag diag = {};
    int r = store_reader_open_file(path, &reader, &diag);
    r = r < 0 ? r : export(reader, &file);
    return r < 0 ? r : verify_proof(buffer_slice(&file));
}

static void proofs(void **state)
{
    struct fault_loop f = FAULT_LOOP("proof");
    while (fault_next(&f))
        fault_judge(&f, proof_there_and_back());
}

static int prove_consistency(void)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN);
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    uint8_t old[CRYPTO_HASH_LEN], now[CRYPTO_HASH_LEN];
    struct diag diag = {};
    int r = store_reader_open_file(path, &reader, &diag);
    if (r < 0)
        return r;
    struct audit_log log = store_audit_log(reader);
    r = audit_proof_consistency(&log, 2 * RUNS, 100, &proof);
    r = r < 0 ? r : audit_proof_root(&log, 100, old);
    r = r < 0 ? r : audit_proof_root(&log, 2 * RUNS, now);
    if (r == 0)
        assert_int_equal(merkle_verify_consistency(100, old, 2 * RUNS, now, buffer_slice(&proof)), 0);
    return r;
}

static void consistency(void **state)
{
    struct fault_loop f = FAULT_LOOP("consistency");
    while (fault_next(&f))
        fault_judge(&f, prove_consistency());
}

/* --- a whole database ------------------------------------------------------------------------------------------------ */

static void the_whole_log(void **state)
{
    struct audit_report report = {};
    struct fault_loop f = FAULT_LOOP("verify");
    while (fault_next(&f)) {
        int r = logbook_verify(path, (struct slice){}, NULL, NULL, &report);
        fault_judge(&f, r);
        if (report.errors || (r == 0 && report.runs != RUNS))
            fail_msg("with allocation %u failing: %llu findings, %llu runs", f.n, (unsigned long long)report.errors,
                     (unsigned long long)report.runs);
    }
}

static int set_up(void **state)
{
    logbook_folder(folder);
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    return logbook_make(path, RUNS, 0);
}

static int tear_down(void **state)
{
    logbook_folder_remove(folder);
    return 0;
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0 || !faults_init_sqlite())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves), cmocka_unit_test(canonical_json), cmocka_unit_test(the_tree),
        cmocka_unit_test(proofs), cmocka_unit_test(consistency),    cmocka_unit_test(the_whole_log),
    };
    return cmocka_run_group_tests_name("fault/audit", tests, set_up, tear_down);
}
