/* deliveries: a ring of hashes in the order of their coming, and an open-addressed index over it. */
#include "engine/deliveries.h"

#include <stdlib.h>

#include "base/error.h"

#define SLOTS (1u << 19) /* more than twice LIMIT_REPLAY_CACHE */
_Static_assert(SLOTS > 2 * LIMIT_REPLAY_CACHE, "the index must stay half empty");

static uint8_t ring[LIMIT_REPLAY_CACHE][DELIVERY_HASH_LEN];
static bool is_accepted[LIMIT_REPLAY_CACHE]; /* of the place in the ring */
static uint32_t index_slots[SLOTS];          /* place in the ring + 1 */
static uint64_t n_added;

static uint32_t home_of(const uint8_t hash[DELIVERY_HASH_LEN])
{
    uint32_t h;
    memcpy(&h, hash, sizeof h); /* the hash of a keyed or signed text: spread already */
    return h % SLOTS;
}

static uint32_t slot_of(const uint8_t hash[DELIVERY_HASH_LEN])
{
    uint32_t at = home_of(hash);
    while (index_slots[at] && memcmp(ring[index_slots[at] - 1], hash, DELIVERY_HASH_LEN) != 0)
        at = (at + 1) % SLOTS;
    return at;
}

/* Empties a slot and moves later ones of its chain up (Knuth, 6.4, algorithm R). */
static void slot_clear(uint32_t hole)
{
    index_slots[hole] = 0;
    for (uint32_t at = (hole + 1) % SLOTS; index_slots[at]; at = (at + 1) % SLOTS) {
        uint32_t home = home_of(ring[index_slots[at] - 1]);
        if ((at - home) % SLOTS < (at - hole) % SLOTS)
            continue;
        index_slots[hole] = index_slots[at];
        index_slots[at] = 0;
        hole = at;
    }
}

int delivery_add(const uint8_t hash[DELIVERY_HASH_LEN])
{
    uint32_t known = index_slots[slot_of(hash)];
    if (known)
        return is_accepted[known - 1] ? -SP_EREPLAYED : -SP_ECONFLICT;
    uint32_t place = (uint32_t)(n_added % LIMIT_REPLAY_CACHE);
    if (n_added >= LIMIT_REPLAY_CACHE) {
        uint32_t oldest = slot_of(ring[place]);
        if (index_slots[oldest] == place + 1)
            slot_clear(oldest);
    }
    memcpy(ring[place], hash, DELIVERY_HASH_LEN);
    is_accepted[place] = false;
    index_slots[slot_of(hash)] = place + 1;
    n_added++;
    return 0;
}

void delivery_accept(const uint8_t hash[DELIVERY_HASH_LEN])
{
    uint32_t known = index_slots[slot_of(hash)];
    if (known)
        is_accepted[known - 1] = true;
}

void delivery_forget(const uint8_t hash[DELIVERY_HASH_LEN])
{
    uint32_t slot = slot_of(hash);
    if (index_slots[slot])
        slot_clear(slot);
}

static int on_delivery(void *user, const uint8_t hash[16], int64_t seen_ms)
{
    (void)user;
    (void)seen_ms;
    int r = delivery_add(hash);
    delivery_accept(hash);
    return r == -SP_EREPLAYED ? 0 : r;
}

int deliveries_load(struct store_reader *reader, int64_t now_ms)
{
    return store_deliveries(reader, now_ms - DELIVERY_KEEP_MS, LIMIT_REPLAY_CACHE, on_delivery, NULL);
}
