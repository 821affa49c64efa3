/* help: the texts of --help, from the table of subcommands. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

static void print_options(const struct cli_option *o)
{
    for (; o && o->name; o++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        (void)printf("  %-34s %s\n", left, o->help);
    }
}

static void print_overview(void)
{
    cli_out_text("Usage: sallyport COMMAND [OPTION]... [OPERAND]...\n"
                 "Runs workflows of the Open Workflow DSL 1.0; nothing leaves without a grant and a durable record.\n\n");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", c->name, c->operands);
        (void)printf("  %-34s %s\n", left, c->summary);
    }
    cli_out_text("\nsallyport COMMAND --help tells more; sallyport --version gives the version.\n"
                 "Exit status: 0 done, 1 the run faulted, 2 usage or invalid input, 3 refused, 4 unavailable.\n");
}

void cli_print_help(const struct cli_command *command)
{
    if (!command) {
        print_overview();
        return;
    }
    (void)printf("Usage: sallyport %s [OPTION]... %s\n%s.\n\n", command->name, command->operands, command->summary);
    print_options(command->options);
    print_options(cli_common_options);
    if (command->help)
        (void)printf("\n%s", command->help);
}
