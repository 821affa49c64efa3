/* secrets: credentials of a server. Must hold: a value comes from a terminal without echo or from standard input, never from an
 * argument, and leaves this process only sealed to the server's vault. */
#include <stdio.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/secret_box.h"
#include "cli/view.h"
#include "crypto/crypto.h"
#include "wire/roles.h"

static const struct cli_option set_options[] = {
    {"kind", "KIND", "bearer (default), basic (value: {\"username\", \"password\"}), api-key, webhook-key",
     CREDENTIAL_KINDS(CLI_WORD)},
    {"origin", "ORIGIN", "https://host[:port] that it may go to; may be repeated"},
    {"method", "METHOD", "that it may be used with; may be repeated (default: all)"},
    {"place", "PLACE", "header (default), query or body; may be repeated", CREDENTIAL_PLACES(CLI_WORD)},
    {"header", "NAME", "of an api-key: the header that carries it"},
    REMOTE_OPTIONS,
};
static const struct cli_option options[] = {REMOTE_OPTIONS};

static int path_of(const char *operand, struct buffer *ret)
{
    char ns[LIMIT_NAME + 1];
    const char *slash = strchr(operand, '/');
    if (!slash || slash == operand || slash - operand > LIMIT_NAME || !slash[1])
        return cli_fail(-SP_EINVALID, "%s: write NAMESPACE/NAME", operand);
    (void)snprintf(ns, sizeof ns, "%.*s", (int)(slash - operand), operand);
    (void)buffer_append_text(ret, "/api/v1/secrets/");
    remote_append_escaped(ret, ns);
    (void)buffer_append_byte(ret, '/');
    remote_append_escaped(ret, slash + 1);
    return buffer_text(ret) ? CLI_DONE : cli_fail(-SP_ELIMIT, "%s: the name is too long", operand);
}

static int make_body(const struct cli_args *args, struct slice identity, struct buffer *ret)
{
    struct diag why = {0};
    struct secret_box box = {.kind = cli_value(args, "kind"), .header = cli_value(args, "header")};
    _cleanup_buffer_ struct buffer value = BUFFER_MAX(LIMIT_CREDENTIAL);
    value.secret = true;
    const char *operand = args->operands[0], *slash = strchr(operand, '/'); /* path_of has seen that it is there */
    box.kind = box.kind ? box.kind : "bearer";
    box.ns = slice_of(operand, (size_t)(slash - operand));
    box.name = slice_text(slash + 1);
    box.n_origins = cli_values(args, "origin", &box.origins);
    box.n_methods = cli_values(args, "method", &box.methods);
    box.n_places = cli_values(args, "place", &box.places);
    if (credential_kind_parse(slice_text(box.kind)) < 0)
        return cli_fail(-SP_EINVALID, "--kind %s: there are bearer, basic, api-key and webhook-key", box.kind);
    if (box.n_origins == 0 && strcmp(box.kind, "webhook-key") != 0)
        return cli_fail(-SP_EINVALID, "--origin is missing: a credential goes to named origins only");
    int status = remote_read_secret("Value", &value);
    if (status)
        return status;
    json_t *root = json_read(identity, 0, NULL);
    const char *key = json_string_value(json_object_get(root, "boxPublic"));
    int r = secret_box_body(&box, slice_text(key ? key : ""), buffer_slice(&value), ret, &why);
    json_decref(root);
    return r < 0 ? cli_fail_diag(&why) : CLI_DONE;
}

static void append_name(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, row, "namespace");
    (void)buffer_append_byte(ret, '/');
    view_append_member(ret, row, "name");
}

static void append_origins(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, json_object_get(row, "policy"), "origins");
}

static void say(const char *what, const json_t *answer)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
    append_name(answer, &line);
    (void)buffer_printf(&line, " is %s, version ", what);
    view_append_member(&line, answer, "version");
    (void)buffer_append_byte(&line, '\n');
    cli_out(buffer_slice(&line));
}

static void show_set(const json_t *answer)
{
    say("stored", answer);
}

static void show_revoked(const json_t *answer)
{
    say("revoked", answer);
}

static void show_list(const json_t *answer)
{
    static const struct view_column columns[] = {{"SECRET", NULL, append_name}, {"KIND", "kind", NULL}, {"VERSION", "version", NULL},
                                                 {"STATE", "state", NULL},      {"SET", "setAt", NULL}, {"BY", "setBy", NULL},
                                                 {"ORIGINS", NULL, append_origins}};
    view_table(json_object_get(answer, "secrets"), columns, sizeof columns / sizeof columns[0], "There are no secrets.");
}

static int run_set(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH), identity = BUFFER_MAX(LIMIT_CONFIG),
                                   body = BUFFER_MAX(4 * LIMIT_CREDENTIAL), answer = BUFFER_MAX(LIMIT_CONFIG);
    int status = crypto_init() < 0 ? cli_fail(-SP_EUNAVAILABLE, "the cryptographic library cannot be used") : CLI_DONE;
    if (status == CLI_DONE)
        status = path_of(args->operands[0], &path);
    if (status == CLI_DONE)
        status = remote_request(args, "GET", "/api/v1/identity", NULL, (struct slice){NULL, 0}, &identity);
    if (status == CLI_DONE)
        status = make_body(args, buffer_slice(&identity), &body);
    if (status == CLI_DONE)
        status = remote_request(args, "PUT", buffer_text(&path), "application/json", buffer_slice(&body), &answer);
    return status == CLI_DONE ? remote_answer(args, buffer_slice(&answer), show_set) : status;
}

static int run_list(const struct cli_args *args)
{
    return remote_print(args, "GET", "/api/v1/secrets", show_list);
}

static int run_revoke(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH);
    int status = path_of(args->operands[0], &path);
    return status ? status : remote_print(args, "DELETE", buffer_text(&path), show_revoked);
}

const struct cli_command cli_secrets_set = {.name = "secrets set", .operands = "NAMESPACE/NAME",
    .summary = "Stores a credential, sealed to the server's vault",
    .help = "The value is asked for without echo, or read from standard input; there is no way to read it out again.\n",
    .examples = "sallyport secrets set shop/stripe-webhook --kind webhook-key\n"
                "sallyport secrets set shop/warehouse --method POST \\\n"
                "  --origin https://warehouse.example.com < token.txt\n",
    .options = set_options, .min_operands = 1, .max_operands = 1, .run = run_set};
const struct cli_command cli_secrets_list = {.name = "secrets list", .operands = "",
    .summary = "Lists credentials, never their values", .options = options, .run = run_list};
const struct cli_command cli_secrets_revoke = {.name = "secrets revoke", .operands = "NAMESPACE/NAME",
    .summary = "Revokes a credential", .options = options, .min_operands = 1, .max_operands = 1, .run = run_revoke};
