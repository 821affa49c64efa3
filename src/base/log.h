/* One log line: a stable event name and key-value pairs (logfmt). A role logs once, where it decides; libraries do not log.
 * Values are escaped here, so that what came from outside cannot forge a line. Logs are not audit. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

/* Where lines go; `line` has no newline and at most LIMIT_LOG_LINE bytes. The default writes to standard error. */
typedef void log_sink(enum log_level level, const char *line, size_t len, void *user);
void log_set_sink(log_sink *sink, void *user);
void log_set_level(enum log_level lowest);

/* Lines on standard error begin with their priority, "<4>" for a warning, as systemd's journal takes it (sd-daemon(3)). */
void log_set_priorities(bool wanted);

/* Writes a line that is whole already to standard error. */
void log_write(enum log_level level, const char *line, size_t len);

/* Pairs are `const char *key, const char *value`, ended by NULL: log_event(LOG_LEVEL_INFO, "role.ready", "role", name, NULL).
 * A NULL value is written as an empty one. */
[[gnu::sentinel]] void log_event(enum log_level level, const char *event, ...);

/* The decimal text of a number for log_event, in a buffer that lives until the end of the full expression. */
struct log_number {
    char text[24];
};
struct log_number log_u64(uint64_t n);
struct log_number log_i64(int64_t n);
#define LOG_U64(n) (log_u64(n).text)
#define LOG_I64(n) (log_i64(n).text)

#endif
