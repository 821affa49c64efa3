/* document_place: from a JSON Pointer to line and column. What must hold: a lookup costs no more than the siblings on its way.
 * Called by document.c while it reads, then by whoever reports about the definition. */
#include "flow/document_place.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

int document_place_add(struct flow_document *d, uint32_t parent)
{
    if (d->n_places == LIMIT_YAML_NODES)
        return -SP_ELIMIT;
    if (d->n_places == d->places_size) {
        uint32_t size = d->places_size ? d->places_size * 2 : 64;
        struct place *moved = reallocarray(d->places, size, sizeof *moved);
        if (!moved)
            return -ENOMEM;
        d->places = moved;
        d->places_size = size;
    }
    uint32_t i = d->n_places++;
    d->places[i] = (struct place){
        .first_child = PLACE_NONE, .last_child = PLACE_NONE, .next = PLACE_NONE, .target = PLACE_NONE, .key = jv_invalid()};
    if (parent != PLACE_NONE) {
        struct place *p = &d->places[parent];
        if (p->last_child == PLACE_NONE)
            p->first_child = i;
        else
            d->places[p->last_child].next = i;
        p->last_child = i;
    }
    return (int)i;
}

/* One reference token of the pointer, unescaped, into `ret`; what is longer than the buffer matches nothing. */
static const char *read_token(const char *pointer, char *ret, size_t size)
{
    size_t n = 0;
    for (; *pointer && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            c = *++pointer == '0' ? '~' : '/';
        if (n + 1 < size)
            ret[n++] = c;
    }
    ret[n] = 0;
    return pointer;
}

static uint32_t find_child(const struct flow_document *d, uint32_t parent, const char *token)
{
    while (d->places[parent].target != PLACE_NONE)
        parent = d->places[parent].target;
    uint64_t index;
    bool is_index = slice_parse_u64(slice_text(token), &index) == 0;
    uint64_t n = 0;
    for (uint32_t i = d->places[parent].first_child; i != PLACE_NONE; i = d->places[i].next, n++) {
        const struct place *p = &d->places[i];
        if (jv_is_valid(p->key) ? strcmp(jv_string_value(p->key), token) == 0 : is_index && n == index)
            return i;
    }
    return PLACE_NONE;
}

bool flow_document_place(const struct flow_document *d, const char *json_pointer, bool of_key, uint32_t *ret_line, uint32_t *ret_column)
{
    uint32_t at = 0;
    bool found = true;
    while (found && *json_pointer == '/') {
        char token[sizeof((struct diag *)NULL)->pointer];
        json_pointer = read_token(json_pointer + 1, token, sizeof token);
        uint32_t child = find_child(d, at, token);
        found = child != PLACE_NONE;
        at = found ? child : at;
    }
    const struct place *p = &d->places[at];
    bool has_key = of_key && found && p->key_line;
    *ret_line = has_key ? p->key_line : p->line;
    *ret_column = has_key ? p->key_column : p->column;
    return found;
}
