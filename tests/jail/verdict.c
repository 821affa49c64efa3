/* verdict: the table of calls, row by row, for the tests that hold the jail against it. Must not use what
 * src/sandbox makes of the table. */
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sandbox/calls.h"

#define N(table) (sizeof(table) / sizeof(table)[0])

static bool fits(const struct scmp_arg_cmp *c, pid_t own_pid, const uint64_t *args)
{
    uint64_t value = args[c->arg], a = c->datum_a == OWN_PID ? (uint64_t)own_pid : c->datum_a;
    switch (c->op) {
    case SCMP_CMP_EQ:
        return value == a;
    case SCMP_CMP_NE:
        return value != a;
    case SCMP_CMP_MASKED_EQ:
        return (value & a) == c->datum_b;
    case _SCMP_CMP_MIN:
        return true;
    case SCMP_CMP_LT:
    case SCMP_CMP_LE:
    case SCMP_CMP_GE:
    case SCMP_CMP_GT:
    case _SCMP_CMP_MAX:
        break;
    }
    fail_msg("the test does not know comparison %d", (int)c->op);
    return false;
}

bool verdict_has_call(const int *calls, int call)
{
    for (; *calls != END; calls++)
        if (*calls == call)
            return true;
    return false;
}

enum verdict verdict_expect(enum role role, pid_t own_pid, int call, const uint64_t args[VERDICT_ARGS],
                            int *ret_error)
{
    bool is_ruled = false;
    *ret_error = 0;
    for (size_t i = 0; i < N(allowed); i++)
        if ((allowed[i].roles & 1u << role) && verdict_has_call(allowed[i].calls, call))
            return LET_THROUGH;
    for (size_t i = 0; i < N(argument_rules); i++) {
        const struct argument_rule *r = &argument_rules[i];
        if (r->call != call || !(r->roles & 1u << role))
            continue;
        is_ruled = true;
        if (fits(&r->args[0], own_pid, args) && fits(&r->args[1], own_pid, args)) {
            *ret_error = r->error;
            return r->error ? REFUSED : LET_THROUGH;
        }
    }
    for (size_t i = 0; i < N(refused) && !is_ruled; i++)
        if (verdict_has_call(refused[i].calls, call)) {
            *ret_error = refused[i].error;
            return REFUSED;
        }
    return FATAL;
}
