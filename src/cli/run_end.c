/* run_end: what a local run ended with: its output or error, its trace, and what may have been missing. Called by run.c. */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "cli/json_part.h"
#include "cli/local_run.h"

/* In the order of the last line of a trace. */
static const char *const part_names[LOCAL_RUN_PARTS] = {"output", "error", "context"};

static int take_omitted(struct local_run *run, const char *name)
{
    char what[LIMIT_NAME];
    struct diag why = {0};
    unsigned status;
    struct slice body;
    for (size_t i = 0; i < LOCAL_RUN_PARTS; i++) {
        if (strcmp(name, part_names[i]) != 0)
            continue;
        (void)snprintf(what, sizeof what, "/data/%s", name);
        int r = local_run_get(run, what, &status, &body, &why);
        if (r < 0)
            return cli_fail_diag(&why);
        if (status != 200)
            return local_run_refused(body, status, name);
        return buffer_append_slice(&run->parts[i], body) < 0 ? cli_fail(-ENOMEM, "%s", error_text(-ENOMEM)) : CLI_DONE;
    }
    return CLI_DONE; /* the input, which was ours */
}

/* What the run ended with: from the answer, or by itself where that has no room for it. */
static int take_parts(struct local_run *run)
{
    struct slice value;
    for (size_t i = 0; i < LOCAL_RUN_PARTS; i++)
        if (json_part(buffer_slice(&run->answer), part_names[i], &value) && buffer_append_slice(&run->parts[i], value) < 0)
            return cli_fail(-ENOMEM, "%s", error_text(-ENOMEM));
    int status = CLI_DONE;
    size_t i;
    const json_t *name;
    json_t *root = json_read(buffer_slice(&run->answer), JSON_OF_DATA, NULL);
    json_array_foreach(json_object_get(root, "omitted"), i, name)
    {
        status = json_is_string(name) ? take_omitted(run, json_string_value(name)) : CLI_DONE;
        if (status)
            break;
    }
    json_decref(root);
    return status;
}

static void write_last_line(FILE *to, const struct local_run *run)
{
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(2 * LIMIT_FRAME);
    struct json_writer w = JSON_WRITER(&line);
    struct slice value;
    json_object_begin(&w);
    json_key(&w, "status");
    json_raw(&w, json_part(buffer_slice(&run->answer), "state", &value) ? value : SLICE_LITERAL("null"));
    for (size_t i = 0; i < LOCAL_RUN_PARTS; i++)
        if (run->parts[i].len) {
            json_key(&w, part_names[i]);
            json_raw(&w, buffer_slice(&run->parts[i]));
        }
    json_object_end(&w);
    (void)buffer_append_byte(&line, '\n');
    (void)fwrite(line.p, 1, line.len, to);
}

static int write_trace(struct local_run *run, const char *path)
{
    struct diag why = {0};
    unsigned status;
    struct slice body;
    int r = local_run_get(run, "/trace", &status, &body, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    if (status != 200)
        return local_run_refused(body, status, "trace");
    bool is_stderr = strcmp(path, "-") == 0;
    FILE *to = is_stderr ? stderr : fopen(path, "we");
    if (!to)
        return cli_fail(-errno, "%s: %s", path, error_text(-errno));
    json_t *root = json_read(body, 0, NULL);
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(root, "trace"), i, entry)
    {
        char *text = json_dumps(entry, JSON_COMPACT | JSON_PRESERVE_ORDER);
        (void)fprintf(to, "%s\n", text ? text : "{}");
        free(text);
    }
    json_decref(root);
    write_last_line(to, run);
    bool bad = fflush(to) != 0;
    if (!is_stderr)
        bad = fclose(to) != 0 || bad;
    return bad ? cli_fail(-EIO, "%s: it cannot be written", path) : CLI_DONE;
}

static bool is_given(const struct cli_args *args, const char *secret)
{
    const char *const *given = NULL;
    unsigned n = cli_values(args, "secret", &given);
    size_t len = strlen(secret);
    for (unsigned i = 0; i < n; i++)
        if (strncmp(given[i], secret, len) == 0 && given[i][len] == '=')
            return true;
    return false;
}

/* Of a run that was refused something: the secrets that its definition names and nobody gave may be why. */
static void hint_at_secrets(struct local_run *run)
{
    struct diag why = {0};
    char path[3 * LIMIT_NAME];
    unsigned status;
    struct slice body;
    size_t i;
    const json_t *secret;
    (void)snprintf(path, sizeof path, "/api/v1/workflows/%s/%s", run->ns, run->name);
    if (ephemeral_request(run->server, HTTP_GET, path, NULL, (struct slice){NULL, 0}, &status, &body, &why) < 0 || status != 200)
        return;
    json_t *root = json_read(body, 0, NULL);
    json_array_foreach(json_object_get(json_object_get(root, "manifest"), "secrets"), i, secret)
    {
        const char *name = json_string_value(secret);
        if (name && !is_given(run->args, name))
            (void)fprintf(stderr, "hint: the definition names the secret %s, which was not given: --secret %s=FILE\n", name, name);
    }
    json_decref(root);
}

static bool was_refused(struct slice error)
{
    static const char end[] = "/authorization";
    json_t *root = json_read(error, JSON_OF_DATA, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    size_t len = type ? strlen(type) : 0;
    bool is = len >= sizeof end && strcmp(type + len - (sizeof end - 1), end) == 0;
    json_decref(root);
    return is;
}

int local_run_end(struct local_run *run, struct slice body)
{
    const struct buffer *output = &run->parts[0], *error = &run->parts[1];
    const char *trace = cli_value(run->args, "trace");
    if (buffer_append_slice(&run->answer, body) < 0)
        return cli_fail(-ENOMEM, "%s", error_text(-ENOMEM));
    int status = take_parts(run);
    if (status == CLI_DONE && trace)
        status = write_trace(run, trace);
    if (status)
        return status;
    if (output->len) {
        cli_out(buffer_slice(output));
        cli_out_text("\n");
        return CLI_DONE;
    }
    struct slice why = error->len ? buffer_slice(error) : SLICE_LITERAL("{\"title\":\"the run was cancelled\"}");
    (void)fprintf(stderr, "%.*s\n", SLICE_ARGS(why));
    if (was_refused(why))
        hint_at_secrets(run);
    return CLI_FAULTED;
}
