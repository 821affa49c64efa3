/* The errors that the gateway makes itself: RFC 9457 problem details, all known beforehand, so that refusing costs least.
 * The engine's own answers pass through and are not here. */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include "base/buffer.h"

/* P(NAME, status, slug, closes the connection, title, detail) */
#define GATEWAY_PROBLEMS(P)                                                                                                   \
    P(PROBLEM_FRAMING, 400, "framing", true, "Bad request", "The message's framing is malformed or ambiguous.")               \
    P(PROBLEM_HOST, 400, "host", true, "Bad request", "Exactly one valid Host is required, matching the request target.")     \
    P(PROBLEM_HEADER, 400, "header", true, "Bad request", "A header is malformed or repeated.")                               \
    P(PROBLEM_TARGET, 400, "target", true, "Bad request", "The path or query is not in plain form.")                          \
    P(PROBLEM_FORWARDED, 400, "forwarded", true, "Bad request",                                                               \
      "X-Forwarded-For and Forwarded contradict: the proxy must send only one of them.")                                      \
    P(PROBLEM_METHOD_REFUSED, 405, "method", true, "Method not allowed", "This method is never allowed here.")                \
    P(PROBLEM_BODY_LIMIT, 413, "limit", true, "Content too large", "The body is larger than this server accepts.")            \
    P(PROBLEM_TARGET_LIMIT, 414, "target-limit", true, "URI too long", "The path or query is longer than this server accepts.") \
    P(PROBLEM_HEADER_LIMIT, 431, "header-limit", true, "Header fields too large", "The headers are too many or too large.")   \
    P(PROBLEM_METHOD_UNKNOWN, 501, "method-unknown", true, "Not implemented", "This method is not known here.")               \
    P(PROBLEM_ANSWER, 502, "protocol", false, "Bad gateway", "The server's answer could not be passed on.")                   \
    P(PROBLEM_OVERLOAD, 503, "overload", false, "Service unavailable", "Too much work at once; try again later.")             \
    P(PROBLEM_UNAVAILABLE, 503, "unavailable", false, "Service unavailable",                                                  \
      "A part of the server is not available now; try again later.")                                                         \
    P(PROBLEM_TIMEOUT, 504, "timeout", false, "Gateway timeout", "The run did not answer in time.")

enum problem {
    PROBLEM_NONE,
#define P(NAME, status, slug, closes, title, detail) NAME,
    GATEWAY_PROBLEMS(P)
#undef P
        PROBLEM_COUNT
};

unsigned problem_status(enum problem p);
const char *problem_title(enum problem p);
bool problem_closes(enum problem p);

/* Appends {"type":"urn:sallyport:error:SLUG","title":…,"status":…,"detail":…}. */
void problem_body(enum problem p, struct buffer *b);

#endif
