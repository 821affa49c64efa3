/* view: opening, finding, comparing and hashing. Must hold: an open view never changes, so that those of a
 * schema can be read by many; equal values have equal hashes; nothing recurses deeper than LIMIT_JSON_DEPTH.
 * Called while compiling (`enum`, `const`) and validating. */
#include "schema/view.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "schema/decimal.h"

#define CHUNK (16u << 10)

struct room_chunk {
    struct room_chunk *next;
    _Alignas(max_align_t) uint8_t bytes[];
};

void room_free(struct room *room)
{
    while (room->chunks) {
        struct room_chunk *next = room->chunks->next;
        free(room->chunks);
        room->chunks = next;
    }
}

/* At least `len` bytes of one piece at `next`, which begin with the `keep` bytes at `from`. */
static int reserve(struct room *room, size_t len, const void *from, size_t keep)
{
    if (len <= (size_t)(room->end - room->next))
        return 0;
    size_t size = len > CHUNK ? len : CHUNK;
    if (size > LIMIT_SCHEMA_VIEWS - room->used)
        return -SP_EBUDGET;
    struct room_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return -ENOMEM;
    if (keep)
        memcpy(chunk->bytes, from, keep);
    chunk->next = room->chunks;
    room->chunks = chunk;
    room->used += size;
    room->next = chunk->bytes;
    room->end = chunk->bytes + size;
    return 0;
}

/* Inline for the two that open. */
static inline void init(struct view *v, jv source)
{
    v->source = source;
    v->is_open = true;
    v->n = 0;
    v->number = 0;
    switch (jv_get_kind(source)) {
    case JV_KIND_NULL:
        v->type = TYPE_NULL;
        break;
    case JV_KIND_TRUE:
        v->number = 1;
        [[fallthrough]];
    case JV_KIND_FALSE:
        v->type = TYPE_BOOLEAN;
        break;
    case JV_KIND_NUMBER:
        v->number = jv_number_value(source);
        v->type = number_is_integer(v->number) ? TYPE_INTEGER : TYPE_NUMBER;
        break;
    case JV_KIND_STRING:
        v->type = TYPE_STRING;
        v->is_open = false;
        break;
    case JV_KIND_ARRAY:
        v->type = TYPE_ARRAY;
        v->is_open = false;
        break;
    case JV_KIND_OBJECT:
        v->type = TYPE_OBJECT;
        v->is_open = false;
        break;
    case JV_KIND_INVALID:
        v->type = 0;
    }
}

void view_init(struct view *v, jv source)
{
    init(v, source);
}

static int open_array(struct room *room, struct view *v)
{
    size_t n = (size_t)jv_array_length(jv_copy(v->source));
    int r = reserve(room, n * sizeof(struct view), NULL, 0);
    if (r < 0)
        return r;
    struct view *items = (struct view *)room->next;
    for (size_t i = 0; i < n; i++) {
        jv item = jv_array_get(jv_copy(v->source), (int)i);
        init(&items[i], item);
        jv_free(item); /* the array, which is held, holds it */
    }
    room->next = (uint8_t *)(items + n);
    v->items = items;
    v->n = (uint32_t)n;
    return 0;
}

/* The number of properties is not asked for: libjq would count them one by one. */
static int open_object(struct room *room, struct view *v)
{
    size_t n = 0;
    struct view_member *members = (struct view_member *)room->next;
    for (int i = jv_object_iter(v->source); jv_object_iter_valid(v->source, i);
         i = jv_object_iter_next(v->source, i), n++) {
        if ((n + 1) * sizeof *members > (size_t)(room->end - room->next)) {
            int r = reserve(room, 2 * (n + 1) * sizeof *members, members, n * sizeof *members);
            if (r < 0)
                return r;
            members = (struct view_member *)room->next;
        }
        struct view_member *m = &members[n];
        jv key = jv_object_iter_key(v->source, i), value = jv_object_iter_value(v->source, i);
        m->name.p = (const uint8_t *)jv_string_value(key);
        m->name.len = (size_t)jv_string_length_bytes(
            key); /* gives the reference back; the object, which is held, has another */
        m->hash = view_hash_name(m->name);
        init(&m->value, value);
        jv_free(value);
    }
    room->next = (uint8_t *)(members + n);
    v->members = members;
    v->n = (uint32_t)n;
    return 0;
}

int view_open_now(struct view_budget b, struct view *v)
{
    int r = 0;
    if (v->type == TYPE_STRING) {
        v->text = (const uint8_t *)jv_string_value(v->source);
        v->n = (uint32_t)jv_string_length_bytes(jv_copy(v->source));
    } else {
        r = v->type == TYPE_ARRAY ? open_array(b.room, v) : open_object(b.room, v);
        if (r == 0 && (*b.steps -= v->n / 8) < 0)
            r = -SP_EBUDGET;
    }
    v->is_open = r == 0;
    return r;
}

struct view_member *view_find(const struct view *open, struct slice name, uint32_t hash, uint32_t *at)
{
    uint32_t start = *at < open->n ? *at : 0, i = start;
    if (!open->n)
        return NULL;
    do {
        struct view_member *m = &open->members[i++];
        i = i == open->n ? 0 : i;
        if (m->hash == hash && table_key_equal(m->name, name)) {
            *at = i;
            return m;
        }
    } while (i != start);
    return NULL;
}

static int equal(struct view_budget budget, struct view *a, struct view *b, int depth);

static int equal_arrays(struct view_budget budget, struct view *a, struct view *b, int depth)
{
    if (a->n != b->n)
        return 0;
    int r = 1;
    for (uint32_t i = 0; i < a->n && r == 1; i++)
        r = equal(budget, &a->items[i], &b->items[i], depth);
    return r;
}

static int equal_objects(struct view_budget budget, struct view *a, struct view *b, int depth)
{
    if (a->n != b->n)
        return 0;
    int r = 1;
    uint32_t at = 0;
    for (uint32_t i = 0; i < a->n && r == 1; i++) {
        struct view_member *x = &a->members[i], *y = view_find(b, x->name, x->hash, &at);
        if ((*budget.steps -= b->n / 16) < 0)
            return -SP_EBUDGET;
        r = y ? equal(budget, &x->value, &y->value, depth) : 0;
    }
    return r;
}

static int equal(struct view_budget budget, struct view *a, struct view *b, int depth)
{
    if (--*budget.steps < 0 || depth > LIMIT_JSON_DEPTH)
        return -SP_EBUDGET;
    if (a->type != b->type) /* one number with a fraction and one without are never equal */
        return 0;
    int r = view_open(budget, a);
    if (r == 0)
        r = view_open(budget, b);
    if (r < 0)
        return r;
    switch ((enum type_bit)a->type) {
    case TYPE_INTEGER:
    case TYPE_NUMBER:
    case TYPE_BOOLEAN:
        return a->number == b->number;
    case TYPE_STRING:
        return slice_equal(view_text(a), view_text(b));
    case TYPE_ARRAY:
        return equal_arrays(budget, a, b, depth + 1);
    case TYPE_OBJECT:
        return equal_objects(budget, a, b, depth + 1);
    case TYPE_NULL:
        return 1;
    }
    return 0;
}

int view_equal(struct view_budget budget, struct view *a, struct view *b)
{
    return equal(budget, a, b, 0);
}

static uint32_t mixed(uint32_t hash, uint32_t more)
{
    hash ^= more + 0x9e3779b9u + (hash << 6) + (hash >> 2);
    hash *= 0x85ebca6bu;
    return hash ^ hash >> 15;
}

static uint32_t hash_number(double number)
{
    uint64_t bits;
    if (number == 0)
        number = 0; /* -0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    return mixed((uint32_t)bits, (uint32_t)(bits >> 32));
}

static int hash(struct view_budget budget, struct view *v, int depth, uint32_t *ret);

static int hash_array(struct view_budget budget, struct view *v, int depth, uint32_t *ret)
{
    uint32_t sum = 0xa5u;
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t one = 0;
        int r = hash(budget, &v->items[i], depth, &one);
        if (r < 0)
            return r;
        sum = mixed(sum, one);
    }
    *ret = sum;
    return 0;
}

/* A sum, so that the order of properties does not matter. */
static int hash_object(struct view_budget budget, struct view *v, int depth, uint32_t *ret)
{
    uint32_t sum = 0x0bu;
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t one = 0;
        int r = hash(budget, &v->members[i].value, depth, &one);
        if (r < 0)
            return r;
        sum += mixed(v->members[i].hash, one);
    }
    *ret = sum;
    return 0;
}

static int hash(struct view_budget budget, struct view *v, int depth, uint32_t *ret)
{
    if (--*budget.steps < 0 || depth > LIMIT_JSON_DEPTH)
        return -SP_EBUDGET;
    int r = view_open(budget, v);
    if (r < 0)
        return r;
    if (v->type == TYPE_ARRAY)
        return hash_array(budget, v, depth + 1, ret);
    if (v->type == TYPE_OBJECT)
        return hash_object(budget, v, depth + 1, ret);
    if (v->type == TYPE_STRING)
        *ret = view_hash_name(view_text(v));
    else
        *ret = mixed(v->type, hash_number(v->number));
    return 0;
}

int view_hash(struct view_budget budget, struct view *v, uint32_t *ret)
{
    return hash(budget, v, 0, ret);
}
