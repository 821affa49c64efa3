/* problem: the gateway's refusals as text. Called once for each at start, and for each that is answered. */
#include "gateway/problem.h"

static const struct {
    int code;
    bool closes;
    const char *detail;
} PROBLEMS[PROBLEM_COUNT] = {
#define P(NAME, number, closes_it, explanation) [NAME] = {-number, closes_it, explanation},
    GATEWAY_PROBLEMS(P)
#undef P
};

unsigned refusal_status(enum problem p)
{
    return (unsigned)problem_status(PROBLEMS[p].code);
}

bool refusal_closes(enum problem p)
{
    return PROBLEMS[p].closes;
}

void refusal_write(enum problem p, struct buffer *b)
{
    problem_write(b, PROBLEMS[p].code, PROBLEMS[p].detail);
}
