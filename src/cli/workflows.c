/* workflows: deploys, lists, shows, disables and enables definitions on a server. */
#include <stdio.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/findings.h"
#include "cli/remote.h"
#include "cli/view.h"

static const struct cli_option options[] = {REMOTE_OPTIONS};

/* "/api/v1/workflows/NAMESPACE/NAME" and `tail`, from "NAMESPACE/NAME". */
static int path_of(const char *operand, const char *tail, struct buffer *ret)
{
    char ns[LIMIT_NAME + 1];
    const char *slash = strchr(operand, '/');
    if (!slash || slash == operand || slash - operand > LIMIT_NAME || !slash[1])
        return cli_fail(-SP_EINVALID, "%s: write NAMESPACE/NAME", operand);
    (void)snprintf(ns, sizeof ns, "%.*s", (int)(slash - operand), operand);
    (void)buffer_append_text(ret, "/api/v1/workflows/");
    remote_append_escaped(ret, ns);
    (void)buffer_append_byte(ret, '/');
    remote_append_escaped(ret, slash + 1);
    (void)buffer_append_text(ret, tail);
    return buffer_text(ret) ? CLI_DONE : cli_fail(-SP_ELIMIT, "%s: the name is too long", operand);
}

static void append_name(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, row, "namespace");
    (void)buffer_append_byte(ret, '/');
    view_append_member(ret, row, "name");
}

static void append_state(const json_t *row, struct buffer *ret)
{
    (void)buffer_append_text(ret, json_is_true(json_object_get(row, "enabled")) ? "enabled" : "disabled");
}

/* "demo/github-push 1.0.0 is live: POST /hooks/demo/github-push": what happened, in one line. */
static void say(const char *what, const json_t *answer)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
    append_name(answer, &line);
    (void)buffer_append_byte(&line, ' ');
    view_append_member(&line, answer, "version");
    (void)buffer_printf(&line, " is %s", what);
    if (json_is_true(json_object_get(answer, "enabled")) && json_object_get(answer, "webhook")) {
        (void)buffer_append_text(&line, ": POST ");
        view_append_member(&line, answer, "webhook");
    }
    (void)buffer_append_byte(&line, '\n');
    cli_out(buffer_slice(&line));
}

static void show_deployed(const json_t *answer)
{
    say("live", answer);
}

static void show_enabled(const json_t *answer)
{
    say("live again", answer);
}

static void show_disabled(const json_t *answer)
{
    say("disabled", answer);
}

static void show_list(const json_t *answer)
{
    static const struct view_column columns[] = {{"WORKFLOW", NULL, append_name}, {"VERSION", "version", NULL},
                                                 {"STATE", NULL, append_state},   {"RUNNING", "activeRuns", NULL},
                                                 {"DEPLOYED", "deployedAt", NULL}, {"WEBHOOK", "webhook", NULL}};
    view_table(json_object_get(answer, "workflows"), columns, sizeof columns / sizeof columns[0], "There are no workflows.");
}

static void show_one(const json_t *answer)
{
    static const struct view_column tasks[] = {{"TASK", "reference", NULL}, {"KIND", "kind", NULL}};
    _cleanup_buffer_ struct buffer name = BUFFER_MAX(LIMIT_TEXT), state = BUFFER_MAX(LIMIT_TEXT);
    const json_t *manifest = json_object_get(answer, "manifest"), *own = json_object_get(manifest, "sallyport");
    append_name(answer, &name);
    append_state(answer, &state);
    view_field("Workflow", buffer_text(&name));
    view_field_of("Title", manifest, "title");
    view_field_of("Version", answer, "version");
    view_field("State", buffer_text(&state));
    view_field_of("Deployed", answer, "deployedAt");
    view_field_of("Digest", answer, "digest");
    view_field_of("Webhook", answer, "webhook");
    view_field_of("Origins", own, "origins");
    view_field_of("Secrets", manifest, "secrets");
    cli_out_text("\n");
    view_table(json_object_get(manifest, "tasks"), tasks, 2, "It has no tasks.");
}

static int on_one(const struct cli_args *args, const char *method, const char *tail, remote_show *show)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH);
    int status = path_of(args->operands[0], tail, &path);
    return status ? status : remote_print(args, method, buffer_text(&path), show);
}

static int run_deploy(const struct cli_args *args)
{
    int worst = CLI_DONE;
    for (unsigned i = 0; i < args->n_operands; i++) {
        struct diag why = {0};
        _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_DEFINITION), answer = BUFFER_MAX(LIMIT_FRAME);
        int r = file_read(args->operands[i], &text, &why);
        int status = r < 0 ? cli_fail_diag(&why)
                           : remote_request(args, "POST", "/api/v1/workflows", "application/yaml", buffer_slice(&text), &answer);
        json_t *root = json_read(buffer_slice(&answer), 0, NULL);
        findings_print(stderr, args->operands[i], json_object_get(root, "findings")); /* of a refusal, too */
        if (status == CLI_DONE)
            status = remote_answer(args, buffer_slice(&answer), show_deployed);
        json_decref(root);
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int run_list(const struct cli_args *args)
{
    return remote_print(args, "GET", "/api/v1/workflows", show_list);
}

static int run_show(const struct cli_args *args)
{
    return on_one(args, "GET", "", show_one);
}

static int run_disable(const struct cli_args *args)
{
    return on_one(args, "POST", "/disable", show_disabled);
}

static int run_enable(const struct cli_args *args)
{
    return on_one(args, "POST", "/enable", show_enabled);
}

const struct cli_command cli_workflows_deploy = {.name = "workflows deploy", .operands = "FILE...",
    .summary = "Deploys definitions on a server",
    .help = "Findings are printed as by check; a definition with an error is refused. A version can be deployed once.\n",
    .examples = "sallyport workflows deploy examples/github-push.yaml\n", .options = options, .min_operands = 1, .max_operands = CLI_OPERANDS_MAX,
    .run = run_deploy};
const struct cli_command cli_workflows_list = {.name = "workflows list", .operands = "", .summary = "Lists the workflows of a server",
    .options = options, .run = run_list};
const struct cli_command cli_workflows_show = {.name = "workflows show", .operands = "NAMESPACE/NAME", .summary = "Shows a workflow",
    .options = options, .min_operands = 1, .max_operands = 1, .run = run_show};
const struct cli_command cli_workflows_disable = {.name = "workflows disable", .operands = "NAMESPACE/NAME",
    .summary = "Stops a workflow and its runs",
    .help = "No new runs, and those under way are cancelled, at once.\n", .options = options, .min_operands = 1, .max_operands = 1, .run = run_disable};
const struct cli_command cli_workflows_enable = {.name = "workflows enable", .operands = "NAMESPACE/NAME",
    .summary = "Lets a workflow run again", .options = options, .min_operands = 1, .max_operands = 1, .run = run_enable};
