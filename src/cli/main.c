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

static bool is_group(const char *word)
{
    size_t len = strlen(word);
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++)
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ')
            return true;
    return false;
}

static int run(int argc, char **argv)
{
    static struct cli_args args;
    int words;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        cli_print_help(NULL);
        return argc < 2 ? CLI_USAGE : CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        cli_out_text("sallyport " SALLYPORT_VERSION "\n");
        return CLI_DONE;
    }
    const struct cli_command *command = find(argc, argv, &words);
    if (!command && is_group(argv[1]))
        return cli_fail(-SP_EINVALID, "%s needs a second word; see sallyport --help", argv[1]);
    if (!command)
        return cli_fail(-SP_EINVALID, "%s: there is no such command; see sallyport --help", argv[1]);
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
    if (fflush(stdout) != 0)
        return cli_fail(-errno, "standard output: %s", error_text(-errno));
    return status;
}
