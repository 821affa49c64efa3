/* report: errors for people. They name places and rules and never the instance's values, which may be confidential. */
#include <stdarg.h>
#include <stdio.h>

#include "schema/run.h"

static void prepend(char *start, char **at, char c)
{
    if (*at > start)
        *--*at = c ? c : '?'; /* a NUL would end the text */
}

static void prepend_key(char *start, char **at, struct slice key)
{
    while (key.len && *at > start) {
        uint8_t c = key.p[--key.len];
        if (c == '~' || c == '/') {
            prepend(start, at, c == '~' ? '0' : '1');
            c = '~';
        }
        prepend(start, at, (char)c);
    }
}

/* The JSON Pointer of the place; one that is too long loses its front. */
static void instance_place(const struct at *place, char *ret, size_t size)
{
    char *at = ret + size - 1;
    *at = 0;
    for (; place && place->up && at > ret; place = place->up) {
        char number[24];
        snprintf(number, sizeof number, "%zu", place->index);
        prepend_key(ret, &at, place->key ? *place->key : slice_text(number));
        prepend(ret, &at, '/');
    }
    while ((*at & 0xC0) == 0x80)
        at++;
    memmove(ret, at, strlen(at) + 1);
}

int run_report(struct run *r, const struct node *n, const char *keyword, const struct at *at, const char *format, ...)
{
    if (!r->errors || r->errors->n == LIMIT_SCHEMA_ERRORS)
        return INVALID;
    struct schema_error *e = &r->errors->items[r->errors->n++];
    instance_place(at, e->instance, sizeof e->instance);
    node_place(n, keyword, e->keyword, sizeof e->keyword);
    va_list list;
    va_start(list, format);
    vsnprintf(e->text, sizeof e->text, format, list);
    va_end(list);
    return INVALID;
}
