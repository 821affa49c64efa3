/* names: the texts of the store's enumerations. */
#include "store/store.h"

#define TEXT(NAME, number, text) [NAME] = text,
static const char *const states[] = {RUN_STATES(TEXT)};
static const char *const triggers[] = {RUN_TRIGGERS(TEXT)};
static const char *const journal_kinds[] = {JOURNAL_KINDS(TEXT)};

#define LOOKUP(table, value)                                                                                     \
    ((value) >= 0 && (size_t)(value) < sizeof(table) / sizeof(table)[0] ? (table)[value] : NULL)

const char *run_state_text(int value)
{
    return LOOKUP(states, value);
}

int run_state_parse(struct slice s)
{
    for (int i = RUN_PENDING; i <= RUN_CANCELLED; i++)
        if (slice_is(s, states[i]))
            return i;
    return -1;
}

const char *run_trigger_text(int value)
{
    return LOOKUP(triggers, value);
}

const char *journal_kind_text(int value)
{
    return LOOKUP(journal_kinds, value);
}
