/* help: the texts of --help, from the table of subcommands. */
#include <stdio.h>

#include "base/fold.h"
#include "base/pages.h"
#include "cli/about.h"
#include "cli/cli.h"

#define NAME_WIDTH 34

static void print_fact(const char *name, const char *text)
{
    fold_fact(NAME_WIDTH, name, text);
}

static void print_options(const struct cli_option *o)
{
    for (; o && o->name; o++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        print_fact(left, o->help);
    }
}

static void print_command(const struct cli_command *c)
{
    char left[64];
    (void)snprintf(left, sizeof left, "%s%s%s", c->name, *c->operands ? " " : "", c->operands);
    print_fact(left, c->summary);
}

bool cli_is_of_group(const struct cli_command *command, const char *first)
{
    size_t len = strlen(first);
    return strncmp(command->name, first, len) == 0 && command->name[len] == ' ';
}

void cli_print_group_help(const char *first)
{
    (void)printf("Usage: sallyport %s COMMAND [OPTION]... [OPERAND]...\n\n", first);
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if (cli_is_of_group(*at, first))
            print_command(*at);
    (void)printf("\nsallyport %s COMMAND --help tells more.\n", first);
}

static void print_overview(void)
{
    cli_out_text("Usage: sallyport COMMAND [OPTION]... [OPERAND]...\n");
    fold_print(0, 0, CLI_ABOUT);
    cli_out_text("\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        print_command(*at);
    cli_out_text("\nsallyport COMMAND --help tells more; sallyport --version gives the version.\n");
    fold_print(0, 0, CLI_OPTION_FORM);
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
    (void)printf("Usage: sallyport %s [OPTION]...%s%s\n%s.\n\n", command->name, *command->operands ? " " : "",
                 command->operands, command->summary);
    print_options(command->options);
    print_options(cli_common_options(command));
    if (command->help) {
        cli_out_text("\n");
        fold_print(0, 0, command->help);
    }
    if (command->examples)
        (void)printf("\nExamples:\n%s", command->examples);
}
