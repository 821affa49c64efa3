/* help: the texts of --help, from the table of subcommands. */
#include <stdio.h>

#include "base/pages.h"
#include "cli/about.h"
#include "cli/cli.h"

#define NAME_WIDTH 34

static void print_fact(const char *name, const char *text)
{
    const char *gap = strlen(name) > NAME_WIDTH ? "\n      " : "";
    (void)printf("  %-*s %s%s\n", NAME_WIDTH, name, gap, text);
}

static void print_options(const struct cli_option *o)
{
    for (; o && o->name; o++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        print_fact(left, o->help);
    }
}

static void print_overview(void)
{
    (void)printf("Usage: sallyport COMMAND [OPTION]... [OPERAND]...\n%s\n\n", CLI_ABOUT);
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", c->name, c->operands);
        print_fact(left, c->summary);
    }
    cli_out_text(
        "\nsallyport COMMAND --help tells more; sallyport --version gives the version.\n" CLI_OPTION_FORM
        "\n");
#define F(name, text) print_fact(name, text);
    cli_out_text("\nExit status:\n");
    CLI_EXIT_STATUSES(F)
    cli_out_text("\nEnvironment:\n");
    CLI_VARIABLES(F)
    cli_out_text("\nFiles (root's, or a user's):\n");
    PATHS_FILES(F)
#undef F
#define P(ID, name, section, about) " " name "(" section ")"
    cli_out_text("\nSee also:" MANUAL_PAGES(P) "\n");
#undef P
}

void cli_print_help(const struct cli_command *command)
{
    if (!command) {
        print_overview();
        return;
    }
    (void)printf("Usage: sallyport %s [OPTION]... %s\n%s.\n\n", command->name, command->operands,
                 command->summary);
    print_options(command->options);
    print_options(cli_common_options);
    if (command->help)
        (void)printf("\n%s", command->help);
    if (command->examples)
        (void)printf("\nExamples:\n%s", command->examples);
}
