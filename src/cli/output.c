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

size_t cli_control_len(const uint8_t *p, size_t len)
{
    if (*p < 0x20 || *p == 0x7F)
        return 1;
    return len > 1 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F ? 2 : 0;
}

void cli_make_printable(char *text)
{
    for (size_t i = 0, len = strlen(text), n; i < len; i += n ? n : 1) {
        n = cli_control_len((uint8_t *)text + i, len - i);
        memset(text + i, ' ', n);
    }
}

static void print_line(const char *text)
{
    char line[2048];
    (void)snprintf(line, sizeof line, "%s", text);
    cli_make_printable(line);
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
