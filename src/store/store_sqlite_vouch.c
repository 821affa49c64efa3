/* store_sqlite_vouch: the digest of a row as a leaf vouches for it. store_leaf_append puts it into each leaf
 * that tells of a row, computed from the row as the batch leaves it; `verify` computes the same from what it
 * finds. So the two cannot drift apart, and no column can be forgotten: the statements VOUCH_* select all of
 * them.
 *
 *   row     SHA-256("sallyport/row/1", table, field…)
 *   field   u8 number, u8 type ('i', 't', 'b'), u64 length, bytes
 *   fields  the columns of VOUCH_* after its VOUCH_KEYS key columns, numbered from 0. NULL has no field, so a
 *           column that is added to the end of the table later leaves the digests of older rows as they are
 *   digest  that of the row; of a run that has ended it is folded with its journal's rows and then its
 *           events': digest = SHA-256(digest, row)
 *
 * Integers are little-endian. Called with the store's or a reader's connection. The one row that is not read back is that of a
 * run that ends in its first step: its digest is made from what its insert binds. */
#include "store/vouch.h"

#include "base/must.h"
#include "crypto/crypto.h"

#define FLAT_MAX 2048

static const char *const tables[STATEMENT_COUNT] = {
    [STATEMENT_VOUCH_NAMESPACE] = "namespaces",   [STATEMENT_VOUCH_NAMESPACES] = "namespaces",
    [STATEMENT_VOUCH_PRINCIPAL] = "principals",   [STATEMENT_VOUCH_PRINCIPALS] = "principals",
    [STATEMENT_VOUCH_WORKFLOW] = "workflows",     [STATEMENT_VOUCH_WORKFLOWS] = "workflows",
    [STATEMENT_VOUCH_CREDENTIAL] = "credentials", [STATEMENT_VOUCH_CREDENTIALS] = "credentials",
    [STATEMENT_VOUCH_RUN_START] = "runs/start",   [STATEMENT_VOUCH_RUNS_OPEN] = "runs/start",
    [STATEMENT_VOUCH_RUN_END] = "runs",           [STATEMENT_VOUCH_RUNS_ENDED] = "runs",
    [STATEMENT_VOUCH_JOURNAL] = "journal",        [STATEMENT_VOUCH_JOURNALS] = "journal",
    [STATEMENT_VOUCH_EVENTS] = "events",          [STATEMENT_VOUCH_EVENTS_ALL] = "events",
};

static void le64(uint64_t value, uint8_t ret[8])
{
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(value >> 8 * i);
}

/* Most rows are small: joining the parts first costs a third of hashing them one by one. */
static void digest_parts(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    uint8_t flat[FLAT_MAX];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > sizeof flat - len) {
            crypto_sha256_parts(parts, n, ret);
            return;
        }
        if (parts[i].len)
            memcpy(flat + len, parts[i].p, parts[i].len);
        len += parts[i].len;
    }
    crypto_sha256(slice_of(flat, len), ret);
}

void vouch_row_begin(struct vouch_fields *row, enum statement which)
{
    row->parts[0] = (struct slice)SLICE_LITERAL("sallyport/row/1");
    row->parts[1] = slice_text(tables[which]);
    row->n = 0;
    must(row->parts[1].len > 0);
}

static void row_field(struct vouch_fields *row, int number, char type, struct slice bytes)
{
    must(number >= 0 && number < VOUCH_FIELDS && row->n < VOUCH_FIELDS);
    uint8_t *head = row->heads[row->n];
    head[0] = (uint8_t)number;
    head[1] = (uint8_t)type;
    le64(bytes.len, head + 2);
    struct slice *part = row->parts + 2 + 2 * row->n++;
    part[0] = slice_of(head, VOUCH_HEAD_LEN);
    part[1] = bytes;
}

void vouch_field_bytes(struct vouch_fields *row, int number, bool is_text, struct slice value)
{
    row_field(row, number, is_text ? 't' : 'b', value);
}

void vouch_field_i64(struct vouch_fields *row, int number, int64_t value)
{
    must(row->n < VOUCH_FIELDS);
    uint8_t *bytes = row->integers[row->n];
    le64((uint64_t)value, bytes);
    row_field(row, number, 'i', slice_of(bytes, 8));
}

void vouch_row_end(const struct vouch_fields *row, uint8_t ret[CRYPTO_HASH_LEN])
{
    digest_parts(row->parts, 2 + 2 * row->n, ret);
}

static void row_digest(enum statement which, const struct query *q, uint8_t ret[CRYPTO_HASH_LEN])
{
    struct vouch_fields row;
    int n = sqlite3_column_count(q->statement) - VOUCH_KEYS;
    vouch_row_begin(&row, which);
    for (int i = 0; i < n; i++) {
        int column = VOUCH_KEYS + i, type = sqlite3_column_type(q->statement, column);
        if (type == SQLITE_INTEGER)
            vouch_field_i64(&row, i, column_i64(q, column));
        else if (type != SQLITE_NULL)
            vouch_field_bytes(&row, i, type == SQLITE_TEXT, column_slice(q, column));
    }
    vouch_row_end(&row, ret);
}

static void fold(enum statement which, const struct query *q, uint8_t digest[CRYPTO_HASH_LEN])
{
    uint8_t both[2 * CRYPTO_HASH_LEN];
    memcpy(both, digest, CRYPTO_HASH_LEN);
    row_digest(which, q, both + CRYPTO_HASH_LEN);
    crypto_sha256(slice_of(both, sizeof both), digest);
}

static int fold_rows_of_run(struct connection *c, enum statement which, int64_t run,
                            uint8_t digest[CRYPTO_HASH_LEN])
{
    struct query q = query_begin(c, which);
    int r;
    query_i64(&q, run);
    while ((r = query_next(&q)) > 0)
        fold(which, &q, digest);
    query_end(&q);
    return r;
}

void vouch_row(enum statement which, const struct query *q, uint8_t ret[CRYPTO_HASH_LEN])
{
    row_digest(which, q, ret);
}

static int fold_what_belongs(struct connection *c, int64_t run, uint8_t digest[CRYPTO_HASH_LEN])
{
    int r = fold_rows_of_run(c, STATEMENT_VOUCH_JOURNAL, run, digest);
    return r < 0 ? r : fold_rows_of_run(c, STATEMENT_VOUCH_EVENTS, run, digest);
}

/* --- all runs in turn ------------------------------------------------------------------------------------------------ */

static const enum statement beside[VOUCH_BESIDE] = {STATEMENT_VOUCH_JOURNALS, STATEMENT_VOUCH_EVENTS_ALL};

int vouch_walk_begin(struct connection *c, struct vouch_walk *walk)
{
    int r = 0;
    for (size_t i = 0; i < VOUCH_BESIDE; i++) {
        walk->rows[i] = query_begin(c, beside[i]);
        walk->state[i] = r < 0 ? r : query_next(&walk->rows[i]);
        r = walk->state[i] < 0 ? walk->state[i] : r;
    }
    return r;
}

int vouch_walk_row(struct vouch_walk *walk, const struct query *q, uint8_t ret[CRYPTO_HASH_LEN])
{
    int64_t run = column_i64(q, VOUCH_KEYS);
    row_digest(STATEMENT_VOUCH_RUNS_ENDED, q, ret);
    for (size_t i = 0; i < VOUCH_BESIDE; i++) {
        struct query *rows = &walk->rows[i];
        int *state = &walk->state[i];
        /* Rows of open runs are passed over; rows without a run, too, as they are when a run is looked up. */
        while (*state > 0 && column_i64(rows, 0) <= run) {
            if (column_i64(rows, 0) == run)
                fold(beside[i], rows, ret);
            *state = query_next(rows);
        }
        if (*state < 0)
            return *state;
    }
    return 0;
}

void vouch_walk_end(struct vouch_walk *walk)
{
    for (size_t i = 0; i < VOUCH_BESIDE; i++)
        query_end(&walk->rows[i]);
}

/* --- one leaf -------------------------------------------------------------------------------------------------------- */

/* The statement that finds the row that a leaf tells of; STATEMENT_COUNT when it tells of none. */
static enum statement statement_of(const struct audit_event *e)
{
    bool is_ok = e->outcome == AUDIT_OK;
    switch ((int)e->action) {
    case AUDIT_RUN_STARTED:
        return STATEMENT_VOUCH_RUN_START;
    case AUDIT_RUN_COMPLETED:
    case AUDIT_RUN_FAULTED:
    case AUDIT_RUN_CANCELLED:
        return STATEMENT_VOUCH_RUN_END;
    case AUDIT_NAMESPACE_CREATED:
        return is_ok ? STATEMENT_VOUCH_NAMESPACE : STATEMENT_COUNT;
    case AUDIT_TOKEN_CREATED:
    case AUDIT_TOKEN_REVOKED:
        return is_ok ? STATEMENT_VOUCH_PRINCIPAL : STATEMENT_COUNT;
    case AUDIT_WORKFLOW_DEPLOYED:
    case AUDIT_WORKFLOW_ENABLED:
    case AUDIT_WORKFLOW_DISABLED:
        return is_ok ? STATEMENT_VOUCH_WORKFLOW : STATEMENT_COUNT;
    case AUDIT_CREDENTIAL_SET:
    case AUDIT_CREDENTIAL_REVOKED:
        return is_ok ? STATEMENT_VOUCH_CREDENTIAL : STATEMENT_COUNT;
    default:
        return STATEMENT_COUNT;
    }
}

static void bind_key(struct query *q, enum statement which, const struct audit_event *e)
{
    if (which == STATEMENT_VOUCH_RUN_START || which == STATEMENT_VOUCH_RUN_END) {
        query_u64(q, e->run.n);
        return;
    }
    if (which != STATEMENT_VOUCH_PRINCIPAL)
        query_text(q, e->ns);
    if (which == STATEMENT_VOUCH_WORKFLOW)
        query_text(q, e->workflow);
    if (which == STATEMENT_VOUCH_WORKFLOW)
        query_text(q, e->version);
    if (which == STATEMENT_VOUCH_PRINCIPAL || which == STATEMENT_VOUCH_CREDENTIAL)
        query_text(q, e->object);
}

int vouch_event(struct connection *c, const struct audit_event *e, const struct vouched_run *last, uint8_t ret[CRYPTO_HASH_LEN])
{
    enum statement which = statement_of(e);
    if (which == STATEMENT_COUNT)
        return 0;
    if (which == STATEMENT_VOUCH_RUN_END && last->id.n && e->run.n == last->id.n) {
        memcpy(ret, last->digest, CRYPTO_HASH_LEN);
        return 1;
    }
    struct query q = query_begin(c, which);
    bind_key(&q, which, e);
    int r = query_next(&q), code = r;
    if (r > 0)
        row_digest(which, &q, ret);
    if (r > 0 && which == STATEMENT_VOUCH_RUN_END)
        code = fold_what_belongs(c, column_i64(&q, VOUCH_KEYS), ret);
    query_end(&q);
    return code < 0 ? code : r;
}
