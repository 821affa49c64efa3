/* serve: becomes sallyportd. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "supervisor/daemon.h"

static const struct cli_option options[] = {
#define O(ID, name, value, help) {name, value, help},
    DAEMON_OPTIONS(O)
#undef O
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
    .help = "Becomes sallyportd, which takes the same options.\n",
    .examples = "sallyport serve --data try/data --root-key try/root.key --listen 127.0.0.1:8700\n",
    .options = options,
    .answers_nothing = true,
    .run = run,
};
