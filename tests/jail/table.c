/* Prints the table of src/sandbox/calls.h, a line for each role and row: role, call, error (0: allowed),
 * conditions (argument:op:a:b, joined by a comma), and the row's reason. Read by tests/jail/trace. */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/calls.h"

#define N(table) (sizeof(table) / sizeof(table)[0])

static const char *reason_of_row; /* rows without a reason go on with the one before */

static void print_row(uint32_t roles, int call, int error, const struct scmp_arg_cmp *args, size_t n)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT && name; role++) {
        if (!(roles & 1u << role))
            continue;
        printf("%s\t%s\t%d\t", role_name((enum role)role), name, error);
        for (size_t i = 0; i < n && args[i].op; i++)
            printf("%s%u:%d:%llx:%llx", i ? "," : "", args[i].arg, (int)args[i].op,
                   (unsigned long long)args[i].datum_a, (unsigned long long)args[i].datum_b);
        printf("\t%s\n", reason_of_row);
    }
    free(name);
}

int main(void)
{
    for (size_t i = 0; i < N(allowed); i++) {
        reason_of_row = allowed[i].reason;
        for (const int *c = allowed[i].calls; *c != END; c++)
            print_row(allowed[i].roles, *c, 0, NULL, 0);
    }
    for (size_t i = 0; i < N(argument_rules); i++) {
        const struct argument_rule *r = &argument_rules[i];
        reason_of_row = *r->reason ? r->reason : reason_of_row;
        print_row(r->roles, r->call, r->error, r->args, N(r->args));
    }
    reason_of_row = "refused";
    for (size_t i = 0; i < N(refused); i++)
        for (const int *c = refused[i].calls; *c != END; c++)
            print_row(ALL, *c, refused[i].error, NULL, 0);
    return 0;
}
