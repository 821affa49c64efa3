/* report: the supervisor's log lines, and the lines of the roles on their way to standard error. Must hold: a role can write
 * only its own lines, at a bounded rate: who it is comes from its channel, and no byte of it ends a line. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "supervisor/state.h"

#define LINES_PER_SECOND 500

void report_started(const struct member *m)
{
    if (m->s->options.verbose_log)
        log_event(LOG_LEVEL_INFO, "role.started", "role", role_name(m->role), "index", LOG_U64(m->index), "pid",
                  LOG_I64(m->pid), NULL);
}

void report_ended(const struct member *m, unsigned restart_ms)
{
    if (!m->s->options.verbose_log)
        return;
    int status = m->wait_status;
    bool by_signal = WIFSIGNALED(status);
    struct log_number number = log_i64(WEXITSTATUS(status));
    bool is_expected = m->was_told_to_stop || m->was_asked_to_restart;
    log_event(is_expected ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "role.ended", "role", role_name(m->role), "index", LOG_U64(m->index),
              by_signal ? "signal" : "status", by_signal ? sigabbrev_np(WTERMSIG(status)) : number.text, "lived_ms",
              LOG_I64(clock_monotonic_ms() - m->started_ms), "restart_ms", LOG_U64(restart_ms), NULL);
}

void report_problem(const struct member *m, const char *event, const char *text)
{
    if (m->s->options.verbose_log)
        log_event(LOG_LEVEL_ERROR, event, "role", role_name(m->role), "index", LOG_U64(m->index), "text", text, NULL);
}

/* 0 when the line may go, else whether this is the first one that may not. */
static bool is_over_rate(struct member *m, bool *ret_first)
{
    int64_t second = clock_monotonic_ms() / 1000;
    if (second != m->log_second) {
        m->log_second = second;
        m->log_lines = 0;
    }
    m->log_lines++;
    *ret_first = m->log_lines == LINES_PER_SECOND + 1;
    return m->log_lines > LINES_PER_SECOND;
}

void report_line(struct member *m, enum log_level level, struct slice line)
{
    char text[LIMIT_LOG_LINE + 64];
    bool first;
    if (!m->s->options.verbose_log || level < m->s->options.log_level)
        return;
    if (is_over_rate(m, &first)) {
        if (first)
            report_problem(m, "role.log-flood", "lines beyond the rate are dropped for this second");
        return;
    }
    int n = snprintf(text, sizeof text, "role=%s index=%u %.*s", role_name(m->role), m->index, SLICE_ARGS(line));
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7F)
            text[i] = '?';
    log_write(level, text, len);
}
