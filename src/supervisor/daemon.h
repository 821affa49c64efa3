/* What sallyportd says of itself: its options, for its own command line, for `sallyport serve` and for sallyportd(8). Each
 * list stands here once. */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include "supervisor/paths.h"

#define DAEMON_ABOUT                                                                                             \
    "Starts the roles of Sallyport, locks each of them down, and starts again the ones that die. It opens\n"     \
    "listeners, TLS files and the root key for them, and parses nothing that comes from the network or from a\n" \
    "workflow. Started as root it gives each role a uid of its own: that of the user sallyport-ROLE if there is\n" \
    "one, else a fixed number. Log lines of all roles go to standard error."

/* O(ID, name, value, help): `value` is NULL for a flag. */
#define DAEMON_OPTIONS(O)                                                                                        \
    O(CONFIG, "config", "FILE", "the configuration (default: " PATHS_CONFIG("sallyport.yaml") ")")               \
    O(LISTEN, "listen", "ADDRESS", "listen here instead of what the file says; may be repeated")                 \
    O(DATA, "data", "DIR", "the data folder, instead of dataDir")                                                \
    O(ROOT_KEY, "root-key", "FILE", "the root key, instead of rootKey")                                          \
    O(PASSPHRASE, "passphrase", NULL, "ask for the root key's passphrase, or read it from standard input")       \
    O(WORKERS, "workers", "N", "how many workers, instead of workers")                                           \
    O(LOG, "log", "LEVEL", "debug, info, warn or error, instead of log.level")                                   \
    O(LIBEXEC, "libexec", "DIR", "where the executables of the roles are")                                       \
    O(CHECK, "check", NULL, "check the configuration and exit")

/* F(name, text) */
#define DAEMON_SIGNALS(F)                                                                                        \
    F("SIGHUP", "reads the configuration and the TLS files again; one with an error changes nothing")            \
    F("SIGTERM, SIGINT", "stops in order: the gateway first, then the engine, then the rest; a second one, at once")
#define DAEMON_VARIABLES(F)                                                                                      \
    F("CREDENTIALS_DIRECTORY", "where systemd puts the credentials that rootKey names")                          \
    F("JOURNAL_STREAM", "which stream goes to the journal: lines on it begin with their priority")                \
    F("LISTEN_FDS, LISTEN_PID", "sockets that systemd passes; they are used instead of listen")                  \
    F("NOTIFY_SOCKET", "where readiness, reload and stop are told to systemd")                                   \
    F("WATCHDOG_USEC, WATCHDOG_PID", "how often systemd wants a sign of life")
#define DAEMON_EXIT_STATUSES(F)                                                                                  \
    F("0", "it was stopped, or --check found nothing")                                                           \
    F("2", "usage, or a configuration that is not valid")                                                        \
    F("3", "refused: a file that others can read, an address without TLS")                                       \
    F("4", "a role will not serve, or something is not available")

#endif
