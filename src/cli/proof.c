/* proof: the proof of one run, from a server, or from a data folder: larger ones, and of runs that are gone. */
#include <stdio.h>

#include "base/error.h"
#include "base/id.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/verify.h"
#include "crypto/crypto.h"
#include "store/audit.h"

static const struct cli_option options[] = {
    {"data", "PATH", "read the log in this data folder, or copy of its sallyport.db, instead of asking a server"},
    VERIFY_KEY_OPTION,
    REMOTE_OPTIONS,
};

static int ask_server(const struct cli_args *args)
{
    char path[64];
    /* Asking for the head has the newest leaves signed, which a proof needs; the server itself does that once in a while. */
    _cleanup_buffer_ struct buffer head = BUFFER_MAX(LIMIT_TEXT);
    int status = remote_request(args, "GET", "/api/v1/audit/checkpoint", NULL, (struct slice){NULL, 0}, &head);
    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/api/v1/runs/%s/proof", args->operands[0]);
    return remote_print(args, "GET", path, NULL);
}

static int read_log(const struct cli_args *args, struct run_id id)
{
    char path[PATHS_MAX + 16];
    struct diag why = {0};
    struct audit_key key;
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(LIMIT_PROOF_FILE);
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    int status = verify_find_database(args, path);
    if (status == CLI_DONE)
        status = verify_find_key(args, path, &key);
    if (status)
        return status;
    int r = crypto_init();
    if (r == 0)
        r = store_reader_open_file(path, &reader, &why);
    if (r == 0)
        r = store_snapshot_begin(reader);
    if (r == 0) {
        r = store_run_proof(reader, id, RUN_GONE_IS_SOUGHT, &key, &file, &why);
        store_snapshot_end(reader);
    }
    if (r < 0)
        return why.code ? cli_fail_diag(&why) : cli_fail(r, "%s: %s", path, error_text(r));
    (void)buffer_append_byte(&file, '\n');
    cli_out(buffer_slice(&file));
    return CLI_DONE;
}

static int run(const struct cli_args *args)
{
    struct run_id id;
    if (run_id_parse(slice_text(args->operands[0]), &id) < 0)
        return cli_fail(-SP_EINVALID, "%s: this is no run's id", args->operands[0]);
    if (cli_value(args, "key") && !cli_value(args, "data"))
        return cli_fail(-SP_EINVALID, "--key goes with --data; audit verify --proof --key checks what a server gives");
    return cli_value(args, "data") ? read_log(args, id) : ask_server(args);
}

const struct cli_command cli_audit_proof = {
    .name = "audit proof",
    .operands = "ID",
    .summary = "Prints the proof that a run's leaves are in the log",
    .help = "JSON, for audit verify --proof: it needs neither the server nor the rest of the log.\n"
            "From a data folder a proof may have 64 MiB and 100,000 leaves instead of 4 MiB, and be of a run that retention has deleted.\n",
    .examples = "sallyport audit proof r0saqmfqhfktm7 > proof.json\n",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
