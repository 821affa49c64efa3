/* check: definitions are compiled in a locked-down worker of our own; the command only prints what it finds. */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/findings.h"
#include "cli/local.h"
#include "cli/sarif.h"

#define COLUMNS_MAX (1 << 24) /* a line of a definition is shorter */

enum format {
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_SARIF,
};

static const struct cli_option options[] = {
    {"format", "FORMAT", "text (default), json or sarif", "text json sarif"},
    {"verbose", NULL, "show the log lines of the checker"},
    {NULL, NULL, NULL},
};

/* By place, errors and notes together, as one reads the file; the worker gives them in the order in which it found them. */
static int sort_findings(json_t **findings)
{
    json_t *sorted = json_array();
    while (sorted && json_array_size(*findings)) {
        size_t first = 0, i;
        const json_t *f;
        json_int_t best = INT64_MAX;
        json_array_foreach(*findings, i, f)
        {
            json_int_t at = json_integer_value(json_object_get(f, "line")) * COLUMNS_MAX +
                            json_integer_value(json_object_get(f, "column"));
            if (at < best) {
                best = at;
                first = i;
            }
        }
        if (json_array_append(sorted, json_array_get(*findings, first)) < 0 || json_array_remove(*findings, first) < 0)
            break;
    }
    bool is_done = sorted && json_array_size(*findings) == 0;
    json_decref(is_done ? *findings : sorted);
    if (is_done)
        *findings = sorted;
    return is_done ? 0 : -ENOMEM;
}

static void write_json_file(struct json_writer *w, const char *file, const json_t *findings)
{
    char *text = json_dumps(findings, JSON_COMPACT);
    json_object_begin(w);
    json_key_text(w, "file", file);
    json_key(w, "findings");
    json_raw(w, slice_text(text ? text : "[]"));
    json_object_end(w);
    free(text);
}

/* The findings of one file; a worker that a definition used up is a finding, too. */
static int ask(struct local *l, struct slice text, json_t **ret, int *ret_code, struct diag *reterr)
{
    const struct msg_checker_check question = {.tag = 1, .text = text};
    struct msg_checker_findings answer;
    struct slice payload;
    int r = local_ask(l, WIRE_CHECKER_CHECK, (channel_encoder *)wire_encode_checker_check, &question, WIRE_CHECKER_FINDINGS,
                      &payload, reterr);
    if (r == -SP_EBUDGET) {
        *ret_code = r;
        *ret = json_pack("[{s:s,s:s,s:s,s:s,s:i,s:i,s:s}]", "rule", "budget", "level", "error", "message",
                         "checking the definition takes more time or memory than a definition may", "hint",
                         "make its expressions or its schemas smaller", "line", 1, "column", 1, "pointer", "");
        return *ret ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = wire_decode_checker_findings(payload, &answer);
    *ret = r == 0 ? json_read(answer.findings, 0, NULL) : NULL;
    *ret_code = r == 0 ? answer.code : r;
    if (r == 0 && !json_is_array(*ret))
        r = diag_set(reterr, -SP_EPROTOCOL, "the checker's findings cannot be read");
    return r < 0 ? r : sort_findings(ret);
}

static int check_file(struct local *l, const char *file, enum format format, struct json_writer *w, struct sarif *sarif)
{
    struct diag why = {0};
    json_t *findings = NULL;
    int code = 0;
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_DEFINITION);
    int r = file_read(file, &text, &why);
    if (r == 0)
        r = ask(l, buffer_slice(&text), &findings, &code, &why);
    if (r < 0) {
        json_decref(findings);
        return cli_fail_diag(&why);
    }
    if (format == FORMAT_TEXT)
        findings_print(stdout, file, findings);
    else if (format == FORMAT_JSON)
        write_json_file(w, file, findings);
    else
        r = sarif_results(sarif, file, findings);
    json_decref(findings);
    if (r < 0)
        return cli_fail(r, "%s", error_text(r));
    return code < 0 ? CLI_USAGE : CLI_DONE;
}

static int parse_format(const struct cli_args *args, enum format *ret)
{
    static const char *const names[] = {"text", "json", "sarif"};
    const char *name = cli_value(args, "format");
    *ret = cli_flag(args, "json") ? FORMAT_JSON : FORMAT_TEXT;
    for (unsigned i = 0; name && i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum format)i;
            return 0;
        }
    return name ? cli_fail(-SP_EINVALID, "--format: text, json or sarif, not %s", name) : 0;
}

static int run(const struct cli_args *args)
{
    struct diag why = {0};
    enum format format;
    _cleanup_(local_freep) struct local *l = NULL;
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(LIMIT_FRAME);
    struct json_writer w = JSON_WRITER(&out);
    struct sarif sarif = {0};
    int status = parse_format(args, &format);
    if (status)
        return status;
    int r = local_new(ROLE_ENGINE, ROLE_CHECKER, 1u << ROLE_CHECKER, cli_flag(args, "verbose"), &l, &why);
    if (r == 0)
        r = local_start(l, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    if (format == FORMAT_SARIF && (r = sarif_begin(&sarif, &w)) < 0)
        return cli_fail(r, "%s", error_text(r));
    if (format == FORMAT_JSON)
        json_array_begin(&w);
    for (unsigned i = 0; i < args->n_operands; i++) {
        int s = check_file(l, args->operands[i], format, &w, &sarif);
        status = s > status ? s : status;
    }
    if (format == FORMAT_JSON)
        json_array_end(&w);
    if (format == FORMAT_SARIF)
        sarif_end(&sarif);
    if (format != FORMAT_TEXT) {
        (void)buffer_append_byte(&out, '\n');
        cli_out(buffer_slice(&out));
    }
    return status;
}

const struct cli_command cli_check = {
    .name = "check",
    .operands = "FILE...",
    .summary = "Checks workflow definitions",
    .help = "Each finding is FILE:LINE:COLUMN: LEVEL: MESSAGE [RULE]. Exit status: 0 when all may be deployed, 2 when not.\n"
            "Definitions are read in a locked-down process of their own; - is standard input.\n",
    .examples = "sallyport check workflows/*.yaml\n"
                "sallyport check --format sarif order.yaml > order.sarif\n",
    .options = options,
    .min_operands = 1,
    .max_operands = CLI_OPERANDS_MAX,
    .run = run,
};
