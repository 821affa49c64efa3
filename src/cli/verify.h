/* What the commands that read a database share. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "audit/verify.h"
#include "cli/cli.h"
#include "supervisor/paths.h"

/* The database that `--data` names, or the default one: CLI_DONE, or the exit status of an error that was said. */
int verify_find_database(const struct cli_args *args, char path[PATHS_MAX + 16]);
/* The signer's public key: that of `--key`, else as init left it beside that database, which is said on standard error; the same. */
int verify_find_key(const struct cli_args *args, const char *database, struct audit_key *ret);
#define VERIFY_KEY_OPTION {"key", "KEY", "public key of the log's signer, as audit key prints it, or a file that holds it"}

#endif
