/* The subcommands, in the order of the help; those of one group stand together. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

#define CLI_COMMANDS(C)                                                                                          \
    C(cli_init)                                                                                                  \
    C(cli_serve)                                                                                                 \
    C(cli_check)                                                                                                 \
    C(cli_run)                                                                                                   \
    C(cli_workflows_deploy)                                                                                      \
    C(cli_workflows_list)                                                                                        \
    C(cli_workflows_show)                                                                                        \
    C(cli_workflows_disable)                                                                                     \
    C(cli_workflows_enable)                                                                                      \
    C(cli_secrets_set)                                                                                           \
    C(cli_secrets_list)                                                                                          \
    C(cli_secrets_revoke)                                                                                        \
    C(cli_runs_start)                                                                                            \
    C(cli_runs_list)                                                                                             \
    C(cli_runs_show)                                                                                             \
    C(cli_runs_data)                                                                                             \
    C(cli_runs_trace)                                                                                            \
    C(cli_runs_cancel)                                                                                           \
    C(cli_runs_replay)                                                                                           \
    C(cli_audit_tail)                                                                                            \
    C(cli_audit_verify)                                                                                          \
    C(cli_audit_checkpoint)                                                                                      \
    C(cli_audit_key)                                                                                             \
    C(cli_audit_proof)                                                                                           \
    C(cli_audit_export)                                                                                          \
    C(cli_completion)

#define C(command) extern const struct cli_command command;
CLI_COMMANDS(C)
#undef C

#endif
