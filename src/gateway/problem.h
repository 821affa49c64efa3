/* The errors that the gateway makes itself (wire/refusals.h), all known beforehand, so that refusing costs
 * least. The engine's own answers pass through and are not here. */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include "base/problem.h"
#include "wire/refusals.h"

enum problem {
    PROBLEM_NONE,
#define P(NAME, code, closes, detail) NAME,
    GATEWAY_PROBLEMS(P)
#undef P
        PROBLEM_COUNT
};

unsigned refusal_status(enum problem p);
bool refusal_closes(enum problem p);
void refusal_write(enum problem p, struct buffer *b);

#endif
