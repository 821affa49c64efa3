/* output: what a person reads: results on standard output, one line about a problem on standard error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

const char *cli_colour(int stream, const char *escape)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    bool plain = (no && *no) || !isatty(stream) || (term && strcmp(term, "dumb") == 0);
    return plain ? "" : escape;
}

/* Control bytes could come from a file's name or a server's answer, and would reach the terminal. */
static void print_line(const char *text)
{
    char line[2048];
    int n = snprintf(line, sizeof line, "%s", text);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' ';
    (void)fprintf(stderr, "%ssallyport:%s %s\n", cli_colour(STDERR_FILENO, CLI_RED), cli_colour(STDERR_FILENO, CLI_PLAIN), line);
}

/* Plain errnos: what the machine refuses or lacks. */
static int status_of(int code)
{
    return code <= -1000 ? error_exit_code(code) : code == -EACCES || code == -EPERM ? CLI_REFUSED
         : code == -ENOENT || code == -EEXIST || code == -ENAMETOOLONG || code == -EISDIR ? CLI_USAGE : CLI_UNAVAILABLE;
}

int cli_fail(int code, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line(text);
    return status_of(code);
}

int cli_fail_diag(const struct diag *d)
{
    return cli_fail(d->code, "%s%s%s%s", d->text, *d->hint ? " (" : "", d->hint, *d->hint ? ")" : "");
}

void cli_out(struct slice s)
{
    if (s.len && (fwrite(s.p, 1, s.len, stdout) != s.len))
        exit(cli_fail(-errno, "standard output: %s", error_text(-errno)));
}

void cli_out_text(const char *text)
{
    cli_out(slice_text(text));
}
