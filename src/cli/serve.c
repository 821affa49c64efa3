/* serve: becomes sallyportd. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "supervisor/paths.h"

static const struct cli_option options[] = {
    {"config", "FILE", "configuration"},
    {"listen", "ADDRESS", "where to listen; may be repeated (default 127.0.0.1:8700)"},
    {"data", "DIR", "the data folder"},
    {"root-key", "FILE", "the root key"},
    {"passphrase", NULL, "ask for the root key's passphrase, or read it from standard input"},
    {"workers", "N", "how many workers"},
    {"log", "LEVEL", "debug, info, warn or error"},
    {"libexec", "DIR", "where the executables of the roles are"},
    {NULL, NULL, NULL},
};

/* In a build tree the daemon is in the folder of the supervisor. */
static void become_daemon(const char *dir, char **argv)
{
    char path[PATHS_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/sallyportd", dir);
    (void)execv(path, argv);
    (void)snprintf(path, sizeof path, "%s/../supervisor/sallyportd", dir);
    (void)execv(path, argv);
}

static int run(const struct cli_args *args)
{
    static char texts[CLI_OPTIONS_MAX][32];
    static char *argv[2 * CLI_VALUES_MAX + 2];
    char dir[PATHS_MAX];
    size_t n = 0;
    static char name[] = "sallyportd";
    argv[n++] = name;
    for (unsigned i = 0; options[i].name; i++) {
        const char *const *values = NULL;
        unsigned n_values = cli_values(args, options[i].name, &values);
        (void)snprintf(texts[i], sizeof texts[i], "--%s", options[i].name);
        for (unsigned v = 0; v < n_values; v++) {
            if (n + 2 >= sizeof argv / sizeof argv[0])
                return cli_fail(-SP_ELIMIT, "too many options");
            argv[n++] = texts[i];
            if (!options[i].value)
                continue;
            argv[n] = strdup(values[v]);
            if (!argv[n++])
                return cli_fail(-ENOMEM, "%s", error_text(-ENOMEM));
        }
    }
    int r = paths_libexec(cli_value(args, "libexec"), dir);
    if (r == 0)
        become_daemon(dir, argv);
    return cli_fail(-SP_EUNAVAILABLE, "sallyportd cannot be started from %s: %s", dir, error_text(-errno));
}

const struct cli_command cli_serve = {
    .name = "serve",
    .operands = "",
    .summary = "Runs the server",
    .help = "The same as sallyportd; the configuration is described in sallyport.yaml.\n",
    .options = options,
    .run = run,
};
