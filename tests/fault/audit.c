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

#include "audit/facts.h"
#include "audit/jcs.h"
#include "base/error.h"
#include "crypto/merkle.h"
#include "faults.h"
#include "logbook.h"
#include "paper_log.h"

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

/* --- the same without a database, so that each allocation is ours ---------------------------------------------------------- */

#define EFFECTS 20 /* of run 1 */

static int take_note(void *user, uint64_t size, struct slice note)
{
    buffer_clear(user);
    return buffer_append_slice(user, note);
}

static int verify_paper(const struct paper_log *log)
{
    struct audit_verify_options options = paper_log_options(log);
    struct audit_report report;
    struct diag diag = {};
    int r = audit_verify(paper_log_source(log), &options, NULL, NULL, &report, &diag);
    assert_int_equal(report.errors + report.warnings, 0);
    assert_true(r == 0 ? report.runs == 600 && report.checkpoints == 70 : diag.code == r);
    return r;
}

/* More runs, credentials and checkpoints than there is room for at first. */
static void a_whole_log_on_paper(void **state)
{
    struct paper_log *log = paper_log_new();
    paper_log_write(log, SLICE_LITERAL("runs 600"));
    paper_log_write(log, SLICE_LITERAL("credentials 600"));
    for (int i = 0; i < 70; i++)
        paper_log_write(log, SLICE_LITERAL("sign"));
    paper_log_write(log, SLICE_LITERAL("trust"));
    paper_log_end(log);
    struct fault_loop f = FAULT_LOOP("verify on paper");
    while (fault_next(&f))
        fault_judge(&f, verify_paper(log));
    paper_log_free(log);
}

static void no_finding(void *user, enum audit_finding_kind kind, bool is_warning, uint64_t leaf, const char *table, const char *row,
                       const char *text)
{
    fail_msg("%s %s: %s", table, row, text);
}

/* Both tables grow. Hashing the keys of credentials asks for memory, too, so only near the end of the room it may fail. */
static int gather_facts(void)
{
    struct facts *facts = NULL;
    int r = facts_new(&facts);
    for (uint64_t i = 1; r == 0 && i <= 600; i++)
        r = facts_leaf(facts, i, &(struct audit_event){.action = AUDIT_RUN_COMPLETED, .run = {i}}, no_finding, NULL);
    fault_pause();
    for (uint64_t i = 0; r == 0 && i < 600; i++) {
        if (i == 505)
            fault_resume();
        r = facts_leaf(facts, i, &(struct audit_event){.action = AUDIT_CREDENTIAL_SET, .object = slice_of(&i, sizeof i)}, no_finding,
                       NULL);
        if (i == 520)
            fault_pause();
    }
    fault_resume();
    for (uint64_t i = 1; r == 0 && i <= 600; i++)
        facts_run(facts, &(struct audit_run_fact){.run = {i}, .ended = AUDIT_RUN_COMPLETED}, no_finding, NULL);
    facts_free(facts);
    return r;
}

static void facts_grow(void **state)
{
    struct fault_loop f = FAULT_LOOP("facts");
    while (fault_next(&f))
        fault_judge(&f, gather_facts());
}

static int export_paper(const struct paper_log *log, struct slice note, struct buffer *ret)
{
    struct audit_verify_options options = paper_log_options(log);
    struct diag diag = {};
    int r = audit_proof_export(&paper_log_source(log)->log, (struct run_id){1}, 0, UINT64_MAX, note, &options.key, ret, &diag);
    assert_true(r == 0 || diag.code == r);
    return r;
}

static int verify_paper_proof(const struct paper_log *log, struct slice file)
{
    struct audit_verify_options options = paper_log_options(log);
    struct diag diag = {};
    unsigned n = 0;
    int r = audit_proof_verify(file, &options.key, count_leaf, &n, &diag);
    assert_true(r == 0 ? n == EFFECTS : diag.code == r);
    return r;
}

static void proofs_on_paper(void **state)
{
    struct paper_log *log = paper_log_new();
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT), file = BUFFER_MAX(1u << 20);
    const struct audit_source *source = paper_log_source(log);
    paper_log_write(log, SLICE_LITERAL("leaves 300"));
    for (int i = 0; i < EFFECTS; i++)
        paper_log_write(log, SLICE_LITERAL("leaf effect.intended run=1 wf=a\"b"));
    paper_log_write(log, SLICE_LITERAL("sign"));
    paper_log_end(log);
    assert_int_equal(source->checkpoints(source->log.user, take_note, &note), 0);
    struct fault_loop writing = FAULT_LOOP("proof to paper", .dense = 1000);
    while (fault_next(&writing)) {
        buffer_free(&file);
        fault_judge(&writing, export_paper(log, buffer_slice(&note), &file));
    }
    struct fault_loop reading = FAULT_LOOP("proof from paper", .dense = 3000);
    while (fault_next(&reading))
        fault_judge(&reading, verify_paper_proof(log, buffer_slice(&file)));
    paper_log_free(log);
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
        cmocka_unit_test(leaves),        cmocka_unit_test(canonical_json),       cmocka_unit_test(the_tree),
        cmocka_unit_test(proofs),        cmocka_unit_test(consistency),          cmocka_unit_test(the_whole_log),
        cmocka_unit_test(proofs_on_paper), cmocka_unit_test(facts_grow),           cmocka_unit_test(a_whole_log_on_paper),
    };
    return cmocka_run_group_tests_name("fault/audit", tests, set_up, tear_down);
}
