/* api_runs_read: runs that the API lists and shows. Reads come from the database on the slow thread, are opened with the
 * namespace's key, and are audited: an administrator's look at a run's data leaves a leaf. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "base/must.h"
#include "engine/load.h"
#include "engine/look.h"
#include "engine/query.h"
#include "engine/request.h"
#include "engine/run_data.h"
#include "engine/slow.h"
#include "engine/workflows.h"

#define TRACE_RESERVE (64u << 10) /* one entry, and what parts leave to the trace at least */

/* --- list ---------------------------------------------------------------------------------------------------------- */

struct listing {
    struct request *request;
    struct store_run_filter filter;
    struct buffer body;
    struct json_writer writer;
    struct run_id last;
    uint32_t n;
    int code;
    char damage[160]; /* where, at -SP_ETAMPERED */
};

static void write_head(struct json_writer *w, const struct store_run *row)
{
    char id[RUN_ID_LEN + 1];
    run_id_text(row->id, id);
    json_key_text(w, "id", id);
    json_key_string(w, "namespace", row->ns);
    json_key_string(w, "workflow", row->workflow);
    json_key_string(w, "version", row->version);
    json_key_text(w, "state", run_state_text((int)row->state));
    json_key_text(w, "trigger", run_trigger_text((int)row->trigger));
    json_key_string(w, "actor", row->actor);
    json_key_time(w, "startedAt", row->started_ms);
    if (row->ended_ms)
        json_key_time(w, "endedAt", row->ended_ms);
}

static int on_listed(void *user, const struct store_run *row)
{
    struct listing *l = user;
    json_object_begin(&l->writer);
    write_head(&l->writer, row);
    json_object_end(&l->writer);
    l->last = row->id;
    l->n++;
    return 0;
}

static void list_work(struct store_reader *reader, void *user)
{
    struct listing *l = user;
    l->code = store_runs(reader, &l->filter, on_listed, l);
    if (l->code == -SP_ETAMPERED)
        (void)snprintf(l->damage, sizeof l->damage, ": %s is damaged; `sallyport audit verify` tells what else is", store_reader_damage(reader));
}

static void listing_free(struct listing *l)
{
    buffer_free(&l->body);
    free(l);
}

static void list_done(void *user)
{
    struct listing *l = user;
    json_array_end(&l->writer);
    if (l->n == l->filter.limit) {
        char id[RUN_ID_LEN + 1];
        run_id_text(l->last, id);
        json_key_text(&l->writer, "next", id);
    }
    json_object_end(&l->writer);
    if (l->code < 0)
        respond_problem(l->request, l->code, "The runs could not be read%s.", l->damage);
    else
        respond_json(l->request, 200, &l->body);
    listing_free(l);
}

static struct store_run_filter filter_of(const struct request *r)
{
    struct slice state = request_query_text(r, "state"), before = request_query_text(r, "before");
    struct store_run_filter filter = {.ns = request_query_text(r, "namespace"), .workflow = request_query_text(r, "workflow"),
                                      .limit = (uint32_t)request_query_number(r, "limit", 0)};
    if (state.p)
        filter.state = run_state_parse(state);
    if (before.p)
        must(run_id_parse(before, &filter.before) == 0);
    return filter;
}

void api_runs_list(struct request *r)
{
    struct listing *l = calloc(1, sizeof *l);
    if (!l) {
        respond_problem(r, -SP_EOVERLOAD, "No memory for the listing.");
        return;
    }
    *l = (struct listing){.request = r, .filter = filter_of(r), .body = BUFFER_MAX(LIMIT_BODY)};
    l->writer = JSON_WRITER(&l->body);
    json_object_begin(&l->writer);
    json_key_array(&l->writer, "runs");
    if (slow_submit(list_work, list_done, l) == 0)
        return;
    respond_problem(r, -SP_EOVERLOAD, "Too much is being read now.");
    listing_free(l);
}

/* --- show, trace, replay: one run with its data --------------------------------------------------------------------- */

struct showing {
    struct request *request;
    struct run_id id;
    enum { SHOW_RUN, SHOW_TRACE, SHOW_PART } what;
    int part; /* of SHOW_PART */
    struct workflow *workflow;
    struct seal_key key;
    struct journal_copy journal;
    struct buffer head, input, output, error, context;
    uint32_t workflow_id;
    enum run_state state;
    int code;
};

static int on_shown(void *user, const struct store_run *row)
{
    struct showing *s = user;
    struct namespace *ns = namespace_find(row->ns);
    if (!ns)
        return -SP_EKEY;
    s->workflow_id = row->workflow_id;
    s->state = row->state;
    seal_key_derive(ns->key, row->id, &s->key);
    struct json_writer w = JSON_WRITER(&s->head);
    write_head(&w, row);
    int r = buffer_error(&s->head);
    r = r < 0 ? r : seal_open_column(&s->key, SEAL_RUN_INPUT, row->input, &s->input);
    r = r < 0 ? r : seal_open_column(&s->key, SEAL_RUN_OUTPUT, row->output, &s->output);
    r = r < 0 ? r : seal_open_column(&s->key, SEAL_RUN_ERROR, row->error, &s->error);
    return r < 0 ? r : seal_open_column(&s->key, SEAL_RUN_CONTEXT, row->context, &s->context);
}

static void show_work(struct store_reader *reader, void *user)
{
    struct showing *s = user;
    s->code = store_run_by_id(reader, s->id, on_shown, s);
    if (s->code < 0 || s->what != SHOW_TRACE)
        return;
    journal_copy_begin(&s->journal, &s->key);
    s->code = journal_copy_read(&s->journal, reader);
}

static void showing_free(struct showing *s)
{
    seal_key_wipe(&s->key);
    journal_copy_free(&s->journal);
    buffer_free(&s->head);
    buffer_free(&s->input);
    buffer_free(&s->output);
    buffer_free(&s->error);
    buffer_free(&s->context);
    free(s);
}

static void write_trace_entry(struct json_writer *w, struct workflow *workflow, unsigned task, unsigned status, int64_t at_ms)
{
    const char *reference = "/", *name = workflow->name;
    if (task != 0xFFFF && !workflow_task(workflow, task, &reference, &name))
        reference = name = "?";
    json_object_begin(w);
    json_key_text(w, "reference", reference);
    json_key_text(w, "name", name);
    json_key_text(w, "status", trace_status_text((int)status));
    json_key_time(w, "at", at_ms);
    json_object_end(w);
}

/* The beginning of the trace, as much as the answer holds beside `others`; `truncated` says that there is more. */
static void write_trace(struct json_writer *w, struct showing *s, size_t others)
{
    struct workflow *workflow = workflow_by_id(s->workflow_id);
    bool fits = true;
    json_key_array(w, "trace");
    for (const struct journal_row *row = s->journal.first; row && workflow; row = row->next) {
        struct wire_reader r = WIRE_READER(row->data);
        while (row->kind == JOURNAL_TRACE && r.rest.len >= 3 && (fits = w->out->len + others + TRACE_RESERVE < LIMIT_BODY)) {
            unsigned task = wire_get_u16(&r), status = wire_get_u8(&r);
            write_trace_entry(w, workflow, task, status, row->at_ms);
        }
    }
    json_array_end(w);
    if (!fits)
        json_key_bool(w, "truncated", true);
}

static void answer_shown(struct showing *s, const struct run_data *data)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    (void)buffer_append_slice(&body, buffer_slice(&s->head));
    w.need_comma = true;
    unsigned which = run_data_fitting(data, LIMIT_BODY - body.len - (s->what == SHOW_TRACE ? TRACE_RESERVE : 1));
    if (s->what == SHOW_TRACE)
        write_trace(&w, s, run_data_len(data, which));
    run_data_write(&w, data, which);
    json_object_end(&w);
    respond_json(s->request, 200, &body);
}

static struct run_data data_of(const struct showing *s)
{
    struct run_data data = {{[PART_INPUT] = buffer_slice(&s->input), [PART_OUTPUT] = buffer_slice(&s->output),
                             [PART_ERROR] = buffer_slice(&s->error), [PART_CONTEXT] = buffer_slice(&s->context)}};
    if (s->what == SHOW_TRACE)
        data.part[PART_INPUT] = (struct slice){0};
    return data;
}

static void show_done(void *user)
{
    struct showing *s = user;
    struct run_data data = data_of(s);
    struct slice looked_at = s->what == SHOW_PART ? slice_text(run_part_text(s->part)) : (struct slice){0};
    if (s->code < 0)
        respond_problem(s->request, s->code, s->code == -SP_ENOTFOUND ? "There is no such run." : "The run could not be opened.");
    else if (s->what == SHOW_PART && data.part[s->part].len == 0)
        respond_problem(s->request, -SP_ENOTFOUND, "The run has no %s.", run_part_text(s->part));
    else if (!look_record(s->request, AUDIT_RUN_READ, s->id, looked_at))
        ; /* answered */
    else if (s->what == SHOW_PART)
        respond(s->request, 200, "application/json", data.part[s->part], (struct slice){0});
    else
        answer_shown(s, &data);
    showing_free(s);
}

static void show(struct request *r, int what, int part)
{
    struct run_id id;
    if (run_id_parse(r->params[0], &id) < 0) {
        respond_problem(r, -SP_ENOTFOUND, "There is no such run.");
        return;
    }
    struct showing *s = calloc(1, sizeof *s);
    if (s) {
        s->request = r;
        s->id = id;
        s->what = what;
        s->part = part;
        s->head = s->error = BUFFER_MAX(LIMIT_CONFIG);
        s->input = s->output = s->context = BUFFER_MAX(LIMIT_BODY);
    }
    if (s && slow_submit(show_work, show_done, s) == 0)
        return;
    if (s)
        showing_free(s);
    respond_problem(r, -SP_EOVERLOAD, "Too much is being read now.");
}

void api_runs_show(struct request *r)
{
    show(r, SHOW_RUN, 0);
}

void api_runs_data(struct request *r)
{
    int part = run_part_parse(r->params[1]);
    if (part < 0)
        respond_problem(r, -SP_ENOTFOUND, "A run has input, output, error and context.");
    else
        show(r, SHOW_PART, part);
}

void api_runs_trace(struct request *r)
{
    show(r, SHOW_TRACE, 0);
}
