/* run: one definition in a whole server of our own that lives as long as the run: the same roles, grants and records as in
 * production, in memory. Its end is told by run_end.c. */
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "base/id.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/findings.h"
#include "cli/json_part.h"
#include "cli/local_run.h"
#include "cli/secret_box.h"

#define POLL_MS 100

static const struct cli_option options[] = {
    {"input", "FILE", "the input, JSON; - is standard input (default: {})"},
    {"allow", "ORIGIN", "let it reach this origin, instead of those that it names; may be repeated"},
    {"secret", "NAME=FILE", "a credential with the file's content, for the allowed origins; may be repeated"},
    {"connect-to", "HOST:PORT:ADDR:PORT", "calls to HOST:PORT connect to ADDR:PORT; may be repeated"},
    {"cacert", "FILE", "more certificate authorities, PEM"},
    {"trace", "FILE", "write the changes of tasks as JSON lines; - is standard error"},
    {"verbose", NULL, "show the log lines of the roles"},
    {NULL, NULL, NULL},
};

static int copy_text(struct slice json, const char *key, char ret[LIMIT_NAME + 1])
{
    json_t *root = json_read(json, JSON_OF_DATA, NULL);
    const char *text = json_string_value(json_object_get(root, key));
    int n = text ? snprintf(ret, LIMIT_NAME + 1, "%s", text) : -1;
    json_decref(root);
    return n > 0 && n <= LIMIT_NAME ? 0 : -SP_EPROTOCOL;
}

int local_run_refused(struct slice body, unsigned status, const char *file)
{
    json_t *root = json_read(body, 0, NULL);
    const char *detail = json_string_value(json_object_get(root, "detail"));
    const json_t *findings = json_object_get(root, "findings");
    findings_print(stderr, file, findings);
    int code = status == 401 || status == 403 || status == 429 ? -SP_EDENIED : status >= 500 ? -SP_EUNAVAILABLE : -SP_EINVALID;
    int result =
        json_array_size(findings) ? error_exit_code(code) : cli_fail(code, "%s: %s", file, detail ? detail : error_text(code));
    json_decref(root);
    return result;
}

static int deploy(struct local_run *run, const char *file)
{
    struct diag why = {0};
    unsigned status;
    struct slice body;
    int r = ephemeral_request(run->server, HTTP_POST, "/api/v1/workflows", "application/yaml", buffer_slice(&run->definition),
                              &status, &body, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    if (status != 200 && status != 201)
        return local_run_refused(body, status, file);
    if (copy_text(body, "namespace", run->ns) < 0 || copy_text(body, "name", run->name) < 0)
        return cli_fail(-SP_EPROTOCOL, "the engine's answer cannot be read");
    return CLI_DONE;
}

static int put_secret(struct local_run *run, const char *option, const struct secret_box *box, struct slice box_public)
{
    struct diag why = {0};
    const char *equals = strchr(option, '=');
    char name[LIMIT_NAME + 1], path[4 * LIMIT_NAME];
    _cleanup_buffer_ struct buffer value = BUFFER_MAX(LIMIT_CREDENTIAL), body = BUFFER_MAX(4 * LIMIT_CREDENTIAL);
    value.secret = true;
    if (!equals || equals - option > LIMIT_NAME || !name_is_credential(slice_of(option, (size_t)(equals - option))))
        return cli_fail(-SP_EINVALID, "--secret: NAME=FILE, not %s", option);
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - option), option);
    int r = file_read(equals + 1, &value, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    if (value.len && value.p[value.len - 1] == '\n')
        buffer_truncate(&value, value.len - 1);
    struct secret_box own = *box;
    own.kind = value.len && value.p[0] == '{' ? "basic" : "bearer";
    own.ns = slice_text(run->ns);
    own.name = slice_text(name);
    r = secret_box_body(&own, box_public, buffer_slice(&value), &body, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    unsigned status;
    struct slice answer;
    (void)snprintf(path, sizeof path, "/api/v1/secrets/%s/%s", run->ns, name);
    r = ephemeral_request(run->server, HTTP_PUT, path, "application/json", buffer_slice(&body), &status, &answer, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    return status == 200 || status == 201 || status == 204 ? CLI_DONE : local_run_refused(answer, status, name);
}

static int put_secrets(struct local_run *run)
{
    static const char *const places[] = {"header", "query", "body"};
    struct diag why = {0};
    unsigned status;
    struct slice answer;
    char key[LIMIT_NAME + 1];
    const char *const *secrets = NULL;
    unsigned n = cli_values(run->args, "secret", &secrets);
    struct secret_box box = {.places = places, .n_places = 3};
    box.n_origins = cli_values(run->args, "allow", &box.origins);
    if (n == 0)
        return CLI_DONE;
    if (box.n_origins == 0)
        return cli_fail(-SP_EINVALID, "--secret needs --allow: a credential goes to named origins only");
    int r = ephemeral_request(run->server, HTTP_GET, "/api/v1/identity", NULL, (struct slice){NULL, 0}, &status, &answer, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    if (status != 200 || copy_text(answer, "boxPublic", key) < 0)
        return local_run_refused(answer, status, "identity");
    for (unsigned i = 0; i < n; i++) {
        int result = put_secret(run, secrets[i], &box, slice_text(key));
        if (result)
            return result;
    }
    return CLI_DONE;
}

static int start(struct local_run *run, unsigned *ret_status, struct slice *ret_body, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    json_key_text(&w, "namespace", run->ns);
    json_key_text(&w, "workflow", run->name);
    json_key(&w, "input");
    json_raw(&w, run->input.len ? buffer_slice(&run->input) : SLICE_LITERAL("{}"));
    json_key_bool(&w, "wait", true);
    json_object_end(&w);
    if (buffer_error(&body))
        return diag_set(reterr, buffer_error(&body), "the input is too long");
    return ephemeral_request(run->server, HTTP_POST, "/api/v1/runs", "application/json", buffer_slice(&body), ret_status,
                             ret_body, reterr);
}

int local_run_get(struct local_run *run, const char *what, unsigned *ret_status, struct slice *ret_body, struct diag *reterr)
{
    char path[3 * LIMIT_NAME];
    (void)snprintf(path, sizeof path, "/api/v1/runs/%s%s", run->id, what);
    return ephemeral_request(run->server, HTTP_GET, path, NULL, (struct slice){NULL, 0}, ret_status, ret_body, reterr);
}

/* A run that goes on after the answer's time is asked for until it has ended. */
static int await(struct local_run *run, unsigned *status, struct slice *body, struct diag *reterr)
{
    char state[LIMIT_NAME + 1];
    int r = 0;
    while (r == 0 && (*status == 200 || *status == 202)) {
        if (copy_text(*body, "id", run->id) < 0 || copy_text(*body, "state", state) < 0)
            return diag_set(reterr, -SP_EPROTOCOL, "the engine's answer cannot be read");
        if (strcmp(state, "pending") != 0 && strcmp(state, "running") != 0 && strcmp(state, "waiting") != 0)
            break;
        (void)nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
        r = local_run_get(run, "", status, body, reterr);
    }
    return r;
}

/* Checked here, because the request that it becomes a part of must stay one object. */
static int read_input(struct local_run *run, const char *path, struct diag *reterr)
{
    json_error_t error;
    int r = file_read(path, &run->input, reterr);
    if (r < 0)
        return r;
    if (run->input.len == 0)
        return diag_set(reterr, -SP_ESYNTAX, "%s: the input is empty; write {} or leave --input out", path);
    json_t *root = json_read(buffer_slice(&run->input), JSON_DECODE_ANY | JSON_OF_DATA, &error);
    json_decref(root);
    return root ? 0 : diag_set(reterr, -SP_ESYNTAX, "%s:%d:%d: %s", path, error.line, error.column, error.text);
}

static int perform(struct local_run *run)
{
    const struct cli_args *args = run->args;
    struct diag why = {0};
    struct ephemeral_options o = {.ca_file = cli_value(args, "cacert"), .verbose = cli_flag(args, "verbose")};
    o.n_allow = cli_values(args, "allow", &o.allow);
    o.n_connect_to = cli_values(args, "connect-to", &o.connect_to);
    const char *input = cli_value(args, "input");
    int r = file_read(args->operands[0], &run->definition, &why);
    if (r == 0 && input)
        r = read_input(run, input, &why);
    if (r == 0)
        r = ephemeral_new(&o, &run->server, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    int status = deploy(run, args->operands[0]);
    if (status == CLI_DONE)
        status = put_secrets(run);
    if (status)
        return status;
    unsigned http = 0;
    struct slice body = {};
    r = start(run, &http, &body, &why);
    if (r == 0)
        r = await(run, &http, &body, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    return http == 200 ? local_run_end(run, body) : local_run_refused(body, http, args->operands[0]);
}

static int run_command(const struct cli_args *args)
{
    struct local_run run = {.args = args, .definition = BUFFER_MAX(LIMIT_DEFINITION), .input = BUFFER_MAX(LIMIT_BODY),
                            .answer = BUFFER_MAX(LIMIT_FRAME)};
    for (size_t i = 0; i < LOCAL_RUN_PARTS; i++)
        run.parts[i] = BUFFER_MAX(LIMIT_BODY);
    int status = perform(&run);
    ephemeral_free(run.server);
    buffer_free(&run.definition);
    buffer_free(&run.input);
    buffer_free(&run.answer);
    for (size_t i = 0; i < LOCAL_RUN_PARTS; i++)
        buffer_free(&run.parts[i]);
    return status;
}

const struct cli_command cli_run = {
    .name = "run",
    .operands = "FILE",
    .summary = "Runs one definition here and now",
    .help = "The output goes to standard output. A fault is a problem object on standard error, exit status 1; so is a refusal by\n"
            "a grant that the workflow does not catch. Status 3 is for what the command itself asked for and was refused.\n"
            "Everything is as in the server, locked-down processes and grants, but in memory, and gone afterwards.\n"
            "A file of --secret that begins with { is a credential of kind basic, else of kind bearer.\n",
    .examples = "sallyport run order.yaml --input order.json --trace - \\\n"
                "  --allow https://warehouse.example.com --secret warehouse=token.txt\n",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_command,
};
