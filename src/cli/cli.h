/* The frame of the command: one table of subcommands, from which come dispatch, help and completion; one way to read options
 * and one way to say that something is wrong. Each subcommand is a file of its own. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buffer.h"
#include "base/diag.h"

#define CLI_OPTIONS_MAX 24
#define CLI_VALUES_MAX  64
#define CLI_OPERANDS_MAX 64

/* Exit codes (docs/manual/command.md). */
enum cli_status {
    CLI_DONE = 0,
    CLI_FAULTED = 1,
    CLI_USAGE = 2,
    CLI_REFUSED = 3,
    CLI_UNAVAILABLE = 4,
};

struct cli_option {
    const char *name;  /* without dashes; NULL ends the list */
    const char *value; /* "FILE"; NULL: a flag */
    const char *help;
    const char *choices; /* the values that there are, parted by blanks, for completion; NULL: any */
};
/* For choices out of a list (ID, number, text, …). */
#define CLI_WORD(ID, number, text, ...) text " "

struct cli_args {
    const struct cli_command *command;
    const char *values[CLI_OPTIONS_MAX][CLI_VALUES_MAX]; /* a flag has the value "" */
    unsigned n_values[CLI_OPTIONS_MAX];
    const char *operands[CLI_OPERANDS_MAX];
    unsigned n_operands;
};

struct cli_command {
    const char *name;     /* "check", "workflows deploy" */
    const char *operands; /* "FILE..." */
    const char *summary;
    const char *help;     /* more, with a newline at its end; may be NULL */
    const char *examples; /* lines for a shell, each with its newline; may be NULL */
    const struct cli_option *options;
    const char *choices; /* of the last operand, as an option's */
    unsigned min_operands, max_operands;
    bool answers_nothing; /* that could be JSON */
    int (*run)(const struct cli_args *args);
};

extern const struct cli_command *const cli_commands[]; /* ended by NULL */

/* --help, and --json where there is an answer; NULL: all that are common to most. */
const struct cli_option *cli_common_options(const struct cli_command *command);

/* Fills `ret`; 0, or CLI_USAGE after saying what is wrong. */
int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_args *ret);

const char *cli_value(const struct cli_args *args, const char *option); /* the last one; NULL when it is not given */
unsigned cli_values(const struct cli_args *args, const char *option, const char *const **ret);
bool cli_flag(const struct cli_args *args, const char *option);

/* One line on standard error, "sallyport: what (hint)"; gives the exit code that fits the negative `code`. */
[[gnu::format(printf, 2, 3)]] int cli_fail(int code, const char *format, ...);
int cli_fail_diag(const struct diag *d);

/* The escape that starts or ends colour, or "" when `stream` is no terminal or NO_COLOR is set. */
const char *cli_colour(int stream, const char *escape);
#define CLI_RED    "\x1b[31m"
#define CLI_YELLOW "\x1b[33m"
#define CLI_PLAIN  "\x1b[0m"

/* Writes all of it to standard output; an error ends the command with CLI_UNAVAILABLE. */
void cli_out(struct slice s);
void cli_out_text(const char *text);

/* The bytes of a control character at `p`, 0 when there is none: C0, DEL, and C1 in UTF-8 (C2 80 to C2 9F), which some
 * terminals obey too. */
size_t cli_control_len(const uint8_t *p, size_t len);

/* Control characters become spaces: they could come from a file's name or a server's answer, and would reach the terminal. */
void cli_make_printable(char *text);

void cli_print_help(const struct cli_command *command); /* NULL: of the whole */
void cli_print_group_help(const char *first);           /* the commands that begin with this word */
bool cli_is_of_group(const struct cli_command *command, const char *first);

#endif
