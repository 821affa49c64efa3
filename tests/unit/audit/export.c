/* Proof files of one run: written from a log, read by a stranger; and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "paper_log.h"

#define EFFECTS 40 /* of run 1, each a leaf */

static struct paper_log *paper;
static struct buffer checkpoint; /* of all leaves */

/* --- a log ----------------------------------------------------------------------------------------------------------- */

static int note_text(void *user, uint64_t size, struct slice note)
{
    buffer_clear(&checkpoint);
    return buffer_append_slice(&checkpoint, note);
}

static int set_up(void **state)
{
    paper = paper_log_new();
    checkpoint = BUFFER_MAX(LIMIT_TEXT);
    paper_log_write(paper, SLICE_LITERAL("leaves 300"));
    for (int i = 0; i < EFFECTS; i++) {
        paper_log_write(paper, SLICE_LITERAL("leaf effect.intended run=1"));
        paper_log_write(paper, SLICE_LITERAL("leaf effect.intended run=2"));
    }
    paper_log_write(paper, SLICE_LITERAL("sign"));
    paper_log_write(paper, SLICE_LITERAL("leaf run.completed run=3"));
    paper_log_end(paper);
    const struct audit_source *source = paper_log_source(paper);
    return source->checkpoints(source->log.user, note_text, NULL);
}

static int tear_down(void **state)
{
    paper_log_free(paper);
    buffer_free(&checkpoint);
    return 0;
}

static int exported(const struct audit_log *log, uint64_t run, struct buffer *ret)
{
    struct audit_verify_options options = paper_log_options(paper);
    struct diag diag = {};
    int r = audit_proof_export(log, (struct run_id){run}, 0, UINT64_MAX, buffer_slice(&checkpoint), &options.key, ret, &diag);
    assert_int_equal(r == 0, diag.text[0] == 0);
    return r;
}

static int verified(struct slice file, audit_leaf_fn *each, void *user, struct diag *ret)
{
    struct audit_verify_options options = paper_log_options(paper);
    *ret = (struct diag){};
    int r = audit_proof_verify(file, &options.key, each, user, ret);
    assert_int_equal(ret->code, r);
    assert_int_equal(r == 0, ret->text[0] == 0);
    return r;
}

static int count_leaf(void *user, uint64_t index, struct slice leaf)
{
    assert_non_null(memmem(leaf.p, leaf.len, "r0000000000001", 14));
    ++*(unsigned *)user;
    return 0;
}

static int refuse_leaf(void *user, uint64_t index, struct slice leaf)
{
    return -SP_EUNAVAILABLE;
}

static void a_run_is_proven(void **state)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE);
    unsigned n = 0;
    struct diag diag;
    assert_int_equal(exported(&paper_log_source(paper)->log, 1, &file), 0);
    assert_int_equal(verified(buffer_slice(&file), count_leaf, &n, &diag), 0);
    assert_int_equal(n, EFFECTS);
    assert_int_equal(verified(buffer_slice(&file), NULL, NULL, &diag), 0);
    struct audit_verify_options options = paper_log_options(paper);
    assert_int_equal(audit_proof_verify(buffer_slice(&file), &options.key, refuse_leaf, NULL, &diag), -SP_EUNAVAILABLE);
}

static void what_is_not_there_is_not_proven(void **state)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE), small = BUFFER_MAX(1000);
    const struct audit_log *log = &paper_log_source(paper)->log;
    struct audit_verify_options options = paper_log_options(paper);
    struct diag diag = {};
    assert_int_equal(exported(log, 9, &file), -SP_ENOTFOUND);
    assert_int_equal(exported(log, 3, &file), -SP_EUNAVAILABLE); /* not signed yet */
    assert_int_equal(audit_proof_export(log, (struct run_id){1}, 0, 299, buffer_slice(&checkpoint), &options.key, &file, &diag),
                     -SP_ENOTFOUND);
    assert_int_equal(audit_proof_export(log, (struct run_id){1}, 0, 400, SLICE_LITERAL("no note\n"), &options.key, &file, &diag),
                     -SP_ESYNTAX);
    assert_int_equal(exported(log, 1, &small), -SP_ELIMIT);
}

/* --- logs that lie --------------------------------------------------------------------------------------------------- */

static struct {
    unsigned reads, from, n; /* from this read on it lies, with so many leaves */
    int code;
} lie;

static int lying_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    const struct audit_log *log = &paper_log_source(paper)->log;
    if (lie.reads++ < lie.from)
        return log->leaves(log->user, from, to, each, each_user);
    int r = lie.code;
    for (unsigned i = 0; r == 0 && i < lie.n; i++)
        r = each(each_user, from + i, SLICE_LITERAL("{\"run\":\"r0000000000001\"}"));
    return r;
}

static int no_tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    return -SP_ENOTFOUND;
}

static void a_log_that_lies_proves_nothing(void **state)
{
    static const struct {
        unsigned from, n;
        int code, want;
    } lies[] = {{0, 0, -SP_EUNAVAILABLE, -SP_EUNAVAILABLE},
                {1, 0, -SP_EUNAVAILABLE, -SP_EUNAVAILABLE},
                {1, 0, 0, -SP_ETAMPERED},
                {2, 0, 0, -SP_ETAMPERED},
                {2, 257, 0, -SP_ETAMPERED},
                {0, LIMIT_PROOF_LEAVES + 1, 0, -SP_ELIMIT}};
    struct audit_log log = paper_log_source(paper)->log;
    log.leaves = lying_leaves;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE);
        lie.reads = 0;
        lie.from = lies[i].from;
        lie.n = lies[i].n;
        lie.code = lies[i].code;
        int r = exported(&log, 1, &file);
        if (r != lies[i].want)
            fail_msg("lie %zu: %d instead of %d", i, r, lies[i].want);
    }
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE);
    log = paper_log_source(paper)->log;
    log.tile = no_tile;
    assert_int_equal(exported(&log, 1, &file), -SP_ETAMPERED);
}

/* --- files that prove nothing ---------------------------------------------------------------------------------------- */

static int put_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct json_writer w = JSON_WRITER(user);
    json_slice(&w, leaf);
    return buffer_error(user);
}

static void put_proof(struct buffer *text, uint64_t index)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN);
    assert_int_equal(audit_proof_inclusion(&paper_log_source(paper)->log, 300 + 2 * EFFECTS, index, &proof), 0);
    for (size_t i = 0; i < proof.len; i += CRYPTO_HASH_LEN) {
        (void)buffer_append_text(text, i ? ",\"" : "[\"");
        (void)buffer_append_base64(text, slice_of(proof.p + i, CRYPTO_HASH_LEN));
        (void)buffer_append_byte(text, '"');
    }
    assert_int_equal(buffer_append_byte(text, ']'), 0);
}

#define HASH       "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""
#define FOUR       HASH "," HASH "," HASH "," HASH ","
#define SIXTEEN    FOUR FOUR FOUR FOUR
#define LONG_PROOF "[" SIXTEEN SIXTEEN SIXTEEN SIXTEEN HASH "]"
_Static_assert(AUDIT_PROOF_MAX == 64, "one hash more than the most");

/* Parts of a file of one leaf, as JSON; NULL: as it should be. */
static const struct bad_file {
    const char *index, *leaf, *proof, *entry, *note, *leaves, *type, *file;
    int code;
    const char *text; /* a part of what is said */
} bad_files[] = {
    {.code = 0, .text = ""},
    {.index = "-1", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.index = "0.5", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.index = "\"0\"", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.index = "0,\"more\":1", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.leaf = "5", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.entry = "[]", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.entry = "{}", .code = -SP_ESYNTAX, .text = "index, leaf and proof"},
    {.leaf = "\"{}\"", .code = -SP_ESYNTAX, .text = "canonical form"},
    {.leaf = "\"\"", .code = -SP_ESYNTAX, .text = "canonical form"},
    {.proof = "5", .code = -SP_ESYNTAX, .text = "hashes in base64"},
    {.proof = "[5]", .code = -SP_ESYNTAX, .text = "hashes in base64"},
    {.proof = "[\"?\"]", .code = -SP_ESYNTAX, .text = "hashes in base64"},
    {.proof = "[\"AAAA\"]", .code = -SP_ESYNTAX, .text = "hashes in base64"},
    {.proof = LONG_PROOF, .code = -SP_ESYNTAX, .text = "hashes in base64"},
    {.proof = "[]", .code = -SP_ETAMPERED, .text = "leaf 0 is not in the log"},
    {.index = "300", .code = -SP_ETAMPERED, .text = "leaf 300 is not in the log"},
    {.index = "9223372036854775807", .code = -SP_ETAMPERED, .text = "is not in the log"},
    {.leaf = "\"{\\\"action\\\":\\\"login.ok\\\",\\\"outcome\\\":\\\"ok\\\",\\\"time\\\":5}\"",
     .code = -SP_ETAMPERED,
     .text = "not in the log"},
    {.note = "\"no note\"", .code = -SP_ESYNTAX, .text = "checkpoint is malformed"},
    {.note = "5", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.leaves = "[]", .code = -SP_ESYNTAX, .text = "no leaves"},
    {.leaves = "5", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.type = "5", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.type = "\"sallyport/inclusion/2\"", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.type = "\"sallyport/inclusion/1\",\"more\":1", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.file = "[]", .code = -SP_ESYNTAX, .text = "no proof of inclusion"},
    {.file = "", .code = -SP_ESYNTAX, .text = "no JSON"},
    {.file = "{\"type\":1,\"type\":1}", .code = -SP_ESYNTAX, .text = "no JSON"},
};

static const char *or_good(const char *part, struct buffer *good)
{
    return part ? part : buffer_text(good);
}

static void put_entry(const struct bad_file *f, struct buffer *ret)
{
    const struct audit_log *log = &paper_log_source(paper)->log;
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_TEXT), proof = BUFFER_MAX(LIMIT_TEXT);
    assert_int_equal(log->leaves(log->user, 0, 1, put_leaf, &leaf), 0);
    put_proof(&proof, 0);
    if (f->entry)
        (void)buffer_append_text(ret, f->entry);
    else
        (void)buffer_printf(ret, "{\"index\":%s,\"leaf\":%s,\"proof\":%s}", f->index ? f->index : "0", or_good(f->leaf, &leaf),
                            or_good(f->proof, &proof));
    assert_int_equal(buffer_error(ret), 0);
}

static void put_file(const struct bad_file *f, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT), leaves = BUFFER_MAX(LIMIT_TEXT);
    struct json_writer w = JSON_WRITER(&note);
    json_slice(&w, buffer_slice(&checkpoint));
    (void)buffer_append_byte(&leaves, '[');
    put_entry(f, &leaves);
    (void)buffer_append_byte(&leaves, ']');
    assert_int_equal(buffer_printf(ret, "{\"checkpoint\":%s,\"leaves\":%s,\"type\":%s}", or_good(f->note, &note),
                                   or_good(f->leaves, &leaves), f->type ? f->type : "\"sallyport/inclusion/1\""),
                     0);
}

static void files_that_prove_nothing(void **state)
{
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad_file *f = &bad_files[i];
        _cleanup_buffer_ struct buffer file = BUFFER_MAX(1u << 16);
        struct diag diag;
        put_file(f, &file);
        int r = verified(f->file ? slice_text(f->file) : buffer_slice(&file), NULL, NULL, &diag);
        if (r != f->code || !strstr(diag.text, f->text))
            fail_msg("case %zu: %d (%s) instead of %d (%s)", i, r, diag.text, f->code, f->text);
    }
}

static void large_files_are_not_read(void **state)
{
    struct diag diag;
    assert_int_equal(verified(slice_of(buffer_text(&checkpoint), LIMIT_PROOF_FILE + 1ul), NULL, NULL, &diag), -SP_ELIMIT);
}

static void too_many_leaves_are_not_read(void **state)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(1u << 20);
    struct diag diag;
    (void)buffer_append_text(&file, "{\"checkpoint\":\"\",\"type\":\"sallyport/inclusion/1\",\"leaves\":[0");
    for (unsigned i = 0; i < LIMIT_PROOF_LEAVES; i++)
        (void)buffer_append_text(&file, ",0");
    assert_int_equal(buffer_append_text(&file, "]}"), 0);
    assert_int_equal(verified(buffer_slice(&file), NULL, NULL, &diag), -SP_ESYNTAX);
    assert_non_null(strstr(diag.text, "too many"));
}

int main(void)
{
    if (crypto_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_proven),          cmocka_unit_test(what_is_not_there_is_not_proven),
        cmocka_unit_test(files_that_prove_nothing), cmocka_unit_test(a_log_that_lies_proves_nothing),
        cmocka_unit_test(large_files_are_not_read), cmocka_unit_test(too_many_leaves_are_not_read),
    };
    return cmocka_run_group_tests_name("unit/audit/export", tests, set_up, tear_down);
}
