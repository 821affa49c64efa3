/* What the command says of itself as a whole, in sallyport --help and sallyport(1). */
#ifndef CLI_ABOUT_H
#define CLI_ABOUT_H

#include "supervisor/paths.h"

#define CLI_ABOUT                                                                                            \
    "Runs workflows of the Open Workflow DSL 1.0; nothing leaves without a grant and a durable record."
#define CLI_OPTION_FORM                                                                                      \
    "Options may stand before or after operands, as --name value or --name=value; an argument -- ends them.\n"           \
    "What is wrong is one line on standard error, with what to do about it."

/* F(name, text) */
#define CLI_EXIT_STATUSES(F)                                                                                 \
    F("0", "done")                                                                                           \
    F("1", "the run faulted, or the log was altered")                                                        \
    F("2", "usage, or invalid input")                                                                        \
    F("3", "refused: authentication, grant, policy, rate")                                                   \
    F("4", "unavailable")
#define CLI_VARIABLES(F)                                                                                     \
    F("SALLYPORT_URL", "the server, when there is no --server")                                              \
    F("XDG_CONFIG_HOME, XDG_DATA_HOME", "instead of ~/.config and ~/.local/share; root's places are fixed")  \
    F("NO_COLOR", "no colour, on a terminal either")

#endif
