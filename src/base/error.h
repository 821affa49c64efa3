/* The codes that functions return: 0 or positive is success, negative is one of these or -errno.
 * Ours stand above every errno, each once, with its text, its HTTP status and the exit code of the command. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>
#include <stdbool.h>

/* E(name, number, http status, exit code, slug, text) */
#define SP_ERRORS(E)                                                                                                        \
    E(SP_EPROTOCOL, 1001, 502, 4, "protocol", "the peer spoke out of turn or in a wrong form")                              \
    E(SP_ETRUNCATED, 1002, 400, 2, "truncated", "the data ends too early")                                                  \
    E(SP_ETRAILING, 1003, 400, 2, "trailing", "the data goes on after its end")                                             \
    E(SP_ELIMIT, 1004, 413, 2, "limit", "a limit is exceeded")                                                              \
    E(SP_ESYNTAX, 1005, 400, 2, "syntax", "the text is malformed")                                                          \
    E(SP_EINVALID, 1006, 400, 2, "invalid", "a value is not valid here")                                                    \
    E(SP_EDENIED, 1007, 403, 3, "denied", "refused by policy")                                                              \
    E(SP_EUNAUTHENTICATED, 1008, 401, 3, "unauthenticated", "authentication is required or failed")                         \
    E(SP_ENOTFOUND, 1009, 404, 2, "not-found", "there is no such thing")                                                    \
    E(SP_ECONFLICT, 1010, 409, 2, "conflict", "the state does not allow this")                                              \
    E(SP_EOVERLOAD, 1011, 503, 4, "overload", "too much work at once; try again later")                                     \
    E(SP_ERATE, 1012, 429, 3, "rate-limited", "too many requests; try again later")                                         \
    E(SP_ETAMPERED, 1013, 500, 4, "tampered", "the data was altered or does not belong here")                               \
    E(SP_EKEY, 1014, 500, 4, "key", "the key is wrong or missing")                                                          \
    E(SP_EUNAVAILABLE, 1015, 503, 4, "unavailable", "a part of the server is not available now")                            \
    E(SP_EBUDGET, 1016, 500, 1, "budget", "the evaluation exceeded its budget")                                             \
    E(SP_ETIMEOUT, 1017, 504, 4, "timeout", "the time is over")                                                             \
    E(SP_EFORMAT, 1018, 500, 4, "format", "the file is of another kind or version")                                         \
    E(SP_EUNSUPPORTED, 1019, 400, 2, "unsupported", "this is not supported yet")                                            \
    E(SP_EREPLAYED, 1020, 409, 3, "replayed", "this delivery was seen before")                                               \
    E(SP_EMETHOD, 1021, 405, 2, "method", "this path does not have the method")                                             \
    E(SP_EDEFINITION, 1022, 400, 2, "definition", "the definition has errors")                                              \
    E(SP_EMEDIATYPE, 1023, 415, 2, "media-type", "a body of this media type is not taken here")                             \
    E(SP_EFRAMING, 1024, 400, 2, "framing", "the message's framing is malformed or ambiguous")                              \
    E(SP_EHOST, 1025, 400, 2, "host", "the host is missing, malformed or contradictory")                                    \
    E(SP_EHEADER, 1026, 400, 2, "header", "a header is malformed or repeated")                                              \
    E(SP_ETARGET, 1027, 400, 2, "target", "the path or query is not in plain form")                                         \
    E(SP_EFORWARDED, 1028, 400, 2, "forwarded", "the proxy's headers contradict each other")                                \
    E(SP_ETARGETLIMIT, 1029, 414, 2, "target-limit", "the path or query is too long")                                       \
    E(SP_EHEADERLIMIT, 1030, 431, 2, "header-limit", "the headers are too many or too large")                               \
    E(SP_EMETHODUNKNOWN, 1031, 501, 2, "method-unknown", "no path has this method")                                         \
    E(SP_EINTERNAL, 1032, 500, 4, "internal", "something failed inside the server")

enum sp_error {
#define E(name, number, status, code, slug, text) name = number,
    SP_ERRORS(E)
#undef E
};

/* The exit status of a process that exceeded a budget: set by flow, known to the supervisor, which restarts it at once. */
#define SP_EXIT_BUDGET 86

/* Whether a negative code is one of the list, and not an errno. */
bool error_is_ours(int code);

/* A static English text for a negative code; never NULL. */
const char *error_text(int code);

/* A stable lower-case slug for a negative code ("denied", "not-found"), used in problem types and audit leaves. */
const char *error_slug(int code);

/* The HTTP status that fits a negative code; 500 for plain -errno, but 503 for -ENOMEM, which passes. */
int error_http_status(int code);

/* The exit code of the command for a negative code: 2 usage, 3 refused, 4 unavailable, 1 a run faulted. */
int error_exit_code(int code);

#endif
