/* Verification of whole logs: verify.txt has logs with their damage as lines (paper_log.h) and all that is found in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "paper_log.h"

static const char *file;

/* --- cases ----------------------------------------------------------------------------------------------------------- */

struct paper_case {
    char name[512];
    struct paper_log *log;
    struct buffer want, got;
    int code; /* 0: what the findings say */
};

static void note_finding(void *user, const struct audit_finding *f)
{
    struct paper_case *c = user;
    (void)buffer_printf(&c->got, "%c %s %s %s\n", f->is_warning ? '?' : '!', audit_finding_slug(f->kind), f->table, f->row);
    assert_true(f->text[0]);
}

static void judge(struct paper_case *c)
{
    struct audit_verify_options options = paper_log_options(c->log);
    struct audit_report report;
    struct diag diag = {};
    paper_log_end(c->log);
    int r = audit_verify(paper_log_source(c->log), &options, note_finding, c, &report, &diag);
    int want = c->code ? c->code : memchr(buffer_text(&c->want), '!', c->want.len) ? -SP_ETAMPERED : 0;
    if (!slice_equal(buffer_slice(&c->want), buffer_slice(&c->got)))
        fail_msg("%s: found\n%sinstead of\n%s", c->name, buffer_text(&c->got), buffer_text(&c->want));
    if (r != want)
        fail_msg("%s: %d instead of %d (%s)", c->name, r, want, diag.text);
    assert_int_equal(r == 0, diag.text[0] == 0);
    paper_log_free(c->log);
    c->log = NULL;
    buffer_clear(&c->want);
    buffer_clear(&c->got);
}

/* "= NAME" begins a case; "! slug table row" and "? …" are what is found, an error or a warning; "fails CALL" makes it one that
 * cannot be made. "#" begins a comment. */
static void take_line(struct paper_case *c, char *line)
{
    if (line[0] == '=') {
        if (c->log)
            judge(c);
        (void)snprintf(c->name, sizeof c->name, "%s", line + 2);
        c->log = paper_log_new();
        c->code = 0;
    } else if (line[0] == '!' || line[0] == '?') {
        assert_int_equal(buffer_printf(&c->want, "%s\n", line), 0);
    } else if (line[0] && line[0] != '#') {
        c->code = strncmp(line, "fails ", 6) == 0 ? -SP_EUNAVAILABLE : c->code;
        paper_log_write(c->log, slice_text(line));
    }
}

static void all_that_is_damaged_is_found(void **state)
{
    struct paper_case c = {.want = BUFFER_MAX(1u << 16), .got = BUFFER_MAX(1u << 16)};
    char line[512];
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        take_line(&c, line);
    }
    judge(&c);
    fclose(f);
    buffer_free(&c.want);
    buffer_free(&c.got);
}

/* --- what is no damage ------------------------------------------------------------------------------------------------ */

static void count_finding(void *user, const struct audit_finding *f)
{
    ++*(unsigned *)user;
}

static void findings_are_bounded(void **state)
{
    struct paper_log *log = paper_log_new();
    struct audit_verify_options options = paper_log_options(log);
    struct audit_report report;
    unsigned n = 0;
    for (int i = 0; i < LIMIT_FINDINGS + 50; i++)
        paper_log_write(log, SLICE_LITERAL("row credential a c - a"));
    assert_int_equal(audit_verify(paper_log_source(log), &options, count_finding, &n, &report, NULL), -SP_ETAMPERED);
    assert_int_equal(n, LIMIT_FINDINGS);
    assert_int_equal(report.errors, LIMIT_FINDINGS + 50);
    assert_int_equal(audit_verify(paper_log_source(log), &options, NULL, NULL, &report, NULL), -SP_ETAMPERED);
    assert_int_equal(report.errors, LIMIT_FINDINGS + 50);
    paper_log_free(log);
}

/* Who trusts a checkpoint is told when it is none; the log is not to blame. */
static void a_trusted_checkpoint_must_be_one(void **state)
{
    struct paper_log *log = paper_log_new();
    paper_log_write(log, SLICE_LITERAL("leaves 3"));
    paper_log_write(log, SLICE_LITERAL("trust"));
    paper_log_write(log, SLICE_LITERAL("sign"));
    const struct {
        struct slice trusted, origin;
        uint8_t other_key;
        int code;
    } cases[] = {{.code = 0},
                 {.trusted = SLICE_LITERAL("no note\n"), .code = -SP_ESYNTAX},
                 {.other_key = 1, .code = -SP_EKEY},
                 {.origin = SLICE_LITERAL("sallyport/y"), .code = -SP_EKEY},
                 {.origin = slice_of(log, LIMIT_NAME + 1), .code = -SP_ELIMIT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct audit_verify_options options = paper_log_options(log);
        struct audit_report report;
        struct diag diag = {};
        options.trusted = cases[i].trusted.p ? cases[i].trusted : options.trusted;
        options.key.origin = cases[i].origin.p ? cases[i].origin : options.key.origin;
        options.key.public_key[0] ^= cases[i].other_key;
        int r = audit_verify(paper_log_source(log), &options, NULL, NULL, &report, &diag);
        if (r != cases[i].code || diag.code != r)
            fail_msg("case %zu: %d (%s)", i, r, diag.text);
    }
    paper_log_free(log);
}

static void slugs(void **state)
{
    assert_string_equal(audit_finding_slug(AUDIT_LEAF_MISSING), "leaf.missing");
    assert_string_equal(audit_finding_slug(AUDIT_FINDING_COUNT), "?");
}

int main(int argc, char **argv)
{
    if (argc != 2 || crypto_init() < 0)
        return 2;
    file = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_damaged_is_found),
        cmocka_unit_test(findings_are_bounded),
        cmocka_unit_test(a_trusted_checkpoint_must_be_one),
        cmocka_unit_test(slugs),
    };
    return cmocka_run_group_tests_name("unit/audit/verify", tests, NULL, NULL);
}
