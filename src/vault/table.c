/* table: a chained hash table of fixed width. Names come from administrators through the engine, so a seedless hash is
 * enough: the worst that chosen names can do is a walk over LIMIT_CREDENTIALS entries. */
#include "vault/table.h"

#include <errno.h>

#include "base/error.h"

#define BUCKETS 16384 /* a power of two above LIMIT_CREDENTIALS */

struct entry {
    struct entry *next;
    struct credential *credential;
    uint64_t version;
    uint8_t ns_len, name_len;
    uint8_t names[2 * LIMIT_NAME]; /* namespace, then name */
};

struct credential_table {
    size_t n;
    struct entry *buckets[BUCKETS];
};

static size_t bucket_of(struct slice ns, struct slice name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < ns.len; i++)
        hash = (hash ^ ns.p[i]) * 16777619u;
    hash = (hash ^ '/') * 16777619u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.p[i]) * 16777619u;
    return hash % BUCKETS;
}

static bool is_entry(const struct entry *e, struct slice ns, struct slice name)
{
    return slice_equal(slice_of(e->names, e->ns_len), ns) && slice_equal(slice_of(e->names + e->ns_len, e->name_len), name);
}

static struct entry *find(const struct credential_table *table, struct slice ns, struct slice name)
{
    struct entry *e = table->buckets[bucket_of(ns, name)];
    while (e && !is_entry(e, ns, name))
        e = e->next;
    return e;
}

struct credential_table *credential_table_new(void)
{
    return calloc(1, sizeof(struct credential_table));
}

void credential_table_free(struct credential_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry *e = table->buckets[i], *next; e; e = next) {
            next = e->next;
            credential_free(e->credential);
            free(e);
        }
    }
    free(table);
}

int credential_table_take(struct credential_table *table, const struct credential_label *label, struct credential **c)
{
    if (label->ns.len > LIMIT_NAME || label->name.len > LIMIT_NAME)
        return -SP_EINVALID;
    struct entry *e = find(table, label->ns, label->name);
    if (e && e->version > label->version)
        return -SP_ECONFLICT;
    if (!e) {
        if (table->n >= LIMIT_CREDENTIALS)
            return -SP_ELIMIT;
        e = calloc(1, sizeof *e);
        if (!e)
            return -ENOMEM;
        e->ns_len = (uint8_t)label->ns.len;
        e->name_len = (uint8_t)label->name.len;
        memcpy(e->names, label->ns.p, label->ns.len);
        memcpy(e->names + label->ns.len, label->name.p, label->name.len);
        struct entry **bucket = &table->buckets[bucket_of(label->ns, label->name)];
        e->next = *bucket;
        *bucket = e;
        table->n++;
    }
    credential_free(e->credential);
    e->credential = TAKE_PTR(*c);
    e->version = label->version;
    return 0;
}

const struct credential *credential_table_find(const struct credential_table *table, struct slice ns, struct slice name)
{
    const struct entry *e = find(table, ns, name);
    return e ? e->credential : NULL;
}

bool credential_table_remove(struct credential_table *table, struct slice ns, struct slice name)
{
    struct entry **place = &table->buckets[bucket_of(ns, name)];
    while (*place && !is_entry(*place, ns, name))
        place = &(*place)->next;
    struct entry *e = *place;
    if (!e)
        return false;
    *place = e->next;
    credential_free(e->credential);
    free(e);
    table->n--;
    return true;
}
