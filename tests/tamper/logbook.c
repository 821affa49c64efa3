/* logbook: see logbook.h. */
#include "logbook.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/must.h"
#include "crypto/note.h"

#define START_MS 1764000000000ll
#define NS       SLICE_LITERAL("default")
#define WORKFLOW SLICE_LITERAL("orders")
#define VERSION  SLICE_LITERAL("1.0.0")
#define TEXT     SLICE_LITERAL("document: …")

const uint8_t logbook_seed[32] = "a seed of thirty-two bytes, here";

struct audit_key logbook_key(void)
{
    struct audit_key key = {};
    crypto_sign_public(logbook_seed, key.public_key);
    return key;
}

struct run_id logbook_run(uint64_t i)
{
    return (struct run_id){((uint64_t)(START_MS - 1577836800000ll) + i) << 22 | 0x155555};
}

static int put_credential(struct store *store, struct slice name)
{
    struct store_credential row = {.ns = NS, .name = name, .version = 1, .kind = 1, .policy = SLICE_LITERAL("{}"),
                                   .wrapped = SLICE_LITERAL("wrapped value"), .set_ms = START_MS, .set_by = SLICE_LITERAL("ops")};
    int r = store_credential_put(store, &row);
    return r < 0 ? r : store_leaf_append(store, &(struct audit_event){.action = AUDIT_CREDENTIAL_SET, .time_ms = START_MS, .ns = NS,
                                         .object = name, .version = SLICE_LITERAL("1")}, NULL);
}

static int put_principal(struct store *store)
{
    struct store_principal row = {.name = SLICE_LITERAL("ops"), .role = SLICE_LITERAL("admin"), .token_hash = {1, 2, 3},
                                  .created_ms = START_MS};
    int r = store_principal_put(store, &row);
    return r < 0 ? r : store_leaf_append(store, &(struct audit_event){.action = AUDIT_TOKEN_CREATED, .time_ms = START_MS,
                                         .object = row.name}, NULL);
}

static int put_workflow(struct store *store)
{
    struct store_workflow row = {.namespace_id = 1, .name = WORKFLOW, .version = VERSION, .manifest = SLICE_LITERAL("{}"),
                                 .is_enabled = true, .deployed_ms = START_MS, .deployed_by = SLICE_LITERAL("ops")};
    crypto_sha256(TEXT, row.digest);
    int r = store_definition_put(store, row.digest, TEXT);
    if (r == 0)
        r = store_workflow_put(store, &row, NULL);
    return r < 0 ? r : store_leaf_append(store, &(struct audit_event){.action = AUDIT_WORKFLOW_DEPLOYED, .time_ms = START_MS,
                                         .ns = NS, .workflow = WORKFLOW, .version = VERSION,
                                         .definition = slice_of(row.digest, 32)}, NULL);
}

static int put_namespace(struct store *store)
{
    struct store_namespace ns = {.name = NS, .wrapped_key = SLICE_LITERAL("wrapped key"), .created_ms = START_MS};
    int r = store_namespace_put(store, &ns, NULL);
    return r < 0 ? r : store_leaf_append(store, &(struct audit_event){.action = AUDIT_NAMESPACE_CREATED, .time_ms = START_MS,
                                         .ns = NS, .object = NS}, NULL);
}

static int found_rows(struct store *store)
{
    int r = put_namespace(store);
    if (r == 0)
        r = put_principal(store);
    if (r == 0)
        r = put_workflow(store);
    if (r == 0)
        r = put_credential(store, SLICE_LITERAL("crm"));
    if (r == 0)
        r = put_credential(store, SLICE_LITERAL("old"));
    if (r == 0)
        r = store_credential_revoke(store, NS, SLICE_LITERAL("old"), START_MS, SLICE_LITERAL("ops"));
    return r < 0 ? r : store_leaf_append(store, &(struct audit_event){.action = AUDIT_CREDENTIAL_REVOKED, .time_ms = START_MS,
                                         .ns = NS, .object = SLICE_LITERAL("old")}, NULL);
}

static int end_batch(struct store *store, int r)
{
    if (r == 0)
        return store_commit(store, NULL);
    store_rollback(store);
    return r;
}

int logbook_found(struct store *store)
{
    int r = store_begin(store);
    return r < 0 ? r : end_batch(store, found_rows(store));
}

/* A run's journal and event, which its last leaf vouches for too. */
static int put_parts(struct store *store, struct run_id run, int64_t at_ms)
{
    int r = store_event_put(store, &(struct store_event){.run = run, .at_ms = at_ms, .data = SLICE_LITERAL("sealed event")}, NULL);
    for (uint32_t seq = 0; r == 0 && seq < 2; seq++)
        r = store_journal_put(store, &(struct store_journal){.run = run, .seq = seq, .kind = seq ? JOURNAL_RESULT : JOURNAL_INTENT,
                                     .effect = 1, .at_ms = at_ms, .data = SLICE_LITERAL("sealed journal")});
    return r;
}

static int put_run(struct store *store, uint64_t i)
{
    struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = START_MS + (int64_t)i, .ns = NS, .workflow = WORKFLOW,
                            .version = VERSION, .run = logbook_run(i), .actor = WORKFLOW, .actor_kind = SLICE_LITERAL("webhook")};
    struct store_run row = {.id = e.run, .workflow_id = 1, .state = RUN_WAITING, .trigger = TRIGGER_WEBHOOK,
                            .started_ms = e.time_ms, .due_ms = e.time_ms + 5, .actor = WORKFLOW, .first_leaf = store_leaf_next(store),
                            .input = SLICE_LITERAL("sealed in"), .trace = SLICE_LITERAL("sealed trace")};
    struct store_run_change end = {.id = e.run, .state = RUN_COMPLETED, .ended_ms = e.time_ms, .last_leaf = row.first_leaf + 1,
                                   .output = SLICE_LITERAL("sealed out"), .context = SLICE_LITERAL("sealed context")};
    int r = store_run_insert(store, &row);
    if (r == 0)
        r = store_leaf_append(store, &e, NULL);
    if (r == 0)
        r = put_parts(store, e.run, e.time_ms);
    if (r == 0)
        r = store_run_update(store, &end);
    e.action = AUDIT_RUN_COMPLETED;
    return r < 0 ? r : store_leaf_append(store, &e, NULL);
}

static int put_open_run(struct store *store, uint64_t i)
{
    struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = START_MS + (int64_t)i, .ns = NS, .workflow = WORKFLOW,
                            .version = VERSION, .run = logbook_run(i)};
    struct store_run row = {.id = e.run, .workflow_id = 1, .state = RUN_WAITING, .trigger = TRIGGER_API, .started_ms = e.time_ms,
                            .due_ms = e.time_ms + 5, .actor = SLICE_LITERAL("ops"), .first_leaf = store_leaf_next(store),
                            .input = SLICE_LITERAL("sealed in")};
    int r = store_run_insert(store, &row);
    return r < 0 ? r : store_leaf_append(store, &e, NULL);
}

int logbook_open_run(struct store *store, uint64_t i)
{
    int r = store_begin(store);
    return r < 0 ? r : end_batch(store, put_open_run(store, i));
}

int logbook_runs(struct store *store, uint64_t first, uint64_t n)
{
    int r = store_begin(store);
    if (r < 0)
        return r;
    for (uint64_t i = first; r == 0 && i < first + n; i++)
        r = put_run(store, i);
    return end_batch(store, r);
}

int logbook_checkpoint(struct store *store, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer origin = BUFFER_MAX(LIMIT_NAME);
    struct audit_key key = logbook_key();
    struct store_head head;
    store_head(store, &head);
    struct checkpoint checkpoint = {.size = head.size};
    memcpy(checkpoint.root, head.root, sizeof checkpoint.root);
    int r = note_append_origin(key.public_key, &origin);
    return r < 0 ? r : note_sign_checkpoint(logbook_seed, buffer_slice(&origin), &checkpoint, ret);
}

int logbook_sign(struct store *store)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    struct store_head head;
    store_head(store, &head);
    int r = logbook_checkpoint(store, &note);
    if (r == 0)
        r = store_begin(store);
    return r < 0 ? r : end_batch(store, store_checkpoint_put(store, head.size, buffer_slice(&note), START_MS));
}

int logbook_make(const char *path, uint64_t n_ended, uint64_t n_open)
{
    struct store *store = NULL;
    int r = store_open(path, &store, NULL);
    if (r < 0)
        return r;
    r = logbook_found(store);
    r = r < 0 ? r : logbook_runs(store, 0, n_ended);
    for (uint64_t i = 0; i < n_open && r == 0; i++)
        r = logbook_open_run(store, n_ended + i);
    r = r < 0 ? r : logbook_sign(store);
    store_close(store);
    return r;
}

int logbook_verify(const char *path, struct slice trusted, audit_finding_fn *each, void *user, struct audit_report *ret)
{
    struct audit_verify_options options = {.key = logbook_key(), .trusted = trusted};
    struct audit_report report = {};
    struct store_reader *reader = NULL;
    struct diag diag = {};
    int r = store_reader_open_file(path, &reader, &diag);
    if (r < 0) {
        if (r != -ENOMEM)
            (void)fprintf(stderr, "%s\n", diag.text);
        return r;
    }
    r = store_snapshot_begin(reader);
    if (r == 0) {
        struct audit_source source = store_audit_source(reader);
        r = audit_verify(&source, &options, each, user, &report, &diag);
        store_snapshot_end(reader);
    }
    store_reader_close(reader);
    if (ret)
        *ret = report;
    if (r < 0 && r != -ENOMEM && report.errors == 0)
        (void)fprintf(stderr, "verification: %s\n", diag.text);
    return r;
}

void logbook_folder(char ret[128])
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(ret, 128, "%s/sallyport-test-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(ret));
}

void logbook_folder_remove(const char *folder)
{
    char path[512];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            (void)unlink(path);
    }
    if (d)
        closedir(d);
    (void)rmdir(folder);
}
