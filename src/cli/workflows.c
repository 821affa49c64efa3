/* workflows: deploys, lists, shows, disables and enables definitions on a server. */
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/findings.h"
#include "cli/remote.h"

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

static int on_one(const struct cli_args *args, const char *method, const char *tail)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH);
    int status = path_of(args->operands[0], tail, &path);
    return status ? status : remote_print(args, method, buffer_text(&path));
}

/* "demo/github-push 1.0.0 is live: POST /hooks/demo/github-push", and what the check found. */
static void print_deployed(const struct cli_args *args, const char *file, struct slice answer)
{
    json_t *root = cli_flag(args, "json") ? NULL : json_loadb((const char *)answer.p, answer.len, 0, NULL);
    const char *ns = json_string_value(json_object_get(root, "namespace")), *name = json_string_value(json_object_get(root, "name"));
    const char *version = json_string_value(json_object_get(root, "version")), *hook = json_string_value(json_object_get(root, "webhook"));
    if (ns && name && version) {
        findings_print(stderr, file, json_object_get(root, "findings"));
        (void)printf("%s/%s %s is live%s%s\n", ns, name, version, hook ? ": POST " : "", hook ? hook : "");
    } else {
        cli_out(answer);
        cli_out_text("\n");
    }
    json_decref(root);
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
        if (status == CLI_DONE)
            print_deployed(args, args->operands[i], buffer_slice(&answer));
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int run_list(const struct cli_args *args)
{
    return remote_print(args, "GET", "/api/v1/workflows");
}

static int run_show(const struct cli_args *args)
{
    return on_one(args, "GET", "");
}

static int run_disable(const struct cli_args *args)
{
    return on_one(args, "POST", "/disable");
}

static int run_enable(const struct cli_args *args)
{
    return on_one(args, "POST", "/enable");
}

const struct cli_command cli_workflows_deploy = {.name = "workflows deploy", .operands = "FILE...",
    .summary = "Deploys definitions on a server", .options = options, .min_operands = 1, .max_operands = CLI_OPERANDS_MAX,
    .run = run_deploy};
const struct cli_command cli_workflows_list = {.name = "workflows list", .operands = "", .summary = "Lists the workflows of a server",
    .options = options, .run = run_list};
const struct cli_command cli_workflows_show = {.name = "workflows show", .operands = "NAMESPACE/NAME", .summary = "Shows a workflow",
    .options = options, .min_operands = 1, .max_operands = 1, .run = run_show};
const struct cli_command cli_workflows_disable = {.name = "workflows disable", .operands = "NAMESPACE/NAME",
    .summary = "Stops a workflow and its runs", .options = options, .min_operands = 1, .max_operands = 1, .run = run_disable};
const struct cli_command cli_workflows_enable = {.name = "workflows enable", .operands = "NAMESPACE/NAME",
    .summary = "Lets a workflow run again", .options = options, .min_operands = 1, .max_operands = 1, .run = run_enable};
