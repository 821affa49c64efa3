/* ask: the table of open questions to a peer. A tag is slot and generation, so that a slot's second use has another tag. */
#include "engine/ask.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"

#define TAG(slot, generation) ((uint64_t)(generation) << 32 | (slot))

static int grow(struct ask_table *t)
{
    if (t->n >= 2 * LIMIT_RUNS_ACTIVE)
        return -SP_EOVERLOAD;
    uint32_t n = t->n ? 2 * t->n : 64;
    struct ask_slot *slots = realloc(t->slots, n * sizeof *slots);
    if (!slots)
        return -SP_EOVERLOAD;
    for (uint32_t i = t->n; i < n; i++) {
        slots[i] = (struct ask_slot){.generation = 1, .next_free = t->free_list};
        t->free_list = i + 1;
    }
    t->slots = slots;
    t->n = n;
    return 0;
}

uint64_t ask_open(struct ask_table *t, ask_answered *answered, void *user)
{
    if (!t->free_list && grow(t) < 0)
        return 0;
    uint32_t at = t->free_list - 1;
    struct ask_slot *slot = &t->slots[at];
    t->free_list = slot->next_free;
    slot->answered = answered;
    slot->user = user;
    t->n_open++;
    return TAG(at, slot->generation);
}

static struct ask_slot *open_slot(struct ask_table *t, uint64_t tag)
{
    uint32_t at = (uint32_t)tag;
    if (at >= t->n || !t->slots[at].answered || t->slots[at].generation != (uint32_t)(tag >> 32))
        return NULL;
    return &t->slots[at];
}

static void release(struct ask_table *t, struct ask_slot *slot)
{
    slot->answered = NULL;
    slot->generation += slot->generation == UINT32_MAX ? 2 : 1; /* tag 0 is none */
    slot->next_free = t->free_list;
    t->free_list = (uint32_t)(slot - t->slots) + 1;
    t->n_open--;
}

int ask_answer(struct ask_table *t, uint64_t tag, int code, const void *answer)
{
    struct ask_slot *slot = open_slot(t, tag);
    if (!slot)
        return -SP_EPROTOCOL;
    ask_answered *answered = slot->answered;
    void *user = slot->user;
    release(t, slot);
    answered(code, answer, user);
    return 0;
}

void ask_forget(struct ask_table *t, uint64_t tag)
{
    struct ask_slot *slot = open_slot(t, tag);
    if (slot)
        release(t, slot);
}

void ask_fail_all(struct ask_table *t, int code)
{
    /* Whom we tell may ask again: only what is open now is failed. */
    uint32_t n = t->n;
    for (uint32_t i = 0; i < n; i++)
        if (t->slots[i].answered)
            must(ask_answer(t, TAG(i, t->slots[i].generation), code, NULL) == 0);
}
