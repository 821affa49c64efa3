/* store_sqlite_column: columns of rows that are read back. What must hold: nothing in a file is believed for having been written by
 * us; who edits it, or a disk that fails, can leave anything in any column, whatever the schema says of it. Called by all reads; what
 * only verifies the log takes rows as they are (column_slice). */
#include "store/sqlite.h"

#define LAST_TIME_MS 253402300799999ll /* the end of 9999 */

struct slice column_slice(const struct query *q, int i)
{
    const void *p = sqlite3_column_blob(q->statement, i);
    if (p)
        return slice_of(p, (size_t)sqlite3_column_bytes(q->statement, i));
    return slice_of(sqlite3_column_type(q->statement, i) == SQLITE_NULL ? NULL : "", 0);
}

static void mark(struct query *q, int i)
{
    if (q->damaged == 0)
        q->damaged = i + 1;
}

/* Whether there is a value of this type; marks what is neither that nor NULL where it may be. */
static bool is_there(struct query *q, int i, enum column_null null, int type)
{
    int found = sqlite3_column_type(q->statement, i);
    if (found != type && !(found == SQLITE_NULL && null == COLUMN_OPTIONAL))
        mark(q, i);
    return found == type;
}

int64_t column_number(struct query *q, int i, enum column_null null, int64_t most)
{
    int64_t n = is_there(q, i, null, SQLITE_INTEGER) ? column_i64(q, i) : 0;
    if (n >= 0 && n <= most)
        return n;
    mark(q, i);
    return 0;
}

uint32_t column_u32(struct query *q, int i, enum column_null null)
{
    return (uint32_t)column_number(q, i, null, UINT32_MAX);
}

uint64_t column_u64(struct query *q, int i, enum column_null null)
{
    return (uint64_t)column_number(q, i, null, INT64_MAX);
}

int64_t column_time(struct query *q, int i, enum column_null null)
{
    return column_number(q, i, null, LAST_TIME_MS);
}

struct slice column_blob(struct query *q, int i, enum column_null null)
{
    return is_there(q, i, null, SQLITE_BLOB) ? column_slice(q, i) : (struct slice){0};
}

static struct slice text(struct query *q, int i, enum column_null null, size_t most)
{
    struct slice s = is_there(q, i, null, SQLITE_TEXT) ? column_slice(q, i) : (struct slice){0};
    if (s.len == 0 || (s.len <= most && slice_is_utf8(s) && !memchr(s.p, 0, s.len)))
        return s;
    mark(q, i);
    return (struct slice){0};
}

struct slice column_text(struct query *q, int i, enum column_null null)
{
    return text(q, i, null, SIZE_MAX);
}

struct slice column_name(struct query *q, int i, enum column_null null)
{
    return text(q, i, null, LIMIT_NAME - 1);
}

void column_fixed(struct query *q, int i, void *ret, size_t len)
{
    struct slice s = column_blob(q, i, COLUMN_REQUIRED);
    if (s.p && s.len == len)
        memcpy(ret, s.p, len);
    else
        mark(q, i);
}

/* --- which row it is ----------------------------------------------------------------------------------- */

/* The key stands in the first column. */
static void name_row(struct store_reader *r, const struct query *q)
{
    struct slice key = column_slice(q, 0);
    bool is_number = sqlite3_column_type(q->statement, 0) == SQLITE_INTEGER;
    bool is_shown = is_number || (key.len > 0 && key.len <= 64 && name_is_credential(key));
    (void)snprintf(r->damage, sizeof r->damage, "column %s of the row %.*s", sqlite3_column_name(q->statement, q->damaged - 1),
                   is_shown ? (int)key.len : 1, is_shown ? (const char *)key.p : "?");
}

int row_check(struct store_reader *r, const struct query *q)
{
    if (q->damaged == 0)
        return 0;
    name_row(r, q);
    return -SP_ETAMPERED;
}

const char *store_reader_damage(const struct store_reader *r)
{
    return r->damage;
}
