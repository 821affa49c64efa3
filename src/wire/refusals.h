/* What the gateway refuses by itself, before the engine sees anything of it. The list stands here because two roles speak it:
 * the gateway answers with it, and the engine names it in the description of the API. */
#ifndef WIRE_REFUSALS_H
#define WIRE_REFUSALS_H

#include "base/error.h"

/* P(NAME, code, closes the connection, detail) */
#define GATEWAY_PROBLEMS(P)                                                                                      \
    P(PROBLEM_FRAMING, SP_EFRAMING, true, "Send one Content-Length, or chunks, and nothing that two readers could read differently.") \
    P(PROBLEM_HOST, SP_EHOST, true, "Exactly one valid Host is required, matching the request target.")          \
    P(PROBLEM_HEADER, SP_EHEADER, true, "Send each header once, as a name, a colon and a value without control bytes.") \
    P(PROBLEM_TARGET, SP_ETARGET, true, "Send the path without empty, \".\" or \"..\" segments and encoded separators.") \
    P(PROBLEM_FORWARDED, SP_EFORWARDED, true, "The proxy must send only one of X-Forwarded-For and Forwarded.")   \
    P(PROBLEM_METHOD_REFUSED, SP_EMETHOD, true, "This method is never allowed here.")                            \
    P(PROBLEM_BODY_LIMIT, SP_ELIMIT, true, "The body is larger than this server accepts.")                       \
    P(PROBLEM_TARGET_LIMIT, SP_ETARGETLIMIT, true, "The path or query is longer than this server accepts.")      \
    P(PROBLEM_HEADER_LIMIT, SP_EHEADERLIMIT, true, "The headers are more or larger than this server accepts.")   \
    P(PROBLEM_PATIENCE, SP_ERATE, true, "Too much of what this address sent was refused; its large bodies have to wait.") \
    P(PROBLEM_METHOD_UNKNOWN, SP_EMETHODUNKNOWN, true, "This method is not known here.")                         \
    P(PROBLEM_ANSWER, SP_EPROTOCOL, false, "The server's answer could not be passed on.")                        \
    P(PROBLEM_OVERLOAD, SP_EOVERLOAD, false, "Too much is under way; try again later.")                          \
    P(PROBLEM_UNAVAILABLE, SP_EUNAVAILABLE, false, "A part of the server is not available now; try again later.") \
    P(PROBLEM_TIMEOUT, SP_ETIMEOUT, false, "The run did not answer in time; it goes on.")

#endif
