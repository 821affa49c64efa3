/* sallyport: finds the subcommand in the one table and runs it. */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* "workflows deploy" takes two words, "check" one; gives how many in `ret_words`. */
static const struct cli_command *find(int argc, char **argv, int *ret_words)
{
    char two[64] = "";
    if (argc > 2)
        (void)snprintf(two, sizeof two, "%s %s", argv[1], argv[2]);
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        *ret_words = strcmp(c->name, argv[1]) == 0 ? 1 : 2;
        if (*ret_words == 1 || strcmp(c->name, two) == 0)
            return c;
    }
    return NULL;
}

/* "list, show or trace": the second words of a group; empty when `first` is not the first word of one. */
static const char *second_words(const char *first)
{
    static char text[256];
    const char *last = NULL;
    size_t len = 0;
    *text = 0;
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        if (!cli_is_of_group(c, first))
            continue;
        if (last)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? ", " : "", last);
        must(len < sizeof text);
        last = c->name + strlen(first) + 1;
    }
    if (last)
        (void)snprintf(text + len, sizeof text - len, "%s%s", len ? " or " : "", last);
    return text;
}

/* No command is named so; `second` is NULL when there is no second word. */
static int refuse(const char *first, const char *second)
{
    const char *known = second_words(first);
    if (first[0] == '-')
        return cli_fail(-SP_EINVALID, "%s: the command comes first; see sallyport --help", first);
    if (!*known)
        return cli_fail(-SP_EINVALID, "%s: there is no such command; see sallyport --help", first);
    if (!second)
        return cli_fail(-SP_EINVALID, "%s needs a second word: %s", first, known);
    return cli_fail(-SP_EINVALID, "%s %s: there is no such command; after %s comes %s", first, second, first, known);
}

static int help(int argc, char **argv)
{
    int words;
    const struct cli_command *command = find(argc, argv, &words);
    if (!command && !*second_words(argv[1]))
        return refuse(argv[1], NULL);
    if (command)
        cli_print_help(command);
    else
        cli_print_group_help(argv[1]);
    return CLI_DONE;
}

static int run(int argc, char **argv)
{
    static struct cli_args args;
    int words;
    if (argc > 2 && strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        cli_print_help(NULL);
        return argc < 2 ? CLI_USAGE : CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        cli_out_text("sallyport " SALLYPORT_VERSION "\n");
        return CLI_DONE;
    }
    const struct cli_command *command = find(argc, argv, &words);
    if (!command && argc > 2 && strcmp(argv[2], "--help") == 0)
        return help(argc, argv);
    if (!command)
        return refuse(argv[1], argc > 2 ? argv[2] : NULL);
    int r = cli_parse(command, argc - 1 - words, argv + 1 + words, &args);
    if (r)
        return r;
    if (cli_flag(&args, "help")) {
        cli_print_help(command);
        return CLI_DONE;
    }
    return command->run(&args);
}

int main(int argc, char **argv)
{
    must_set_role("sallyport");
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(-errno, "standard output: %s", error_text(-errno));
    return status;
}
