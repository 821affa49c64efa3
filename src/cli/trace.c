/* trace: a run's task changes as a timeline for a person: each task once, in the order in which they began, with when it began,
 * counted from the run's start, how long it took, and how it ended. Called by runs.c. */
#include "cli/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"

struct line {
    const char *reference, *status;
    long long begin_ms, end_ms;
    bool is_open;
};

/* "2026-01-02T03:04:05.678Z", as json_writer writes it; 0 when it is not. */
static long long parse_time(const char *text)
{
    struct tm tm = {0};
    int ms = 0;
    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
                        &tm.tm_sec, &ms) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (long long)timegm(&tm) * 1000 + ms;
}

/* The newest line of a task that has not ended; a task in a loop or a retry has several. */
static struct line *find_open(struct line *lines, size_t n, const char *reference)
{
    while (n > 0)
        if (strcmp(lines[--n].reference, reference) == 0 && lines[n].is_open)
            return &lines[n];
    return NULL;
}

/* What the server wrote, cut and without control characters. */
static const char *printable(const char *text, char *to, size_t size)
{
    (void)snprintf(to, size, "%s", text);
    cli_make_printable(to);
    return to;
}

static void print_line(const struct line *l, long long start_ms)
{
    const char *colour = strcmp(l->status, "faulted") == 0 ? cli_colour(1, CLI_RED) : "";
    char took[32] = "", reference[LIMIT_NAME * 2], status[32];
    if (!l->is_open && strcmp(l->status, "skipped") != 0)
        (void)snprintf(took, sizeof took, "%lld ms", l->end_ms - l->begin_ms);
    (void)printf("%6lld ms  %-32s %s%-10s%s %8s\n", l->begin_ms - start_ms, printable(l->reference, reference, sizeof reference),
                 colour, printable(l->status, status, sizeof status), *colour ? cli_colour(1, CLI_PLAIN) : "", took);
}

static bool is_end(const char *status)
{
    static const char *const ends[] = {"completed", "faulted", "cancelled", "skipped"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (strcmp(status, ends[i]) == 0)
            return true;
    return false;
}

void trace_print(const json_t *trace)
{
    size_t i, n = 0;
    const json_t *entry;
    struct line *lines = calloc(json_array_size(trace) + 1, sizeof *lines);
    json_array_foreach(trace, i, entry)
    {
        const char *reference = json_string_value(json_object_get(entry, "reference"));
        const char *status = json_string_value(json_object_get(entry, "status"));
        long long at = parse_time(json_string_value(json_object_get(entry, "at")));
        if (!lines || !reference || !status)
            continue;
        struct line *l = find_open(lines, n, reference);
        if (!l) {
            l = &lines[n++];
            *l = (struct line){.reference = reference, .begin_ms = at, .is_open = true};
        }
        l->status = status;
        l->end_ms = at;
        if (is_end(status))
            l->is_open = false;
    }
    for (i = 0; i < n; i++)
        print_line(&lines[i], lines[0].begin_ms);
    free(lines);
}
