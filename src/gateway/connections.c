/* connections: the table, the lists of states and what all connections together may hold. Called by every part of the gateway
 * that has a connection in its hands. Must hold: a place in the table is in exactly one list or free; the sums equal
 * what the places hold. */
#include "gateway/connections.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/must.h"

#define KEEP_BYTES     4096 /* a buffer up to this size stays with its connection */
#define ADDRESS_SLOTS  (2 * LIMIT_CONNECTIONS)
#define WALK_MAX       256  /* candidates looked at for one newcomer */
#define GIVE_WAY_MS    1000 /* a request may take so long before it has to give way */

struct list {
    struct connection *first, *last;
    size_t n;
};

struct address_count {
    struct address group;
    unsigned n; /* 0: the slot is empty */
};

static struct {
    struct connection *places;
    unsigned max;
    struct list lists[CONNECTION_STATE_COUNT];
    struct address_count addresses[ADDRESS_SLOTS]; /* linear probing */
    uint64_t seed[2];
    size_t bodies_total, answers_total, held_shared;
} table;

static const unsigned MAY_FOLLOW[CONNECTION_STATE_COUNT] = {
#define S(NAME, next) [NAME] = next,
    CONNECTION_STATES(S)
#undef S
};

/* --- lists ----------------------------------------------------------------------------------------------------------- */

static void list_append(struct connection *c)
{
    struct list *l = &table.lists[c->state];
    c->previous = l->last;
    c->next = NULL;
    *(l->last ? &l->last->next : &l->first) = c;
    l->last = c;
    l->n++;
}

static void list_remove(struct connection *c)
{
    struct list *l = &table.lists[c->state];
    *(c->previous ? &c->previous->next : &l->first) = c->next;
    *(c->next ? &c->next->previous : &l->last) = c->previous;
    l->n--;
}

static void move_to(struct connection *c, enum connection_state state)
{
    list_remove(c);
    if (!c->is_counted)
        table.held_shared += (state == CONNECTION_HELD) - (size_t)(c->state == CONNECTION_HELD);
    c->state = state;
    c->since_ms = clock_monotonic_ms();
    list_append(c);
}

void connection_set_state(struct connection *c, enum connection_state state)
{
    must(MAY_FOLLOW[c->state] & 1u << state);
    move_to(c, state);
}

struct connection *connections_oldest(enum connection_state state)
{
    return table.lists[state].first;
}

size_t connections_count(enum connection_state state)
{
    return state == CONNECTION_FREE ? table.max - table.lists[state].n : table.lists[state].n;
}

size_t connections_held_shared(void)
{
    return table.held_shared;
}

int connections_init(unsigned max)
{
    table.places = calloc(max, sizeof table.places[0]);
    if (!table.places)
        return -ENOMEM;
    table.max = max;
    random_bytes(table.seed, sizeof table.seed);
    for (unsigned i = 0; i < max; i++) {
        struct connection *c = &table.places[i];
        c->index = i;
        c->fd = -1;
        c->target = BUFFER_MAX(LIMIT_PATH + LIMIT_QUERY + 512);
        c->headers = BUFFER_MAX(LIMIT_HEADERS);
        c->body = BUFFER_MAX(LIMIT_BODY);
        list_append(c);
    }
    return 0;
}

/* --- counting by address --------------------------------------------------------------------------------------------- */

static size_t home_of(const struct address *group)
{
    uint64_t halves[2];
    memcpy(halves, group->bytes, sizeof halves);
    /* Seeded, so that nobody can choose addresses that meet in one slot. */
    unsigned __int128 mixed = (unsigned __int128)(halves[0] ^ table.seed[0]) * (halves[1] ^ table.seed[1] ^ 0x9e3779b97f4a7c15u);
    return (size_t)((uint64_t)(mixed >> 64) ^ (uint64_t)mixed) % ADDRESS_SLOTS;
}

static struct address_count *address_find(const struct address *group)
{
    size_t i = home_of(group);
    while (table.addresses[i].n && memcmp(&table.addresses[i].group, group, sizeof *group) != 0)
        i = (i + 1) % ADDRESS_SLOTS;
    return &table.addresses[i];
}

/* Empties a slot and moves up the ones that probed past it. */
static void address_remove(struct address_count *slot)
{
    size_t hole = (size_t)(slot - table.addresses), i = hole;
    table.addresses[hole].n = 0;
    for (;;) {
        i = (i + 1) % ADDRESS_SLOTS;
        if (!table.addresses[i].n)
            return;
        size_t home = home_of(&table.addresses[i].group);
        bool stays = hole <= i ? (hole < home && home <= i) : (hole < home || home <= i);
        if (stays)
            continue;
        table.addresses[hole] = table.addresses[i];
        table.addresses[i].n = 0;
        hole = i;
    }
}

static bool address_enter(const struct address *peer, unsigned per_address)
{
    struct address group = address_group(peer);
    struct address_count *slot = address_find(&group);
    if (slot->n >= per_address)
        return false;
    slot->group = group;
    slot->n++;
    return true;
}

static unsigned address_places(const struct address *peer)
{
    struct address group = address_group(peer);
    return address_find(&group)->n;
}

static void address_leave(const struct address *peer)
{
    struct address group = address_group(peer);
    struct address_count *slot = address_find(&group);
    must(slot->n > 0);
    if (--slot->n == 0)
        address_remove(slot);
}

/* --- a connection's life --------------------------------------------------------------------------------------------- */

struct connection *connection_open(const struct address *peer, unsigned max, unsigned per_address)
{
    struct connection *c = table.lists[CONNECTION_FREE].first;
    if (!c || connections_count(CONNECTION_FREE) >= max || (per_address && !address_enter(peer, per_address)))
        return NULL;
    c->peer = c->client = *peer;
    c->is_counted = per_address != 0;
    c->is_cut = c->is_hasty = false;
    connection_set_state(c, CONNECTION_IDLE);
    return c;
}

void connection_close(struct connection *c)
{
    connection_reset_request(c);
    if (c->is_counted)
        address_leave(&c->peer);
    c->mhd = NULL;
    c->fd = -1;
    c->generation++;
    buffer_free(&c->target);
    buffer_free(&c->headers);
    buffer_free(&c->body);
    move_to(c, CONNECTION_FREE);
}

static struct connection *oldest_of_more(enum connection_state state, unsigned places, int64_t before_ms)
{
    unsigned walked = 0;
    for (struct connection *c = table.lists[state].first; c && c->since_ms <= before_ms && walked < WALK_MAX; c = c->next) {
        if (c->is_cut)
            continue;
        walked++;
        if (c->is_counted && address_places(&c->peer) > places)
            return c;
    }
    return NULL;
}

struct connection *connection_to_give_way(const struct address *newcomer)
{
    int64_t now_ms = clock_monotonic_ms();
    unsigned places = address_places(newcomer);
    struct connection *c = oldest_of_more(CONNECTION_HELD, places, now_ms);
    c = c ? c : oldest_of_more(CONNECTION_IDLE, places, now_ms);
    return c ? c : oldest_of_more(CONNECTION_RECEIVING, places, now_ms - GIVE_WAY_MS);
}

static void shrink(struct buffer *b)
{
    if (b->capacity > KEEP_BYTES)
        buffer_free(b);
    else
        buffer_clear(b);
}

void connection_drop_body(struct connection *c)
{
    table.bodies_total -= c->body.len;
    shrink(&c->body);
}

void connection_reset_request(struct connection *c)
{
    connection_drop_body(c);
    shrink(&c->target);
    shrink(&c->headers);
    if (c->answer)
        MHD_destroy_response(c->answer);
    table.answers_total -= c->answer_len;
    c->answer = NULL;
    c->answer_len = 0;
    c->target_at = NULL;
    c->received = c->discarded = 0;
    c->method = 0;
    c->is_chunked = c->is_queued = false;
    c->client = c->peer;
    c->problem = PROBLEM_NONE;
}

static size_t bodies_max(size_t len)
{
    return len > LIMIT_BODY_SMALL ? LIMIT_BODIES_LARGE : LIMIT_BODIES_TOTAL;
}

bool connections_have_room(size_t len)
{
    return table.bodies_total + len <= bodies_max(len);
}

int connection_append_body(struct connection *c, const void *p, size_t len, size_t max)
{
    if (len > max || c->body.len > max - len)
        return -SP_ELIMIT;
    if (table.bodies_total + len > bodies_max(c->body.len + len))
        return -SP_EOVERLOAD;
    int r = buffer_append(&c->body, p, len);
    if (r == 0)
        table.bodies_total += len;
    return r;
}

int connection_keep_answer(struct connection *c, struct MHD_Response **take, size_t len)
{
    if (table.answers_total + len > LIMIT_ANSWERS_TOTAL)
        return -SP_EOVERLOAD;
    must(!c->answer);
    c->answer = TAKE_PTR(*take);
    c->answer_len = len;
    table.answers_total += len;
    return 0;
}

uint64_t connection_tag(const struct connection *c)
{
    return (uint64_t)c->generation << 32 | c->index;
}

uint64_t connection_new_tag(struct connection *c)
{
    c->generation++;
    return connection_tag(c);
}

struct connection *connection_by_tag(uint64_t tag)
{
    uint32_t index = (uint32_t)tag;
    if (index >= table.max)
        return NULL;
    struct connection *c = &table.places[index];
    return c->state == CONNECTION_PENDING && connection_tag(c) == tag ? c : NULL;
}
