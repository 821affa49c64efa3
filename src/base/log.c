/* log: formats logfmt lines with every value escaped, and hands them to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/limits.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const char *const priorities[] = {"<7>", "<6>", "<4>", "<3>"};
static bool has_priorities;

void log_set_priorities(bool wanted)
{
    has_priorities = wanted;
}

void log_write(enum log_level level, const char *line, size_t len)
{
    struct buffer b = BUFFER_MAX(LIMIT_LOG_LINE + 128);
    (void)buffer_append_text(&b, has_priorities ? priorities[level] : "");
    (void)buffer_append(&b, line, len);
    (void)buffer_append_byte(&b, '\n');
    (void)!write(STDERR_FILENO, b.p, b.len);
    buffer_free(&b);
}

static void sink_stderr(enum log_level level, const char *line, size_t len, void *user)
{
    (void)user;
    log_write(level, line, len);
}

static log_sink *current_sink = sink_stderr;
static void *current_user;
static enum log_level current_lowest = LOG_LEVEL_INFO;

void log_set_sink(log_sink *sink, void *user)
{
    current_sink = sink ? sink : sink_stderr;
    current_user = user;
}

void log_set_level(enum log_level lowest)
{
    current_lowest = lowest;
}

static bool is_plain(uint8_t c)
{
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
}

static void append_value(struct buffer *b, const char *value)
{
    bool plain = *value != 0;
    for (const char *p = value; *p; p++)
        plain = plain && is_plain((uint8_t)*p);
    if (plain) {
        (void)buffer_append_text(b, value);
        return;
    }
    (void)buffer_append_byte(b, '"');
    for (const char *p = value; *p; p++) {
        uint8_t c = (uint8_t)*p;
        if (c == '"' || c == '\\')
            (void)buffer_printf(b, "\\%c", c);
        else if (c < 0x20 || c >= 0x7F)
            (void)buffer_printf(b, "\\x%02x", c);
        else
            (void)buffer_append_byte(b, c);
    }
    (void)buffer_append_byte(b, '"');
}

void log_event(enum log_level level, const char *event, ...)
{
    if (level < current_lowest)
        return;
    struct buffer b = BUFFER_MAX(LIMIT_LOG_LINE);
    (void)buffer_printf(&b, "level=%s event=%s", level_names[level], event);
    va_list args;
    va_start(args, event);
    const char *key;
    while ((key = va_arg(args, const char *))) {
        const char *value = va_arg(args, const char *);
        (void)buffer_printf(&b, " %s=", key);
        append_value(&b, value ? value : "");
    }
    va_end(args);
    if (b.p)
        current_sink(level, (const char *)b.p, b.len, current_user);
    buffer_free(&b);
}

struct log_number log_u64(uint64_t n)
{
    struct log_number r;
    (void)snprintf(r.text, sizeof r.text, "%llu", (unsigned long long)n);
    return r;
}

struct log_number log_i64(int64_t n)
{
    struct log_number r;
    (void)snprintf(r.text, sizeof r.text, "%lld", (long long)n);
    return r;
}
