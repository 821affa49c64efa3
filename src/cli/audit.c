/* audit: the log of a server, and its verification without one. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "audit/verify.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/remote.h"
#include "crypto/crypto.h"
#include "store/audit.h"
#include "store/store.h"
#include "supervisor/paths.h"

static const struct cli_option tail_options[] = {{"from", "INDEX", "the first leaf"}, {"limit", "N", "at most so many"}, REMOTE_OPTIONS};
static const struct cli_option options[] = {REMOTE_OPTIONS};
static const struct cli_option verify_options[] = {
    {"data", "DIR", "verify the whole log of this data folder (default: the server's default folder)"},
    {"proof", "FILE", "verify a run's proof file instead"},
    {"key", "BASE64", "the public key of the log's signer, as `sallyport audit key` shows it"},
    {"trusted", "FILE", "a checkpoint that was kept elsewhere: finds a log that was rolled back"},
    {NULL, NULL, NULL},
};

static int run_tail(const struct cli_args *args)
{
    char path[256];
    const char *from = cli_value(args, "from"), *limit = cli_value(args, "limit");
    uint64_t first = 0, n = 100;
    if ((from && slice_parse_u64(slice_text(from), &first) < 0) || (limit && slice_parse_u64(slice_text(limit), &n) < 0))
        return cli_fail(-SP_EINVALID, "--from and --limit are numbers");
    (void)snprintf(path, sizeof path, "/api/v1/audit/leaves?%s%s%slimit=%llu", from ? "from=" : "", from ? from : "", from ? "&" : "",
                   (unsigned long long)n);
    return remote_print(args, "GET", path);
}

static int run_checkpoint(const struct cli_args *args)
{
    return remote_print(args, "GET", "/api/v1/audit/checkpoint");
}

/* For people who keep it where the server is not: without it a log proves nothing. */
static int run_key(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer answer = BUFFER_MAX(LIMIT_CONFIG);
    int status = remote_request(args, "GET", "/api/v1/identity", NULL, (struct slice){NULL, 0}, &answer);
    if (status)
        return status;
    json_t *root = json_loadb((const char *)answer.p, answer.len, 0, NULL);
    const char *key = json_string_value(json_object_get(root, "auditPublic"));
    if (key) {
        cli_out_text(key);
        cli_out_text("\n");
    } else {
        status = cli_fail(-SP_EPROTOCOL, "the server's answer cannot be read");
    }
    json_decref(root);
    return status;
}

static void on_finding(void *user, const struct audit_finding *f)
{
    (void)user;
    char leaf[32] = "";
    if (f->leaf != AUDIT_NO_LEAF)
        (void)snprintf(leaf, sizeof leaf, " leaf %llu", (unsigned long long)f->leaf);
    (void)printf("%s%s%s: %s%s%s%s%s: %s\n", cli_colour(1, f->is_warning ? CLI_YELLOW : CLI_RED), f->is_warning ? "warning" : "error",
                 cli_colour(1, CLI_PLAIN), audit_finding_slug(f->kind), leaf, f->table ? " in " : "", f->table ? f->table : "", "",
                 f->text);
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
        (void)buffer_printf(&b, "%s: %llu leaves, signed up to %llu by %llu checkpoints, %llu runs compared, root %.*s\n",
                            code == 0 ? "intact" : "ALTERED", (unsigned long long)report->size,
                            (unsigned long long)report->signed_size, (unsigned long long)report->checkpoints,
                            (unsigned long long)report->runs, SLICE_ARGS(buffer_slice(&root)));
    }
    cli_out(buffer_slice(&b));
}

static int verify_database(const struct cli_args *args, const struct audit_verify_options *o)
{
    struct diag why = {0};
    struct audit_report report = {0};
    char dir[PATHS_MAX] = "", path[PATHS_MAX + 16];
    const char *data = cli_value(args, "data");
    if (!data && paths_data_dir(dir) < 0)
        return cli_fail(-SP_EINVALID, "there is no default data folder: give --data");
    (void)snprintf(path, sizeof path, "%s/sallyport.db", data ? data : dir);
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    int r = store_reader_open_file(path, &reader, &why);
    if (r == 0)
        r = store_snapshot_begin(reader);
    if (r < 0)
        return why.code ? cli_fail_diag(&why) : cli_fail(r, "%s: %s", path, error_text(r));
    const struct audit_source source = store_audit_source(reader);
    r = audit_verify(&source, o, on_finding, NULL, &report, &why);
    store_snapshot_end(reader);
    if (r < 0 && r != -SP_ETAMPERED)
        return why.code ? cli_fail_diag(&why) : cli_fail(r, "%s: %s", path, error_text(r));
    print_report(args, &report, r);
    return r < 0 ? CLI_FAULTED : CLI_DONE;
}

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    (void)user;
    (void)printf("%llu %.*s\n", (unsigned long long)index, SLICE_ARGS(leaf));
    return 0;
}

static int verify_proof(const char *path, const struct audit_key *key)
{
    struct diag why = {0};
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_FRAME);
    int r = file_read(path, &file, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    r = audit_proof_verify(buffer_slice(&file), key, on_leaf, NULL, &why);
    if (r < 0) {
        (void)cli_fail(r, "%s: %s", path, why.code ? why.text : error_text(r));
        return CLI_FAULTED;
    }
    cli_out_text("intact\n");
    return CLI_DONE;
}

static int run_verify(const struct cli_args *args)
{
    struct diag why = {0};
    struct audit_verify_options o = {0};
    const char *key = cli_value(args, "key"), *proof = cli_value(args, "proof"), *trusted = cli_value(args, "trusted");
    _cleanup_buffer_ struct buffer bytes = BUFFER_MAX(32), note = BUFFER_MAX(LIMIT_TEXT);
    if (!key)
        return cli_fail(-SP_EINVALID, "--key is missing: without the signer's public key nothing can be verified");
    if (buffer_append_base64_decoded(&bytes, slice_text(key)) < 0 || bytes.len != sizeof o.key.public_key)
        return cli_fail(-SP_EINVALID, "--key: 32 bytes in base64");
    memcpy(o.key.public_key, bytes.p, sizeof o.key.public_key);
    if (trusted && file_read(trusted, &note, &why) < 0)
        return cli_fail_diag(&why);
    o.trusted = buffer_slice(&note);
    int r = crypto_init();
    if (r < 0)
        return cli_fail(r, "%s", error_text(r));
    return proof ? verify_proof(proof, &o.key) : verify_database(args, &o);
}

const struct cli_command cli_audit_tail = {.name = "audit tail", .operands = "", .summary = "Shows leaves of a server's audit log",
    .options = tail_options, .run = run_tail};
const struct cli_command cli_audit_verify = {.name = "audit verify", .operands = "",
    .summary = "Verifies an audit log, or a proof, without a server",
    .help = "Exit status: 0 intact, 1 altered. --trusted finds what signatures cannot: a log that was rolled back as a whole.\n",
    .options = verify_options, .run = run_verify};
const struct cli_command cli_audit_checkpoint = {.name = "audit checkpoint", .operands = "",
    .summary = "Shows the signed head of a server's audit log", .options = options, .run = run_checkpoint};
const struct cli_command cli_audit_key = {.name = "audit key", .operands = "",
    .summary = "Shows the public key that a server's audit log is verified with",
    .help = "Keep it elsewhere: `sallyport audit verify --key` needs no server.\n", .options = options, .run = run_key};
