/* completion: scripts for bash, zsh and fish, from the table of subcommands. */
#include <stdio.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/commands.h"

static void print_words(const struct cli_command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        (void)printf("--%s ", o->name);
    for (const struct cli_option *o = cli_common_options; o->name; o++)
        (void)printf("--%s ", o->name);
}

static void print_first_words(void)
{
    char last[32] = "";
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        char word[32];
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(c->name, " "), c->name);
        if (strcmp(word, last) != 0)
            (void)printf("%s ", word);
        memcpy(last, word, sizeof last);
    }
}

/* The second words of the group that begins at `at`. */
static void print_group(const struct cli_command *const *at)
{
    size_t len = strcspn((*at)->name, " ");
    const char *first = (*at)->name;
    (void)printf("    %.*s) words=\"", (int)len, first);
    for (; *at && strncmp((*at)->name, first, len + 1) == 0; at++)
        (void)printf("%s ", (*at)->name + len + 1);
    cli_out_text("\";;\n");
}

static bool is_first_of_group(const struct cli_command *const *at)
{
    size_t len = strcspn((*at)->name, " ");
    return (*at)->name[len] && (at == cli_commands || strncmp(at[-1]->name, (*at)->name, len + 1) != 0);
}

static void print_bash(void)
{
    cli_out_text("_sallyport() {\n"
                 "  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
                 "  if [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
    print_first_words();
    cli_out_text("\"\n"
                 "  elif [[ $cur == -* ]]; then case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        /* Of a command of one word, what follows it is an operand or an option. */
        (void)printf("    \"%s%s) words=\"", c->name, strchr(c->name, ' ') ? "\"" : " \"*");
        print_words(c);
        cli_out_text("\";;\n");
    }
    cli_out_text("    esac\n"
                 "  elif [ \"$COMP_CWORD\" -eq 2 ]; then case \"${COMP_WORDS[1]}\" in\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        if (is_first_of_group(at))
            print_group(at);
    cli_out_text("    esac; fi\n"
                 "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                 "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                 "}\n"
                 "complete -o filenames -F _sallyport sallyport\n");
}

static void print_fish(void)
{
    cli_out_text("complete -c sallyport -n __fish_use_subcommand -f -a '");
    print_first_words();
    cli_out_text("'\n");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        const char *space = strchr(c->name, ' ');
        if (space)
            (void)printf("complete -c sallyport -n '__fish_seen_subcommand_from %.*s' -f -a %s -d '%s'\n",
                         (int)(space - c->name), c->name, space + 1, c->summary);
        for (const struct cli_option *o = c->options; o && o->name; o++)
            (void)printf("complete -c sallyport -n '__fish_seen_subcommand_from %s' -l %s%s -d '%s'\n", space ? space + 1 : c->name,
                         o->name, o->value ? " -r" : "", o->help);
    }
}

static int run(const struct cli_args *args)
{
    const char *shell = args->operands[0];
    if (strcmp(shell, "bash") == 0) {
        print_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        cli_out_text("autoload -U +X bashcompinit && bashcompinit\n");
        print_bash();
    } else if (strcmp(shell, "fish") == 0) {
        print_fish();
    } else {
        return cli_fail(-SP_EINVALID, "%s: completion is there for bash, zsh and fish", shell);
    }
    return CLI_DONE;
}

const struct cli_command cli_completion = {
    .name = "completion",
    .operands = "SHELL",
    .summary = "Prints the completion script for bash, zsh or fish",
    .help = "bash: put  source <(sallyport completion bash)  into ~/.bashrc.\n",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
