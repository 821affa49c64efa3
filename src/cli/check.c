/* check: definitions are compiled in a locked-down worker of our own; the command only prints what it finds. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/findings.h"
#include "cli/local.h"

enum format {
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_SARIF,
};

static const struct cli_option options[] = {
    {"format", "FORMAT", "text (default), json or sarif"},
    {"verbose", NULL, "show the log lines of the worker"},
    {NULL, NULL, NULL},
};

static const char *text_of(const json_t *finding, const char *key)
{
    const char *text = json_string_value(json_object_get(finding, key));
    return text ? text : "";
}

static json_int_t number_of(const json_t *finding, const char *key)
{
    return json_integer_value(json_object_get(finding, key));
}

static void write_sarif_result(struct json_writer *w, const char *file, const json_t *f)
{
    json_object_begin(w);
    json_key_text(w, "ruleId", text_of(f, "rule"));
    json_key_text(w, "level", strcmp(text_of(f, "level"), "info") == 0 ? "note" : text_of(f, "level"));
    json_key(w, "message");
    json_object_begin(w);
    json_key_text(w, "text", text_of(f, "message"));
    json_object_end(w);
    json_key(w, "locations");
    json_array_begin(w);
    json_object_begin(w);
    json_key(w, "physicalLocation");
    json_object_begin(w);
    json_key(w, "artifactLocation");
    json_object_begin(w);
    json_key_text(w, "uri", file);
    json_object_end(w);
    json_key(w, "region");
    json_object_begin(w);
    json_key_i64(w, "startLine", number_of(f, "line") > 0 ? number_of(f, "line") : 1);
    json_key_i64(w, "startColumn", number_of(f, "column") > 0 ? number_of(f, "column") : 1);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
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

static void begin_document(struct json_writer *w, enum format format)
{
    if (format == FORMAT_SARIF) {
        json_object_begin(w);
        json_key_text(w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
        json_key_text(w, "version", "2.1.0");
        json_key(w, "runs");
        json_array_begin(w);
        json_object_begin(w);
        json_key(w, "tool");
        json_object_begin(w);
        json_key(w, "driver");
        json_object_begin(w);
        json_key_text(w, "name", "sallyport");
        json_key_text(w, "version", SALLYPORT_VERSION);
        json_object_end(w);
        json_object_end(w);
        json_key(w, "results");
    }
    json_array_begin(w);
}

static void end_document(struct json_writer *w, enum format format)
{
    json_array_end(w);
    if (format == FORMAT_SARIF) {
        json_object_end(w);
        json_array_end(w);
        json_object_end(w);
    }
}

/* The findings of one file; a worker that a definition used up is a finding, too. */
static int ask(struct local *l, struct slice text, json_t **ret, int *ret_code, struct diag *reterr)
{
    const struct msg_worker_check question = {.tag = 1, .text = text};
    struct msg_worker_findings answer;
    struct slice payload;
    int r = local_ask(l, WIRE_WORKER_CHECK, (channel_encoder *)wire_encode_worker_check, &question, WIRE_WORKER_FINDINGS,
                      &payload, reterr);
    if (r == -SP_EBUDGET) {
        *ret_code = r;
        *ret = json_pack("[{s:s,s:s,s:s,s:s,s:i,s:i,s:s}]", "rule", "budget", "level", "error", "message",
                         "checking the definition takes more time or memory than a definition may", "hint",
                         "make its expressions or its schemas smaller", "line", 1, "column", 1, "pointer", "");
        return *ret ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = wire_decode_worker_findings(payload, &answer);
    *ret = r == 0 ? json_loadb((const char *)answer.findings.p, answer.findings.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    *ret_code = r == 0 ? answer.code : r;
    if (r == 0 && !json_is_array(*ret))
        r = diag_set(reterr, -SP_EPROTOCOL, "the worker's findings cannot be read");
    return r;
}

static int check_file(struct local *l, const char *file, enum format format, struct json_writer *w)
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
    size_t i;
    const json_t *f;
    if (format == FORMAT_TEXT)
        findings_print(stdout, file, findings);
    else if (format == FORMAT_JSON)
        write_json_file(w, file, findings);
    else
        json_array_foreach(findings, i, f) write_sarif_result(w, file, f);
    json_decref(findings);
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
    int status = parse_format(args, &format);
    if (status)
        return status;
    int r = local_new(ROLE_ENGINE, ROLE_WORKER, 1u << ROLE_WORKER, cli_flag(args, "verbose"), &l, &why);
    if (r == 0)
        r = local_start(l, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    begin_document(&w, format);
    for (unsigned i = 0; i < args->n_operands; i++) {
        int s = check_file(l, args->operands[i], format, &w);
        status = s > status ? s : status;
    }
    end_document(&w, format);
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
    .options = options,
    .min_operands = 1,
    .max_operands = CLI_OPERANDS_MAX,
    .run = run,
};
