/* completion: scripts for bash, zsh and fish, from the table of subcommands. */
#include <stdio.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/commands.h"

static void print_words(const struct cli_command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        (void)printf("--%s ", o->name);
    for (const struct cli_option *o = cli_common_options(c); o->name; o++)
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

static bool is_one_word(const struct cli_command *c)
{
    return !strchr(c->name, ' ');
}

/* The values of options, where all are known: matched against "N COMMAND WORD --OPTION". Of a command of one word, the word after it is an
 * operand or an option. */
static void print_bash_values(const struct cli_command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++)
        if (o->choices)
            (void)printf("    *\" %s%s --%s\") words=\"%s\";;\n", c->name, is_one_word(c) ? " \"*\"" : "", o->name, o->choices);
}

static void print_bash_operands(const struct cli_command *c)
{
    if (c->choices)
        (void)printf("    \"%u %s \"*) words=\"%s\";;\n", c->max_operands + (is_one_word(c) ? 1 : 2), c->name, c->choices);
}

static void print_bash(void)
{
    cli_out_text("_sallyport() {\n"
                 "  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
                 "  local line=\"$COMP_CWORD ${COMP_WORDS[1]} ${COMP_WORDS[2]} ${COMP_WORDS[COMP_CWORD-1]}\"\n"
                 "  case \"$line\" in\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        print_bash_values(*at);
    cli_out_text("  esac\n"
                 "  [[ $cur == -* ]] || case \"$line\" in\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        print_bash_operands(*at);
    cli_out_text("  esac\n"
                 "  if [ -n \"$words\" ]; then :\n"
                 "  elif [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
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

/* --- fish and zsh: each word with its description ----------------------------------------------------- */

/* `text` within single quotes; what stands in `special` gets a backslash. */
static void print_quoted(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'')
            cli_out_text("'\\''");
        else
            (void)printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

static bool names_file(const char *value)
{
    return strstr(value, "FILE") || strstr(value, "DIR") || strstr(value, "PATH") ||
           strcmp(value, "KEY") == 0;
}

static void print_fish_option(const char *condition, const struct cli_option *o)
{
    (void)printf("complete -c sallyport%s -l %s%s -d '", condition, o->name,
                 !o->value              ? ""
                 : names_file(o->value) ? " -r"
                                        : " -x");
    print_quoted(o->help, "");
    cli_out_text("'");
    if (o->choices)
        (void)printf(" -a '%s'", o->choices);
    cli_out_text("\n");
}

static void print_fish_word(const struct cli_command *const *at)
{
    const struct cli_command *c = *at;
    const char *space = strchr(c->name, ' ');
    int len = (int)strcspn(c->name, " ");
    if (!space || is_first_of_group(at)) {
        (void)printf("complete -c sallyport -n __fish_use_subcommand -f -a %.*s -d '", len, c->name);
        print_quoted(space ? "" : c->summary, "");
        cli_out_text("'\n");
    }
    if (!space)
        return;
    (void)printf("complete -c sallyport -n '__sallyport_second %.*s' -f -a %s -d '", len, c->name, space + 1);
    print_quoted(c->summary, "");
    cli_out_text("'\n");
}

static void print_fish(void)
{
    cli_out_text("function __sallyport_second\n"
                 "  set -l words (commandline -opc)\n"
                 "  test (count $words) -eq 2; and test $words[2] = $argv[1]\n"
                 "end\n"
                 "function __sallyport_is\n"
                 "  set -l words (commandline -opc)\n"
                 "  set -l last (math 1 + (count $argv))\n"
                 "  test (count $words) -ge $last; and test \"$words[2..$last]\" = \"$argv\"\n"
                 "end\n");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        char condition[96];
        print_fish_word(at);
        (void)snprintf(condition, sizeof condition, " -n '__sallyport_is %s'", c->name);
        if (c->choices)
            (void)printf("complete -c sallyport%s -f -a '%s'\n", condition, c->choices);
        for (const struct cli_option *o = c->options; o && o->name; o++)
            print_fish_option(condition, o);
        for (const struct cli_option *o = cli_common_options(c); o->name; o++)
            print_fish_option(condition, o);
    }
}

/* An item of _describe: 'word:description'. */
static void print_zsh_word(const char *word, size_t len, const char *description)
{
    (void)printf(" '%.*s", (int)len, word);
    if (description) {
        cli_out_text(":");
        print_quoted(description, ":\\");
    }
    cli_out_text("'");
}

static void print_zsh_options(const struct cli_option *o)
{
    for (; o && o->name; o++) {
        (void)printf(" \\\n        '*--%s[", o->name);
        print_quoted(o->help, "[]:\\");
        cli_out_text("]");
        if (o->value) {
            cli_out_text(":");
            print_quoted(o->value, ":\\");
            if (o->choices)
                (void)printf(":(%s)", o->choices);
            else
                cli_out_text(names_file(o->value) ? ":_files" : ": ");
        }
        cli_out_text("'");
    }
}

static void print_zsh_operands(const struct cli_command *c)
{
    for (unsigned i = 1; c->choices && i < c->max_operands; i++)
        (void)printf(" \\\n        '%u:operand: '", i);
    if (c->choices)
        (void)printf(" \\\n        '%u:operand:(%s)'", c->max_operands, c->choices);
}

static void print_zsh_command(const struct cli_command *c)
{
    int n = is_one_word(c) ? 1 : 2;
    (void)printf("    '%s'%s)\n      shift %d words; (( CURRENT -= %d ))\n      _arguments -S", c->name, n == 1 ? "' '*" : "", n, n);
    print_zsh_options(c->options);
    print_zsh_options(cli_common_options(c));
    print_zsh_operands(c);
    if (c->max_operands && !c->choices) {
        cli_out_text(" \\\n        '*:");
        print_quoted(c->operands, ":\\");
        cli_out_text(names_file(c->operands) ? ":_files'" : ": '");
    }
    cli_out_text(" ;;\n");
}

static void print_zsh(void)
{
    cli_out_text("#compdef sallyport\n"
                 "_sallyport() {\n"
                 "  local -a list\n"
                 "  if (( CURRENT == 2 )); then\n"
                 "    list=(");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++)
        if (!strchr(c->name, ' ') || is_first_of_group(at))
            print_zsh_word(c->name, strcspn(c->name, " "), strchr(c->name, ' ') ? NULL : c->summary);
    cli_out_text(")\n    _describe command list\n    return\n  fi\n"
                 "  if (( CURRENT == 3 )); then case $words[2] in\n");
    for (const struct cli_command *const *at = cli_commands, *c; (c = *at); at++) {
        if (!strchr(c->name, ' '))
            continue;
        size_t len = strcspn(c->name, " ");
        if (is_first_of_group(at))
            (void)printf("    %.*s) list=(", (int)len, c->name);
        print_zsh_word(c->name + len + 1, strlen(c->name + len + 1), c->summary);
        if (!at[1] || strncmp(at[1]->name, c->name, len + 1) != 0)
            cli_out_text("); _describe command list; return ;;\n");
    }
    cli_out_text("  esac; fi\n"
                 "  case \"$words[2] $words[3]\" in\n");
    for (const struct cli_command *const *at = cli_commands; *at; at++)
        print_zsh_command(*at);
    /* Autoloaded from a file of this name, or sourced. */
    cli_out_text("  esac\n"
                 "}\n"
                 "if [ \"$funcstack[1]\" = _sallyport ]; then _sallyport \"$@\"; else compdef _sallyport "
                 "sallyport; fi\n");
}

static int run(const struct cli_args *args)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(args->operands[0], shells[i].name) == 0) {
            shells[i].print();
            return CLI_DONE;
        }
    return cli_fail(-SP_EINVALID, "%s: completion is there for bash, zsh and fish", args->operands[0]);
}

const struct cli_command cli_completion = {
    .name = "completion",
    .operands = "SHELL",
    .summary = "Prints the completion script for bash, zsh or fish",
    .help = "The package installs all three; without it, source the script where the shell starts.\n",
    .examples = "source <(sallyport completion bash)\n"
                "source <(sallyport completion zsh)\n"
                "sallyport completion fish | source\n",
    .choices = "bash zsh fish",
    .answers_nothing = true,
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
