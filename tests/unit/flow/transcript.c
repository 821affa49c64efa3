/* transcript: plays the engine's part for one run. Called by the tests and by flow_run. */
#include "transcript.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json_writer.h"

#define STARTED_MS 1767323045678 /* 2026-01-02T03:04:05.678Z */

void transcript_free(struct transcript *t)
{
    buffer_free(&t->findings);
    buffer_free(&t->manifest);
    buffer_free(&t->effects);
    buffer_free(&t->trace);
    buffer_free(&t->output);
    buffer_free(&t->context);
    buffer_free(&t->error);
}

static void write_call(struct buffer *out, struct slice record)
{
    struct msg_effect_call m;
    struct slice name, value;
    if (wire_decode_effect_call(record, &m) < 0)
        abort();
    (void)buffer_printf(out, "call %.*s %.*s", SLICE_ARGS(m.method), SLICE_ARGS(m.uri));
    while (wire_pairs_next(&m.headers, &name, &value) > 0)
        (void)buffer_printf(out, " [%.*s: %.*s]", SLICE_ARGS(name), SLICE_ARGS(value));
    if (m.auth)
        (void)buffer_printf(out, " auth=%d,%.*s,%.*s,%.*s", m.auth, SLICE_ARGS(m.auth_use),
                            SLICE_ARGS(m.auth_username), SLICE_ARGS(m.auth_password));
    if (m.body.len)
        (void)buffer_printf(out, " %.*s", SLICE_ARGS(m.body));
}

static void write_effects(struct buffer *out, struct slice effects)
{
    uint8_t kind;
    uint32_t number;
    struct slice record;
    struct msg_effect_timer timer;
    struct msg_effect_event event;
    struct msg_effect_cancel cancel;
    while (wire_effects_next(&effects, &kind, &number, &record) > 0) {
        (void)buffer_printf(out, "%u ", number);
        if (kind == EFFECT_CALL)
            write_call(out, record);
        else if (kind == EFFECT_TIMER && wire_decode_effect_timer(record, &timer) == 0)
            (void)buffer_printf(out, "%s %llu", timer.is_timeout ? "timeout" : "timer",
                                (unsigned long long)timer.delay_ms);
        else if (kind == EFFECT_EVENT && wire_decode_effect_event(record, &event) == 0)
            (void)buffer_printf(out, "event %.*s", SLICE_ARGS(event.event));
        else if (kind == EFFECT_CANCEL && wire_decode_effect_cancel(record, &cancel) == 0)
            (void)buffer_printf(out, "cancel %u", cancel.effect);
        else
            abort();
        (void)buffer_append_byte(out, '\n');
    }
}

static void write_trace(struct buffer *out, struct slice trace)
{
    for (size_t i = 0; i + 3 <= trace.len; i += 3) {
        unsigned task = trace.p[i] | (unsigned)trace.p[i + 1] << 8;
        if (task == 0xFFFF)
            (void)buffer_printf(out, "workflow %s\n", trace_status_text(trace.p[i + 2]));
        else
            (void)buffer_printf(out, "%u %s\n", task, trace_status_text(trace.p[i + 2]));
    }
}

static void take_step(struct flow_run *run, struct transcript *t)
{
    struct flow_step step = {0};
    t->code = flow_run_step(run, &step);
    if (t->code < 0)
        return;
    t->status = step.status;
    write_effects(&t->effects, step.effects);
    write_trace(&t->trace, step.trace);
    buffer_clear(&t->output);
    buffer_clear(&t->context);
    buffer_clear(&t->error);
    (void)buffer_append_slice(&t->output, step.output);
    (void)buffer_append_slice(&t->context, step.context);
    (void)buffer_append_slice(&t->error, step.error);
}

static uint64_t number_of(struct slice s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(s.p[i] - '0');
    return n;
}

/* Delivers one line; the rest of a call's line is its body. */
static int play(struct flow_run *run, struct slice line, int64_t *now)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(256);
    struct slice number, what, argument = {0};
    if (!slice_split(&line, ' ', &number) || !slice_split(&line, ' ', &what))
        return -SP_EINVALID;
    (void)slice_split(&line, ' ', &argument);
    *now += 1;
    struct msg_worker_result m = {.effect = (uint32_t)number_of(number), .kind = EFFECT_CALL};
    if (slice_is(what, "timer")) {
        m.kind = EFFECT_TIMER;
        if (argument.len)
            *now = STARTED_MS + (int64_t)number_of(argument);
    } else if (slice_is(what, "fail")) {
        m.code = -(int)number_of(argument);
        m.reason = line;
    } else {
        m.status = (uint16_t)number_of(argument);
        bool is_text = slice_starts(line, "text:");
        m.body = is_text ? slice_of(line.p + 5, line.len - 5) : line;
        wire_pairs_put(&headers, slice_text("Content-Type"),
                       slice_text(is_text ? "text/plain; charset=utf-8" : "application/json"));
        m.headers = buffer_slice(&headers);
    }
    m.at_ms = *now;
    return flow_run_deliver(run, &m);
}

void transcript_run(struct slice definition, struct slice input, struct slice script, struct transcript *ret)
{
    struct flow_definition *d = NULL;
    struct flow_run *run = NULL;
    struct diag diag = {0};
    int64_t now = STARTED_MS;
    *ret = (struct transcript){.findings = BUFFER_MAX(2 * LIMIT_DEFINITION),
                               .manifest = BUFFER_MAX(2 * LIMIT_DEFINITION),
                               .effects = BUFFER_MAX(LIMIT_FRAME),
                               .trace = BUFFER_MAX(LIMIT_FRAME),
                               .output = BUFFER_MAX(LIMIT_BODY),
                               .context = BUFFER_MAX(LIMIT_BODY),
                               .error = BUFFER_MAX(LIMIT_BODY)};
    ret->code = flow_definition_compile(definition, &ret->findings, &ret->manifest, &d);
    if (ret->code < 0)
        return;
    struct msg_worker_start start = {
        .run = 1, .started_ms = STARTED_MS, .input = input.len ? input : slice_text("{}")};
    memset(start.nonce, 0xA5, sizeof start.nonce);
    ret->code = flow_run_new(d, &start, &run, &diag);
    flow_definition_unref(d);
    if (ret->code < 0)
        return;
    take_step(run, ret);
    struct slice line;
    while (ret->code == 0 && ret->status == STEP_WAITING && slice_split(&script, '\n', &line))
        if (line.len) {
            ret->code = play(run, line, &now);
            if (ret->code == 0)
                take_step(run, ret);
        }
    flow_run_free(run);
}

bool read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "rb");
    char part[4096];
    size_t n;
    if (!file)
        return false;
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        (void)buffer_append(out, part, n);
    fclose(file);
    return buffer_error(out) == 0;
}
