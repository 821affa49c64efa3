/* What the leaves say about the state tables, gathered while they are read, and compared with the rows afterwards. A run takes
 * 32 bytes, another fact 64. Only verify.c uses this. */
#ifndef AUDIT_FACTS_H
#define AUDIT_FACTS_H

#include "audit/verify.h"

struct facts;

[[gnu::warn_unused_result]] int facts_new(struct facts **ret);
void facts_free(struct facts *facts);

/* Where findings go. */
typedef void facts_report_fn(void *user, enum audit_finding_kind kind, bool is_warning, uint64_t leaf, const char *table,
                             const char *row, const char *text);

/* A leaf or row of this run comes soon: its place is fetched from memory, which takes longer than the rest of what it needs. */
void facts_expect(const struct facts *facts, struct run_id run);

/* Takes note of a leaf; -ENOMEM, -SP_ELIMIT. What is wrong among leaves (a run that ends twice) is reported. */
[[gnu::warn_unused_result]] int facts_leaf(struct facts *facts, uint64_t index, const struct audit_event *e,
                                           facts_report_fn *report, void *user);

/* Compare one row; then, after all rows, what leaves tell of and no row shows. */
void facts_run(struct facts *facts, const struct audit_run_fact *run, facts_report_fn *report, void *user);
void facts_row(struct facts *facts, const struct audit_fact *fact, facts_report_fn *report, void *user);
void facts_end(struct facts *facts, facts_report_fn *report, void *user);

#endif
