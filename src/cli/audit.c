/* audit: the log of a server: its leaves, its signed head, its public key. */
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "cli/audit_key.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/view.h"

static const struct cli_option tail_options[] = {{"from", "INDEX", "the first leaf (default: the last ones)"},
                                                 {"limit", "N", "at most so many (default 100)"},
                                                 REMOTE_OPTIONS};
static const struct cli_option options[] = {REMOTE_OPTIONS};

static void append_time(const json_t *row, struct buffer *ret)
{
    char text[32] = "";
    long long ms = json_integer_value(json_object_get(json_object_get(row, "leaf"), "time"));
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)buffer_printf(ret, "%s.%03lldZ", text, ms % 1000);
}

static void append_action(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, json_object_get(row, "leaf"), "action");
}

static void append_outcome(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, json_object_get(row, "leaf"), "outcome");
}

static void append_who(const json_t *row, struct buffer *ret)
{
    const json_t *leaf = json_object_get(row, "leaf");
    view_append_member(ret, leaf, json_object_get(leaf, "actor") ? "actor" : "kind");
}

/* Everything else, in the order in which one reads it; digests are for programs. */
static void append_what(const json_t *row, struct buffer *ret)
{
    static const char *const keys[] = {"run",    "effect", "object", "version", "method", "origin", "path",
                                       "status", "creds",  "before", "error",   "addr",   "detail"};
    const json_t *leaf = json_object_get(row, "leaf");
    if (json_object_get(leaf, "wf")) {
        view_append_member(ret, leaf, "ns");
        (void)buffer_append_byte(ret, '/');
        view_append_member(ret, leaf, "wf");
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(leaf, keys[i])) {
            (void)buffer_append_text(ret, ret->len ? " " : "");
            if (strcmp(keys[i], "effect") == 0)
                (void)buffer_append_byte(ret, '#');
            view_append_member(ret, leaf, keys[i]);
        }
}

static void show_leaves(const json_t *answer)
{
    static const struct view_column columns[] = {{"LEAF", "index", NULL},         {"TIME", NULL, append_time},
                                                 {"ACTION", NULL, append_action}, {"OUTCOME", NULL, append_outcome},
                                                 {"WHO", NULL, append_who},       {"WHAT", NULL, append_what}};
    view_table(json_object_get(answer, "leaves"), columns, sizeof columns / sizeof columns[0], "There are no such leaves.");
}

static int run_tail(const struct cli_args *args)
{
    char path[256];
    const char *from = cli_value(args, "from"), *limit = cli_value(args, "limit");
    uint64_t first = 0, n = 100;
    if ((from && slice_parse_u64(slice_text(from), &first) < 0) || (limit && slice_parse_u64(slice_text(limit), &n) < 0))
        return cli_fail(-SP_EINVALID, "--from and --limit are numbers");
    (void)snprintf(path, sizeof path, "/api/v1/audit/leaves?%s%s%slimit=%llu", from ? "from=" : "", from ? from : "",
                   from ? "&" : "", (unsigned long long)n);
    return remote_print(args, "GET", path, show_leaves);
}

/* A signed note is text already, and a later `audit verify --checkpoint` needs it byte for byte. */
static int run_checkpoint(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT), json = BUFFER_MAX(8 * LIMIT_TEXT);
    if (!cli_flag(args, "json"))
        return remote_print(args, "GET", "/api/v1/audit/checkpoint", NULL);
    int status = remote_request(args, "GET", "/api/v1/audit/checkpoint", NULL, (struct slice){NULL, 0}, &note);
    if (status)
        return status;
    struct json_writer w = JSON_WRITER(&json);
    json_object_begin(&w);
    json_key_string(&w, "checkpoint", buffer_slice(&note));
    json_object_end(&w);
    (void)buffer_append_byte(&json, '\n');
    cli_out(buffer_slice(&json));
    return CLI_DONE;
}

static void show_key(const json_t *answer)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
    const char *key = json_string_value(json_object_get(answer, "auditPublic"));
    struct audit_key parsed = {0};
    if (!key || audit_key_parse(slice_text(key), &parsed) < 0 || audit_key_print(&parsed, &line) < 0)
        return;
    (void)buffer_append_byte(&line, '\n');
    cli_out(buffer_slice(&line));
}

static int run_key(const struct cli_args *args)
{
    return remote_print(args, "GET", "/api/v1/identity", show_key);
}

const struct cli_command cli_audit_tail = {.name = "audit tail", .operands = "", .summary = "Shows leaves of a server's audit log",
    .options = tail_options, .run = run_tail};
const struct cli_command cli_audit_checkpoint = {.name = "audit checkpoint", .operands = "",
    .summary = "Prints the signed head of a server's audit log",
    .help = "A C2SP checkpoint. Keep it elsewhere: audit verify --checkpoint then finds a log that was rolled back.\n",
    .examples = "sallyport audit checkpoint > kept\n",
    .options = options, .run = run_checkpoint};
const struct cli_command cli_audit_key = {.name = "audit key", .operands = "",
    .summary = "Prints the public key of a server's audit log",
    .help = "A C2SP verifier key, NAME+HASH+KEY, for audit verify --key and other tools. init prints the same one.\n",
    .options = options, .run = run_key};
