/* node: places of nodes, and what a compiled schema owns. */
#include "schema/node.h"

#include <stdlib.h>

/* Writes backwards, from `*at` down; what does not fit is dropped. */
static void prepend(char *start, char **at, struct slice s)
{
    while (s.len && *at > start) {
        char c = (char)s.p[--s.len];
        *--*at = c ? c : '?'; /* a NUL would end the text */
    }
}

void node_place(const struct node *node, const char *keyword, char *ret, size_t size)
{
    char *at = ret + size - 1;
    *at = 0;
    if (keyword) {
        prepend(ret, &at, slice_text(keyword));
        prepend(ret, &at, SLICE_LITERAL("/"));
    }
    struct slice uri = node ? node->resource->uri : slice_text("");
    for (; node && node->parent && at > ret; node = node->parent) {
        prepend(ret, &at, node->token);
        prepend(ret, &at, SLICE_LITERAL("/"));
    }
    if (uri.len) {
        prepend(ret, &at, SLICE_LITERAL("#"));
        prepend(ret, &at, uri);
    }
    while ((*at & 0xC0) == 0x80) /* not from the middle of a character */
        at++;
    memmove(ret, at, strlen(at) + 1);
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (struct owned *o = s->owned; o; o = o->next) {
        if (o->kind == OWNED_VALUE)
            jv_free(o->value);
        else if (o->kind == OWNED_PATTERN)
            pcre2_code_free(o->pattern);
        else
            table_free(o->table);
    }
    pcre2_match_context_free(s->match_context);
    pcre2_match_context_free(s->quick_context);
    room_free(&s->room);
    schema_arena_free(&s->arena);
    free(s);
}
