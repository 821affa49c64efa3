/* findings: printed by check, deploy and run. Their texts quote the definition, which may hold control bytes. */
#include "cli/findings.h"

#include <unistd.h>

#include "base/limits.h"
#include "cli/cli.h"

static const char *text_of(const json_t *finding, const char *key)
{
    const char *text = json_string_value(json_object_get(finding, key));
    return text ? text : "";
}

void findings_print(FILE *to, const char *file, const json_t *findings)
{
    size_t i;
    const json_t *f;
    int stream = to == stdout ? STDOUT_FILENO : STDERR_FILENO;
    json_array_foreach(findings, i, f)
    {
        char level[16], line[2 * LIMIT_TEXT];
        (void)snprintf(level, sizeof level, "%s", text_of(f, "level"));
        cli_make_printable(level);
        const char *colour = strcmp(level, "error") == 0 ? CLI_RED : CLI_YELLOW;
        (void)snprintf(line, sizeof line, "%s [%s]", text_of(f, "message"), text_of(f, "rule"));
        cli_make_printable(line);
        (void)fprintf(to, "%s:%lld:%lld: %s%s:%s %s\n", file, (long long)json_integer_value(json_object_get(f, "line")),
                      (long long)json_integer_value(json_object_get(f, "column")), cli_colour(stream, colour), level,
                      cli_colour(stream, CLI_PLAIN), line);
        (void)snprintf(line, sizeof line, "%s", text_of(f, "hint"));
        cli_make_printable(line);
        if (*line)
            (void)fprintf(to, "  hint: %s\n", line);
    }
}
