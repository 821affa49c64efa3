/* filter: the seccomp filter of a role, from the table in calls.h. Called by sandbox_enter, last. Must hold:
 * what no row names ends the process, and the kernel logs it; another architecture's calls too. Nothing can
 * become executable memory, start a process or reach a file that the role's row does not name. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/calls.h"
#include "sandbox/parts.h"

#define N(table) (sizeof(table) / sizeof(table)[0])

/* A filter under construction: the first error sticks. */
struct filter {
    scmp_filter_ctx ctx;
    uint32_t bit; /* of the role */
    int error;
};

static void add(struct filter *f, int error, int call, unsigned n, const struct scmp_arg_cmp *args)
{
    if (!f->error)
        f->error = seccomp_rule_add_array(f->ctx, error ? SCMP_ACT_ERRNO((uint16_t)error) : SCMP_ACT_ALLOW,
                                          call, n, args);
}

static void add_allowed(struct filter *f)
{
    for (size_t i = 0; i < N(allowed); i++)
        for (const int *c = allowed[i].calls; (allowed[i].roles & f->bit) && *c != END; c++)
            add(f, 0, *c, 0, NULL);
}

static void add_argument_rule(struct filter *f, const struct argument_rule *rule)
{
    struct scmp_arg_cmp args[N(rule->args)];
    unsigned n = 0;
    for (size_t i = 0; i < N(rule->args) && rule->args[i].op; i++) {
        args[n] = rule->args[i];
        if (args[n].datum_a == OWN_PID)
            args[n].datum_a = (scmp_datum_t)getpid();
        n++;
    }
    add(f, rule->error, rule->call, n, args);
}

static void add_argument_rules(struct filter *f)
{
    for (size_t i = 0; i < N(argument_rules); i++)
        if (argument_rules[i].roles & f->bit)
            add_argument_rule(f, &argument_rules[i]);
}

/* libseccomp would let a rule for the whole call win over one about its arguments. */
static bool has_row(uint32_t bit, int call)
{
    for (size_t i = 0; i < N(allowed); i++)
        for (const int *c = allowed[i].calls; *c != END; c++)
            if ((allowed[i].roles & bit) && *c == call)
                return true;
    for (size_t i = 0; i < N(argument_rules); i++)
        if ((argument_rules[i].roles & bit) && argument_rules[i].call == call)
            return true;
    return false;
}

static void add_refused(struct filter *f)
{
    for (size_t i = 0; i < N(refused); i++)
        for (const int *c = refused[i].calls; *c != END; c++)
            if (!has_row(f->bit, *c))
                add(f, refused[i].error, *c, 0, NULL);
}

static void set_attribute(struct filter *f, enum scmp_filter_attr attribute, uint32_t value)
{
    if (!f->error)
        f->error = seccomp_attr_set(f->ctx, attribute, value);
}

static void ctx_release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

int filter_enter(enum role role, struct diag *reterr)
{
    _cleanup_(ctx_release)
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    struct filter f = {.ctx = ctx, .bit = 1u << role, .error = ctx ? 0 : -ENOMEM};
    set_attribute(&f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set_attribute(&f, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A binary tree: the hot calls cost the same wherever they stand. */
    set_attribute(&f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    add_allowed(&f);
    add_argument_rules(&f);
    add_refused(&f);
    if (!f.error)
        f.error = seccomp_load(ctx);
    return f.error
               ? diag_set(reterr, f.error, "the system-call filter cannot be set: %s", error_text(f.error))
               : 0;
}
