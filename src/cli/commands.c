/* commands: the table of subcommands; dispatch, help, completion and the man page read it. */
#include "cli/commands.h"

const struct cli_command *const cli_commands[] = {
#define C(command) &command,
    CLI_COMMANDS(C)
#undef C
        NULL,
};
