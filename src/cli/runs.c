/* runs: starts, lists, shows, cancels and replays runs on a server. */

#include "base/error.h"
#include "base/id.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/plural.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/json_part.h"
#include "cli/remote.h"
#include "cli/trace.h"
#include "cli/view.h"
#include "store/store.h"

static const struct cli_option start_options[] = {
    {"input", "FILE", "the input, JSON; - is standard input (default: {})"},
    {"wait", NULL, "wait for the end"},
    REMOTE_OPTIONS,
};
static const struct cli_option list_options[] = {
    {"namespace", "NAME", "only of this namespace"},
    {"workflow", "NAME", "only of this workflow"},
    {"state", "STATE", "pending, running, waiting, completed, faulted or cancelled", RUN_STATES(CLI_WORD)},
    {"limit", "N", "at most so many, up to 1000 (default 50)"},
    {"before", "ID", "only those before this one"},
    REMOTE_OPTIONS,
};
static const struct cli_option options[] = {REMOTE_OPTIONS};

static int make_body(const struct cli_args *args, struct buffer *ret)
{
    struct diag why = {0};
    const char *operand = args->operands[0], *slash = strchr(operand, '/'), *file = cli_value(args, "input");
    _cleanup_buffer_ struct buffer input = BUFFER_MAX(LIMIT_BODY);
    if (!slash)
        return cli_fail(-SP_EINVALID, "%s: write NAMESPACE/NAME", operand);
    if (file && file_read(file, &input, &why) < 0)
        return cli_fail_diag(&why);
    if (file && input.len == 0)
        return cli_fail(-SP_ESYNTAX, "%s: the input is empty; write {} or leave --input out", file);
    json_error_t error;
    json_t *parsed = file ? json_read(buffer_slice(&input), JSON_DECODE_ANY | JSON_OF_DATA, &error) : NULL;
    json_decref(parsed);
    if (file && !parsed)
        return cli_fail(-SP_ESYNTAX, "%s:%d:%d: %s", file, error.line, error.column, error.text);
    struct json_writer w = JSON_WRITER(ret);
    json_object_begin(&w);
    json_key_string(&w, "namespace", slice_of(operand, (size_t)(slash - operand)));
    json_key_text(&w, "workflow", slash + 1);
    json_key(&w, "input");
    json_raw(&w, file ? buffer_slice(&input) : SLICE_LITERAL("{}"));
    json_key_bool(&w, "wait", cli_flag(args, "wait"));
    json_object_end(&w);
    return buffer_error(ret) ? cli_fail(buffer_error(ret), "the input is too long") : CLI_DONE;
}

/* --- what a person sees ------------------------------------------------------------------------------------------------ */

static void append_workflow(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, row, "namespace");
    (void)buffer_append_byte(ret, '/');
    view_append_member(ret, row, "workflow");
    (void)buffer_append_byte(ret, ' ');
    view_append_member(ret, row, "version");
}

static void append_cause(const json_t *row, struct buffer *ret)
{
    view_append_member(ret, row, "trigger");
    (void)buffer_append_text(ret, ", ");
    view_append_member(ret, row, "actor");
}

static void show_list(const json_t *answer)
{
    static const struct view_column columns[] = {{"RUN", "id", NULL},       {"WORKFLOW", NULL, append_workflow},
                                                 {"STATE", "state", NULL},  {"BY", NULL, append_cause},
                                                 {"STARTED", "startedAt", NULL}, {"ENDED", "endedAt", NULL}};
    const char *next = json_string_value(json_object_get(answer, "next"));
    view_table(json_object_get(answer, "runs"), columns, sizeof columns / sizeof columns[0], "There are no such runs.");
    if (next) {
        _cleanup_buffer_ struct buffer id = BUFFER_MAX(LIMIT_TEXT);
        view_append(&id, next);
        (void)fprintf(stderr, "There may be more: --before %.*s\n", SLICE_ARGS(buffer_slice(&id)));
    }
}

/* "r0sa… completed": its data is for `runs show`. */
static void show_state(const json_t *answer)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
    view_append_member(&line, answer, "id");
    (void)buffer_append_byte(&line, ' ');
    view_append_member(&line, answer, "state");
    (void)buffer_append_byte(&line, '\n');
    cli_out(buffer_slice(&line));
}

static void show_replayed(const json_t *answer)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
    view_append_member(&line, answer, "id");
    (void)buffer_append_text(&line, json_is_true(json_object_get(answer, "identical")) ? " replayed, identical: " : " replayed, DIFFERENT: ");
    view_append_member(&line, answer, "state");
    (void)buffer_append_text(&line, " after ");
    view_append_member(&line, answer, "results");
    (void)buffer_append_text(&line, PLURAL(json_integer_value(json_object_get(answer, "results")), " result\n", " results\n"));
    cli_out(buffer_slice(&line));
}

static void show_head(const json_t *run)
{
    _cleanup_buffer_ struct buffer workflow = BUFFER_MAX(LIMIT_TEXT), cause = BUFFER_MAX(LIMIT_TEXT);
    append_workflow(run, &workflow);
    append_cause(run, &cause);
    view_field_of("Run", run, "id");
    view_field("Workflow", buffer_text(&workflow));
    view_field_of("State", run, "state");
    view_field("Started by", buffer_text(&cause));
    view_field_of("Started", run, "startedAt");
    view_field_of("Ended", run, "endedAt");
}

static void show_data(struct slice answer)
{
    static const struct {
        const char *key, *label;
    } parts[] = {{"input", "Input"}, {"output", "Output"}, {"error", "Error"}, {"context", "Context"}};
    struct slice value;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        /* Of a context there is something to see only when a task exported something. */
        if (json_part(answer, parts[i].key, &value) && !(slice_is(value, "{}") && strcmp(parts[i].key, "context") == 0)) {
            (void)printf("\n%s:\n  ", parts[i].label);
            view_json(value, 2);
        }
}

/* What one answer has no room for, with the command that has it. */
static void show_omitted(struct slice answer)
{
    json_t *root = json_read(answer, JSON_OF_DATA, NULL);
    size_t i;
    const json_t *part;
    json_array_foreach(json_object_get(root, "omitted"), i, part)
    {
        _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_TEXT);
        (void)buffer_append_text(&line, "\nToo large to be shown with the rest: sallyport runs data ");
        view_append_member(&line, root, "id");
        (void)buffer_append_byte(&line, ' ');
        view_append(&line, json_is_string(part) ? json_string_value(part) : "?");
        (void)buffer_append_byte(&line, '\n');
        cli_out(buffer_slice(&line));
    }
    json_decref(root);
}

static void show_trace(const json_t *answer)
{
    trace_print(json_object_get(answer, "trace"));
}

/* --- the commands ------------------------------------------------------------------------------------------------------ */

static int run_start(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY), answer = BUFFER_MAX(LIMIT_FRAME);
    int status = make_body(args, &body);
    if (status == CLI_DONE)
        status = remote_request(args, "POST", "/api/v1/runs", "application/json", buffer_slice(&body), &answer);
    if (status == CLI_DONE)
        status = remote_answer(args, buffer_slice(&answer), show_state);
    if (status)
        return status;
    if (!cli_flag(args, "json")) {
        show_data(buffer_slice(&answer));
        show_omitted(buffer_slice(&answer));
    }
    json_t *root = json_read(buffer_slice(&answer), JSON_OF_DATA, NULL);
    const char *state = json_string_value(json_object_get(root, "state"));
    status = state && (strcmp(state, "faulted") == 0 || strcmp(state, "cancelled") == 0) ? CLI_FAULTED : CLI_DONE;
    json_decref(root);
    return status;
}

static int run_list(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH + LIMIT_QUERY);
    (void)buffer_append_text(&path, "/api/v1/runs");
    char separator = '?';
    for (unsigned i = 0; i < 5; i++) {
        const char *value = cli_value(args, list_options[i].name);
        if (!value)
            continue;
        (void)buffer_printf(&path, "%c%s=", separator, list_options[i].name);
        remote_append_escaped(&path, value);
        separator = '&';
    }
    const char *text = buffer_text(&path);
    return text ? remote_print(args, "GET", text, show_list) : cli_fail(-SP_ELIMIT, "the filter is too long");
}

static int path_of(const struct cli_args *args, const char *tail, struct buffer *ret)
{
    struct run_id id;
    if (run_id_parse(slice_text(args->operands[0]), &id) < 0)
        return cli_fail(-SP_EINVALID, "%s: this is no run's id", args->operands[0]);
    buffer_clear(ret);
    (void)buffer_printf(ret, "/api/v1/runs/%s%s", args->operands[0], tail);
    return CLI_DONE;
}

static int on_one(const struct cli_args *args, const char *method, const char *tail, remote_show *show)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH);
    int status = path_of(args, tail, &path);
    return status ? status : remote_print(args, method, buffer_text(&path), show);
}

static int run_trace(const struct cli_args *args)
{
    return on_one(args, "GET", "/trace", show_trace);
}

static int run_show(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(LIMIT_PATH), answer = BUFFER_MAX(LIMIT_FRAME);
    int status = path_of(args, "", &path);
    if (status == CLI_DONE)
        status = remote_request(args, "GET", buffer_text(&path), NULL, (struct slice){NULL, 0}, &answer);
    if (status == CLI_DONE)
        status = remote_answer(args, buffer_slice(&answer), show_head);
    if (status || cli_flag(args, "json"))
        return status;
    show_data(buffer_slice(&answer));
    show_omitted(buffer_slice(&answer));
    cli_out_text("\nTasks:\n");
    return run_trace(args);
}

static int run_data(const struct cli_args *args)
{
    _cleanup_buffer_ struct buffer tail = BUFFER_MAX(LIMIT_PATH);
    (void)buffer_append_text(&tail, "/data/");
    remote_append_escaped(&tail, args->operands[1]);
    const char *text = buffer_text(&tail);
    return text ? on_one(args, "GET", text, NULL) : cli_fail(-SP_EINVALID, "a run has input, output, error and context");
}

static int run_cancel(const struct cli_args *args)
{
    return on_one(args, "POST", "/cancel", show_state);
}

static int run_replay(const struct cli_args *args)
{
    return on_one(args, "POST", "/replay", show_replayed);
}

const struct cli_command cli_runs_start = {.name = "runs start", .operands = "NAMESPACE/NAME", .summary = "Starts a run on a server",
    .help = "With --wait the exit status is 1 when the run faulted or was cancelled.\n",
    .examples = "sallyport runs start shop/order-paid --input order.json --wait\n", .options = start_options, .min_operands = 1,
    .max_operands = 1, .run = run_start};
const struct cli_command cli_runs_list = {.name = "runs list", .operands = "", .summary = "Lists runs",
    .help = "The latest first; --before gives the page after a run.\n",
    .examples = "sallyport runs list --workflow order-paid --state faulted\n", .options = list_options,
    .run = run_list};
const struct cli_command cli_runs_show = {.name = "runs show", .operands = "ID", .summary = "Shows a run with its data",
    .help = "Input, output, error and context. Looking at them leaves an audit leaf, as runs trace does.\n",
    .options = options, .min_operands = 1, .max_operands = 1, .run = run_show};
const struct cli_command cli_runs_data = {.name = "runs data", .operands = "ID PART",
    .summary = "Prints one part of a run's data",
    .help = "PART is input, output, error or context; it is printed as it is, in JSON. Leaves an audit leaf, as runs show does.\n",
    .examples = "sallyport runs data r0saqmfqhfktm7 output\n", .options = options,
    .choices = "input output error context", .min_operands = 2, .max_operands = 2, .run = run_data};
const struct cli_command cli_runs_trace = {.name = "runs trace", .operands = "ID", .summary = "Shows a run's timeline",
    .help = "A line for each task: when it began after the run's start, where it stands, how it ended, and how long it took.\n",
    .options = options, .min_operands = 1, .max_operands = 1, .run = run_trace};
const struct cli_command cli_runs_cancel = {.name = "runs cancel", .operands = "ID", .summary = "Cancels a run", .options = options,
    .min_operands = 1, .max_operands = 1, .run = run_cancel};
const struct cli_command cli_runs_replay = {.name = "runs replay", .operands = "ID",
    .summary = "Interprets a run's journal again and compares",
    .help = "Nothing is sent: the results of calls come from the journal.\n", .options = options, .min_operands = 1, .max_operands = 1,
    .run = run_replay};
