/* The credentials that are loaded, by namespace and name: at most LIMIT_CREDENTIALS [I6]. */
#ifndef VAULT_TABLE_H
#define VAULT_TABLE_H

#include "vault/credential.h"

struct credential_table;

struct credential_table *credential_table_new(void); /* NULL without memory */
void credential_table_free(struct credential_table *table);
DEFINE_CLEANUP(struct credential_table *, credential_table_free)

/* Puts a credential in and takes it over on success; one of an earlier version, or the same, is freed. -SP_ECONFLICT if a
 * later version is there, -SP_ELIMIT if the table is full. */
[[gnu::warn_unused_result]] int credential_table_take(struct credential_table *table, const struct credential_label *label,
                                                      struct credential **c);

/* NULL if it is not there; borrowed until the next change of the table. */
const struct credential *credential_table_find(const struct credential_table *table, struct slice ns, struct slice name);

/* Forgets it; true if it was there. */
bool credential_table_remove(struct credential_table *table, struct slice ns, struct slice name);

#endif
