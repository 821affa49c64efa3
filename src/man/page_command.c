/* page_command: sallyport(1), from the table of subcommands. Called by main. */
#include <stdio.h>
#include <string.h>

#include "cli/about.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "man/mdoc.h"
#include "man/pages.h"

static const struct cli_option remote_options[] = {REMOTE_OPTIONS};

static bool is_in(const struct cli_option *list, const char *name)
{
    for (; list && list->name; list++)
        if (strcmp(list->name, name) == 0)
            return true;
    return false;
}

static bool is_remote(const struct cli_command *c)
{
    return is_in(c->options, remote_options[0].name);
}

static void put_synopsis(void)
{
    mdoc_section("SYNOPSIS");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        (void)printf(".Nm\n");
        mdoc_macro("Cm", c->name);
        (void)printf(".Op Ar option ...\n");
        if (*c->operands)
            mdoc_macro("Ar", c->operands);
    }
}

/* Those of every remote command stand once, in a section of their own. */
static void put_options(const struct cli_option *o, bool without_remote)
{
    bool is_open = false;
    for (; o && o->name; o++) {
        if (without_remote && is_in(remote_options, o->name))
            continue;
        if (!is_open)
            mdoc_list_begin();
        is_open = true;
        mdoc_option(o->name, o->value, o->help);
    }
    if (is_open)
        mdoc_list_end();
}

static void put_command(const struct cli_command *c)
{
    char title[96], summary[160];
    (void)snprintf(title, sizeof title, "%s%s%s", c->name, *c->operands ? " " : "", c->operands);
    (void)snprintf(summary, sizeof summary, "%s.", c->summary);
    mdoc_subsection(title);
    mdoc_text(summary);
    if (c->help)
        mdoc_text(c->help);
    if (is_remote(c)) {
        mdoc_paragraph();
        mdoc_text("It takes the options for a server.");
    }
    put_options(c->options, is_remote(c));
}

static void put_examples(void)
{
    mdoc_section("EXAMPLES");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++)
        if (c->examples)
            mdoc_literal(c->examples);
}

void page_command(const char *name)
{
    put_synopsis();
    mdoc_section("DESCRIPTION");
    mdoc_text(CLI_ABOUT " " CLI_OPTION_FORM);
    mdoc_paragraph();
    mdoc_text("Every command takes the second, and the first where there is an answer:");
    put_options(cli_common_options(NULL), false);
    mdoc_section("COMMANDS");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        put_command(*at);
    mdoc_section("OPTIONS FOR A SERVER");
    put_options(remote_options, false);
    mdoc_section("ENVIRONMENT");
    MDOC_TABLE("Ev", CLI_VARIABLES);
    mdoc_section("FILES");
    mdoc_text("The first of two places is root's.");
    MDOC_TABLE("Pa", PATHS_FILES);
    mdoc_section("EXIT STATUS");
    MDOC_TABLE("Li", CLI_EXIT_STATUSES);
    put_examples();
    mdoc_see_also(name);
}
