/* verify: `audit verify`: a log's database, or a run's proof, against the public key alone. Must hold: it never says "intact"
 * about something that it could not check; what stands in its way is no verdict (exit status 4). */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/verify.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/plural.h"
#include "cli/audit_key.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/verify.h"
#include "cli/progress.h"
#include "crypto/crypto.h"
#include "store/audit.h"
#include "store/store.h"
#include "supervisor/paths.h"

static const struct cli_option options[] = {
    {"data", "PATH", "the data folder, or a copy of its sallyport.db (default: the server's default folder)"},
    {"proof", "FILE", "verify a run's proof file instead (- is standard input)"},
    VERIFY_KEY_OPTION,
    {"checkpoint", "FILE", "a checkpoint that was kept elsewhere: finds a log that was rolled back"},
    {NULL, NULL, NULL},
};

/* --- what is found ----------------------------------------------------------------------------------------------------- */

static void on_finding(void *user, const struct audit_finding *f)
{
    const struct cli_args *args = user;
    FILE *to = cli_flag(args, "json") ? stderr : stdout;
    int stream = fileno(to);
    progress_erase();
    (void)fprintf(to, "%s%s%s: %s", cli_colour(stream, f->is_warning ? CLI_YELLOW : CLI_RED), f->is_warning ? "warning" : "error",
                  cli_colour(stream, CLI_PLAIN), audit_finding_slug(f->kind));
    if (f->leaf != AUDIT_NO_LEAF)
        (void)fprintf(to, ", leaf %llu", (unsigned long long)f->leaf);
    if (f->table)
        (void)fprintf(to, ", table %s", f->table);
    /* Who edited the database chose the row's name. */
    char row[LIMIT_TEXT];
    (void)snprintf(row, sizeof row, "%s", f->row ? f->row : "");
    cli_make_printable(row);
    (void)fprintf(to, "%s%s: %s\n", *row ? ", row " : "", row, f->text);
}

static void print_report(const struct cli_args *args, const struct audit_report *report, int code)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_TEXT), root = BUFFER_MAX(2 * CRYPTO_HASH_LEN);
    (void)buffer_append_hex(&root, slice_of(report->root, sizeof report->root));
    if (cli_flag(args, "json")) {
        struct json_writer w = JSON_WRITER(&b);
        json_object_begin(&w);
        json_key_bool(&w, "ok", code == 0);
        json_key_u64(&w, "size", report->size);
        json_key_string(&w, "root", buffer_slice(&root));
        json_key_u64(&w, "signedSize", report->signed_size);
        json_key_u64(&w, "checkpoints", report->checkpoints);
        json_key_u64(&w, "runs", report->runs);
        json_key_u64(&w, "errors", report->errors);
        json_key_u64(&w, "warnings", report->warnings);
        json_object_end(&w);
        (void)buffer_append_byte(&b, '\n');
    } else {
        (void)buffer_printf(&b, "%s: %llu %s, signed up to %llu by %llu %s, %llu %s compared, root %.*s\n",
                            code == 0 ? "intact" : "ALTERED", (unsigned long long)report->size,
                            PLURAL(report->size, "leaf", "leaves"), (unsigned long long)report->signed_size,
                            (unsigned long long)report->checkpoints, PLURAL(report->checkpoints, "checkpoint", "checkpoints"),
                            (unsigned long long)report->runs, PLURAL(report->runs, "run", "runs"),
                            SLICE_ARGS(buffer_slice(&root)));
    }
    cli_out(buffer_slice(&b));
}

/* SQLite finds some alterations before we do: a file whose pages make no sense. */
static int no_verdict(const struct diag *why, int code, const char *path)
{
    if (why->code)
        (void)cli_fail_diag(why);
    else
        (void)cli_fail(code, "%s: %s", path, error_text(code));
    if (code != -SP_ETAMPERED)
        return CLI_UNAVAILABLE;
    cli_out_text("ALTERED: the database itself is damaged\n");
    return CLI_FAULTED;
}

/* --- progress: the verification knows nothing of it ---------------------------------------------------------------------- */

static struct {
    struct audit_source source; /* what is watched */
    audit_leaf_fn *each_leaf;
    audit_run_fn *each_run;
    uint64_t leaves, runs;
} watched;

static int watch_leaf(void *user, uint64_t index, struct slice leaf)
{
    progress_step("leaves read", index, watched.leaves);
    return watched.each_leaf(user, index, leaf);
}

static int watch_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    watched.each_leaf = each;
    watched.leaves = to;
    return watched.source.log.leaves(user, from, to, watch_leaf, each_user);
}

static int watch_run(void *user, const struct audit_run_fact *run)
{
    progress_step("runs compared", watched.runs++, 0); /* how many rows there are would have to be counted */
    return watched.each_run(user, run);
}

static int watch_runs(void *user, audit_run_fn *each, void *each_user)
{
    watched.each_run = each;
    return watched.source.runs(user, watch_run, each_user);
}

static struct audit_source watch(struct audit_source source)
{
    watched.source = source;
    source.log.leaves = watch_leaves;
    source.runs = watch_runs;
    return source;
}

/* --- a database -------------------------------------------------------------------------------------------------------- */

int verify_find_database(const struct cli_args *args, char path[PATHS_MAX + 16])
{
    char dir[PATHS_MAX] = "";
    struct stat st;
    const char *data = cli_value(args, "data");
    if (!data && paths_data_dir(dir) < 0)
        return cli_fail(-SP_EINVALID, "there is no default data folder: give --data");
    bool is_there = data && stat(data, &st) == 0, is_file = is_there && S_ISREG(st.st_mode);
    if (data && !is_there) {
        (void)cli_fail(-errno, "%s: %s", data, error_text(-errno));
        return CLI_UNAVAILABLE;
    }
    if (snprintf(path, PATHS_MAX + 16, is_file ? "%s" : "%s/sallyport.db", data ? data : dir) >= PATHS_MAX + 16)
        return cli_fail(-ENAMETOOLONG, "--data: %s", error_text(-ENAMETOOLONG));
    return CLI_DONE;
}

static int verify_database(const struct cli_args *args, const char *path, const struct audit_verify_options *o)
{
    struct diag why = {0};
    struct audit_report report = {0};
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    int r = store_reader_open_file(path, &reader, &why);
    if (r == 0)
        r = store_snapshot_begin(reader);
    if (r < 0)
        return no_verdict(&why, r, path);
    struct audit_source source = watch(store_audit_source(reader));
    r = audit_verify(&source, o, on_finding, (void *)(uintptr_t)args, &report, &why);
    progress_erase();
    store_snapshot_end(reader);
    if (r < 0 && (r != -SP_ETAMPERED || report.errors == 0))
        return no_verdict(&why, r, path);
    print_report(args, &report, r);
    return r < 0 ? CLI_FAULTED : CLI_DONE;
}

/* --- a proof ----------------------------------------------------------------------------------------------------------- */

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct buffer *lines = user;
    (void)buffer_printf(lines, "leaf %llu: ", (unsigned long long)index);
    (void)buffer_append_slice(lines, leaf);
    (void)buffer_append_byte(lines, '\n');
    return buffer_error(lines);
}

static int verify_proof(const struct cli_args *args, const char *path, const struct audit_key *key)
{
    struct diag why = {0};
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE), lines = BUFFER_MAX(LIMIT_PROOF_FILE);
    bool is_json = cli_flag(args, "json");
    int r = file_read(path, &file, &why);
    if (r < 0)
        return no_verdict(&why, r, path);
    r = audit_proof_verify(buffer_slice(&file), key, on_leaf, &lines, &why);
    if (r < 0 && r != -SP_ETAMPERED && r != -SP_ESYNTAX && r != -SP_EKEY)
        return no_verdict(&why, r, path);
    if (r < 0) {
        (void)cli_fail(r, "%s: %s", path, why.code ? why.text : error_text(r));
        cli_out_text(is_json ? "{\"ok\":false}\n" : "ALTERED: this proves nothing\n");
        return CLI_FAULTED;
    }
    if (!is_json)
        cli_out(buffer_slice(&lines));
    cli_out_text(is_json ? "{\"ok\":true}\n" : "intact: these leaves are in the log\n");
    return CLI_DONE;
}

/* --- the command ------------------------------------------------------------------------------------------------------- */

static int read_key(const char *text, struct audit_key *ret)
{
    struct diag why = {0};
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_TEXT);
    int r = audit_key_parse(slice_text(text), ret);
    if (r == -SP_ESYNTAX && access(text, F_OK) == 0) {
        if (file_read(text, &file, &why) < 0)
            return cli_fail_diag(&why);
        r = audit_key_parse(buffer_slice(&file), ret);
    }
    return r < 0 ? cli_fail(-SP_EINVALID, "--key: write what audit key prints, or a file that holds it%s",
                            r == -SP_EKEY ? "; this one was copied badly" : "") : CLI_DONE;
}

/* The copy of init beside the database: it finds accidents, and whoever does not know of it. Who can write the database
 * could write it too, so that is said. */
static int read_key_beside(const char *database, struct audit_key *ret)
{
    char path[PATHS_MAX + 32];
    const char *slash = strrchr(database, '/');
    (void)snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - database + 1) : 0, database, AUDIT_KEY_FILE);
    if (access(path, F_OK) < 0) {
        (void)cli_fail(-SP_EINVALID,
                       "--key is missing, and there is no %s: without the signer's public key nothing can be verified", path);
        return CLI_USAGE;
    }
    int status = read_key(path, ret);
    if (status == CLI_DONE)
        (void)fprintf(stderr, "The key is that of %s; a key kept elsewhere (--key) is better.\n", path);
    return status;
}

int verify_find_key(const struct cli_args *args, const char *database, struct audit_key *ret)
{
    const char *key = cli_value(args, "key");
    return key ? read_key(key, ret) : read_key_beside(database, ret);
}

static int run(const struct cli_args *args)
{
    struct diag why = {0};
    struct audit_verify_options o = {0};
    char path[PATHS_MAX + 16] = "";
    const char *key = cli_value(args, "key"), *proof = cli_value(args, "proof"), *trusted = cli_value(args, "checkpoint");
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    int r = crypto_init();
    if (r < 0)
        return cli_fail(r, "%s", error_text(r));
    int status = proof && key ? CLI_DONE : verify_find_database(args, path);
    if (status == CLI_DONE)
        status = verify_find_key(args, path, &o.key);
    if (status)
        return status;
    if (trusted && (r = file_read(trusted, &note, &why)) < 0)
        return no_verdict(&why, r, trusted);
    o.trusted = buffer_slice(&note);
    o.now_ms = clock_wall_ms();
    return proof ? verify_proof(args, proof, &o.key) : verify_database(args, path, &o);
}

const struct cli_command cli_audit_verify = {.name = "audit verify", .operands = "",
    .summary = "Verifies an audit log, or a run's proof, without a server",
    .help = "Reads the database only, also while the server runs. Exit status: 0 intact, 1 altered (each place is named),\n"
            "4 it could not be verified. Without --key, the key that init left in the data folder is taken.\n"
            "--checkpoint finds what signatures cannot: a log that was rolled back as a whole.\n",
    .examples = "sallyport audit verify --data /var/lib/sallyport \\\n"
                "  --key \"$(cat audit.vkey)\" --checkpoint kept\n",
    .options = options, .run = run};
