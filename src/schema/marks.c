/* marks: a bit for each item or property. Made only where an `unevaluated*` keyword, here or above, will ask. */
#include <errno.h>
#include <stdlib.h>

#include "schema/run.h"

int marks_open(struct run *r, struct marks *m, struct view *v)
{
    int e = run_open(r, v);
    if (e < 0)
        return e;
    *m = (struct marks){.n = v->type & (TYPE_OBJECT | TYPE_ARRAY) ? v->n : 0};
    m->bits = m->few;
    if ((e = run_pay(r, m->n / 64)) < 0)
        return e;
    if (m->n > 64 * sizeof m->few / sizeof *m->few)
        m->bits = calloc((m->n + 63) / 64, sizeof *m->bits);
    return m->bits ? 0 : -ENOMEM;
}

void marks_close(struct marks *m)
{
    if (m->bits != m->few)
        free(m->bits);
}

void marks_set(struct marks *m, size_t i)
{
    if (i < m->n)
        m->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

bool marks_has(const struct marks *m, size_t i)
{
    return m->all || (i < m->n && m->bits[i / 64] >> (i % 64) & 1);
}

void marks_merge(struct marks *into, const struct marks *from)
{
    into->all |= from->all;
    for (size_t i = 0; i < (from->n + 63) / 64; i++)
        into->bits[i] |= from->bits[i];
}
