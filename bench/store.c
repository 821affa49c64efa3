/* What the store costs: W1-like runs (webhook in, answer out: one row, two leaves, two sealed payloads, one delivery), 64 to 512
 * to a commit, on the disk under $TMPDIR; bytes for each run; then the verification of the whole log.
 *
 *   bench-store [RUNS]           default 100000
 *   bench-store --fill DB RUNS   appends such runs to the first workflow of a database that no server has open
 *   bench-store --history DB RUNS DAYS
 *                                appends runs as W1 of bench/run leaves them (one leaf, four sealed payloads), spread over the
 *                                past days, in large transactions; payloads are random bytes of the same lengths */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/audit.h"
#include "store/seal.h"
#include "store/store.h"
#include "crypto/note.h"

static const uint8_t namespace_key[32] = "key of the namespace";
static const uint8_t seed[32] = "seed of the signer";
static const char payload[] = "{\"order\":{\"id\":\"A-1042\",\"customer\":\"ACME\",\"lines\":[{\"sku\":\"X1\",\"n\":2},"
                              "{\"sku\":\"Y7\",\"n\":1}],\"total\":129.90,\"currency\":\"EUR\"},\"source\":\"shop\"}";

static void founds(struct store *store)
{
    struct store_namespace ns = {.name = SLICE_LITERAL("default"), .wrapped_key = SLICE_LITERAL("wrapped")};
    struct store_workflow w = {.namespace_id = 1, .name = SLICE_LITERAL("orders"), .version = SLICE_LITERAL("1.0.0"),
                               .manifest = SLICE_LITERAL("{}"), .is_enabled = true};
    crypto_sha256(SLICE_LITERAL("text"), w.digest);
    must(store_begin(store) == 0);
    must(store_namespace_put(store, &ns, NULL) == 0);
    must(store_leaf_append(store, &(struct audit_event){.action = AUDIT_NAMESPACE_CREATED, .time_ms = 1, .ns = ns.name}, NULL) == 0);
    must(store_definition_put(store, w.digest, SLICE_LITERAL("text")) == 0);
    must(store_workflow_put(store, &w, NULL) == 0);
    must(store_leaf_append(store, &(struct audit_event){.action = AUDIT_WORKFLOW_DEPLOYED, .time_ms = 1, .ns = ns.name,
                           .workflow = w.name, .version = w.version, .definition = slice_of(w.digest, 32)}, NULL) == 0);
    must(store_commit(store, NULL) == 0);
}

static void one_run(struct store *store, struct run_id id, int64_t now)
{
    _cleanup_buffer_ struct buffer input = BUFFER_MAX(4096), output = BUFFER_MAX(4096);
    _cleanup_seal_key_ struct seal_key key;
    uint8_t digest[32] = {7};
    struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = now, .ns = SLICE_LITERAL("default"),
                            .workflow = SLICE_LITERAL("orders"), .version = SLICE_LITERAL("1.0.0"), .run = id,
                            .actor = SLICE_LITERAL("orders"), .actor_kind = SLICE_LITERAL("webhook"),
                            .auth = SLICE_LITERAL("github"), .address = SLICE_LITERAL("203.0.113.7"),
                            .definition = slice_of(digest, 32)};
    struct audit_event end = {.action = AUDIT_RUN_COMPLETED, .time_ms = now, .ns = e.ns, .workflow = e.workflow,
                              .version = e.version, .run = id, .duration_ms = 3};
    seal_key_derive(namespace_key, id, &key);
    must(seal_blob(&key, SEAL_RUN_INPUT, 0, slice_text(payload), &input) == 0);
    must(seal_blob(&key, SEAL_RUN_OUTPUT, 0, slice_text(payload), &output) == 0);
    struct store_run row = {.id = id, .workflow_id = 1, .state = RUN_COMPLETED, .trigger = TRIGGER_WEBHOOK, .started_ms = now,
                            .ended_ms = now + 3, .actor = e.actor, .first_leaf = store_leaf_next(store), .last_leaf = store_leaf_next(store) + 1,
                            .input = buffer_slice(&input), .output = buffer_slice(&output)};
    must(store_run_insert(store, &row) == 0);
    must(store_leaf_append(store, &e, NULL) == 0 && store_leaf_append(store, &end, NULL) == 0);
    must(store_delivery_put(store, digest, now) == 0);
}

static struct run_id batches(struct store *store, struct run_id id, unsigned n, unsigned batch)
{
    int64_t start = clock_monotonic_us(), worst = 0;
    for (unsigned done = 0; done < n; done += batch) {
        int64_t began = clock_monotonic_us(), now = clock_wall_ms();
        must(store_begin(store) == 0);
        for (unsigned i = 0; i < batch; i++) {
            id = run_id_new(now, id);
            one_run(store, id, now);
        }
        must(store_commit(store, NULL) == 0);
        int64_t took = clock_monotonic_us() - began;
        worst = took > worst ? took : worst;
    }
    double seconds = (double)(clock_monotonic_us() - start) / 1e6;
    printf("%4u runs/commit: %8.0f runs/s, worst commit %.1f ms\n", batch, n / seconds, (double)worst / 1e3);
    return id;
}

static void sign(struct store *store)
{
    _cleanup_buffer_ struct buffer origin = BUFFER_MAX(64), note = BUFFER_MAX(4096);
    struct store_head head;
    uint8_t public_key[32];
    crypto_sign_public(seed, public_key);
    store_head(store, &head);
    struct checkpoint checkpoint = {.size = head.size};
    memcpy(checkpoint.root, head.root, 32);
    must(note_append_origin(public_key, &origin) == 0);
    must(note_sign_checkpoint(seed, buffer_slice(&origin), &checkpoint, &note) == 0);
    must(store_begin(store) == 0 && store_checkpoint_put(store, head.size, buffer_slice(&note), 1) == 0);
    must(store_commit(store, NULL) == 0);
}

static void verify(const char *path)
{
    struct store_reader *r = NULL;
    struct audit_verify_options options = {};
    struct audit_report report;
    struct diag diag = {};
    crypto_sign_public(seed, options.key.public_key);
    must(store_reader_open_file(path, &r, &diag) == 0 && store_snapshot_begin(r) == 0);
    struct audit_source source = store_audit_source(r);
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    int64_t start = clock_monotonic_us();
    int code = audit_verify(&source, &options, NULL, NULL, &report, &diag);
    double seconds = (double)(clock_monotonic_us() - start) / 1e6;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double cpu = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("verify: %s, %llu leaves, %.0f leaves/s, %.0f for each second of processor time\n",
           code == 0 ? "good" : diag.text, (unsigned long long)report.size, (double)report.size / seconds,
           (double)report.size / cpu);
    store_snapshot_end(r);
    store_reader_close(r);
}

/* The lengths are those of a database that W1 filled. */
static void past_run(struct store *store, struct run_id id, int64_t at)
{
    static uint8_t sealed[325];
    uint8_t digest[32] = {7}, delivery[STORE_DELIVERY_LEN];
    if (!sealed[0])
        random_bytes(sealed, sizeof sealed);
    struct audit_event end = {.action = AUDIT_RUN_COMPLETED, .time_ms = at, .ns = SLICE_LITERAL("bench"),
                              .workflow = SLICE_LITERAL("w1"), .version = SLICE_LITERAL("1.0.0"), .run = id,
                              .actor = SLICE_LITERAL("hook"), .actor_kind = SLICE_LITERAL("webhook"),
                              .auth = SLICE_LITERAL("github"), .address = SLICE_LITERAL("127.0.0.1"),
                              .definition = slice_of(digest, 32), .duration_ms = 3};
    struct store_run row = {.id = id, .workflow_id = 1, .state = RUN_COMPLETED, .trigger = TRIGGER_WEBHOOK, .started_ms = at,
                            .ended_ms = at + 3, .actor = end.actor, .first_leaf = store_leaf_next(store), .last_leaf = store_leaf_next(store),
                            .input = slice_of(sealed, 325), .output = slice_of(sealed, 110), .context = slice_of(sealed, 27),
                            .trace = slice_of(sealed, 43)};
    must(store_run_insert(store, &row) == 0 && store_leaf_append(store, &end, NULL) == 0);
    random_bytes(delivery, sizeof delivery);
    if (at > clock_wall_ms() - 86400000) /* older ones are forgotten */
        must(store_delivery_put(store, delivery, at) == 0);
}

static void history(struct store *store, unsigned n, unsigned days)
{
    int64_t end = clock_wall_ms(), start = end - (int64_t)days * 86400000;
    struct run_id id = {0};
    for (unsigned done = 0; done < n;) {
        int64_t at = start + (end - start) * done / n;
        unsigned batch = at > end - 2 * 86400000ll ? LIMIT_BATCH : 16 * LIMIT_BATCH; /* deliveries have a maximum */
        must(store_begin(store) == 0);
        for (unsigned i = 0; i < batch && done < n; i++, done++) {
            at = start + (end - start) * done / n;
            id = run_id_new(at, id);
            past_run(store, id, at);
        }
        must(store_commit(store, NULL) == 0);
    }
}

/* Opens a database that no server has open, and appends to it; `days` 0: runs of today. */
static int append(const char *path, unsigned n, unsigned days)
{
    struct store *store = NULL;
    struct diag diag = {};
    must(crypto_init() == 0);
    if (store_open(path, &store, &diag) < 0) {
        (void)fprintf(stderr, "bench-store: %s\n", diag.text);
        return 4;
    }
    if (days)
        history(store, n, days);
    else
        batches(store, (struct run_id){0}, n / 512 * 512, 512);
    store_close(store);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--fill") == 0)
        return append(argv[2], (unsigned)strtoul(argv[3], NULL, 10), 0);
    if (argc == 5 && strcmp(argv[1], "--history") == 0)
        return append(argv[2], (unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    const char *tmp = getenv("TMPDIR");
    char folder[128], path[160], name[200];
    struct store *store = NULL;
    struct diag diag = {};
    struct stat status;
    (void)snprintf(folder, sizeof folder, "%s/sallyport-bench-XXXXXX", tmp ? tmp : "/tmp");
    must(crypto_init() == 0 && mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    must(store_open(path, &store, &diag) == 0);
    founds(store);
    struct run_id id = {0};
    for (unsigned batch = 64; batch <= 512; batch *= 2)
        id = batches(store, id, n / 4 / batch * batch, batch);
    sign(store);
    store_close(store);
    must(stat(path, &status) == 0);
    printf("%.0f bytes/run on disk\n", (double)status.st_size / (n / 4 * 4));
    int64_t start = clock_monotonic_us();
    must(store_open(path, &store, &diag) == 0);
    printf("open: %.1f ms\n", (double)(clock_monotonic_us() - start) / 1e3);
    store_close(store);
    verify(path);
    static const char *const files[] = {"", "-lock", "-wal", "-shm"}; /* who only reads leaves the last two */
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(folder);
    return 0;
}
