/* args: options and operands of a subcommand against its table. Called by main. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"

const struct cli_option *cli_common_options(const struct cli_command *command)
{
    static const struct cli_option options[] = {
        {"json", NULL, "answer with JSON"},
        {"help", NULL, "show this help"},
        {NULL, NULL, NULL},
    };
    return command && command->answers_nothing ? options + 1 : options;
}

/* The option at a running number over the command's own and the common ones; NULL beyond the end. */
static const struct cli_option *option_at(const struct cli_command *command, unsigned i)
{
    for (const struct cli_option *o = command->options; o && o->name; o++)
        if (i-- == 0)
            return o;
    for (const struct cli_option *o = cli_common_options(command); o->name; o++)
        if (i-- == 0)
            return o;
    return NULL;
}

static int find(const struct cli_command *command, const char *name, size_t len)
{
    const struct cli_option *o;
    for (unsigned i = 0; i < CLI_OPTIONS_MAX && (o = option_at(command, i)); i++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return (int)i;
    return -1;
}

static int take_option(struct cli_args *args, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    int i = find(args->command, name, equals ? (size_t)(equals - name) : strlen(name));
    if (i < 0)
        return cli_fail(-SP_EINVALID, "%s: there is no such option; see sallyport %s --help", argv[*at], args->command->name);
    const struct cli_option *o = option_at(args->command, (unsigned)i);
    const char *value = equals ? equals + 1 : "";
    if (!o->value && equals)
        return cli_fail(-SP_EINVALID, "--%s takes no value", o->name);
    if (o->value && !equals) {
        if (*at + 1 >= argc)
            return cli_fail(-SP_EINVALID, "--%s needs a value: %s", o->name, o->value);
        value = argv[++*at];
    }
    if (args->n_values[i] == CLI_VALUES_MAX)
        return cli_fail(-SP_ELIMIT, "--%s is given too often", o->name);
    args->values[i][args->n_values[i]++] = value;
    return 0;
}

int cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_args *ret)
{
    bool only_operands = false;
    *ret = (struct cli_args){.command = command};
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
            continue;
        }
        if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            bool is_long = argv[i][1] == '-';
            int r = is_long
                        ? take_option(ret, argc, argv, &i)
                        : cli_fail(-SP_EINVALID, "%s: there is no such option; see sallyport %s --help", argv[i], command->name);
            if (r)
                return r;
            continue;
        }
        if (ret->n_operands == command->max_operands)
            return cli_fail(-SP_EINVALID, "%s: one too many; see sallyport %s --help", argv[i], command->name);
        ret->operands[ret->n_operands++] = argv[i];
    }
    if (ret->n_operands < command->min_operands && !cli_flag(ret, "help"))
        return cli_fail(-SP_EINVALID, "%s is missing; see sallyport %s --help", command->operands, command->name);
    return 0;
}

unsigned cli_values(const struct cli_args *args, const char *option, const char *const **ret)
{
    int i = find(args->command, option, strlen(option));
    if (i < 0)
        return 0;
    *ret = args->values[i];
    return args->n_values[i];
}

const char *cli_value(const struct cli_args *args, const char *option)
{
    const char *const *values = NULL;
    unsigned n = cli_values(args, option, &values);
    return n ? values[n - 1] : NULL;
}

bool cli_flag(const struct cli_args *args, const char *option)
{
    return cli_value(args, option) != NULL;
}
