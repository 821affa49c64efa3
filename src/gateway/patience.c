/* patience: who is answered late. Three accounts for each address: of refusals, of large bodies that were refused or not sent to
 * their end, and of connections. An address that has used one up waits for each further refusal; or its large bodies are refused
 * at their head; or it waits for the first answer on each further connection. Called by the listeners, and by server.c and link.c
 * before an answer goes out. Must hold: who proved who he is neither waits nor is counted; refusals of small requests take no
 * large body of the same address its place; who waits gives way to others (connections.c); of what proxies bring only a few wait. */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "gateway/gateway.h"
#include "policy/rate.h"

#define SECOND_US     1000000
#define BURST_SECONDS 10 /* what an address may save up; after so long it has all of it again */

static struct rate_table *refusals, *bodies, *newcomers;

int patience_init(void)
{
    struct rate_table **tables[] = {&refusals, &bodies, &newcomers};
    uint8_t seed[16];
    random_bytes(seed, sizeof seed);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof tables / sizeof tables[0]; i++)
        r = rate_table_new(LIMIT_IMPATIENT_ADDRESSES, seed, tables[i]);
    return r;
}

bool patience_is_out(const struct address *client)
{
    struct address group = address_group(client);
    uint32_t per_s = gateway_config.refusals_per_s;
    int64_t retry_ms;
    return rate_is_exhausted(bodies, slice_of(&group, sizeof group), clock_monotonic_us(), per_s, SECOND_US, BURST_SECONDS * per_s,
                             &retry_ms);
}

/* Takes `weight` from the account; false when it was used up before. */
static bool take(struct rate_table *t, const struct address *client, uint32_t weight, uint32_t per_s)
{
    struct address group = address_group(client);
    int64_t retry_ms;
    uint32_t left;
    return rate_check_weight(t, slice_of(&group, sizeof group), clock_monotonic_us(), weight, per_s, SECOND_US,
                             BURST_SECONDS * per_s, &retry_ms, &left) == 0;
}

bool patience_welcomes(const struct address *peer)
{
    return take(newcomers, peer, 1, gateway_config.connections_per_s);
}

/* What the body weighs beside one small refusal. */
static uint32_t take_body(const struct connection *c)
{
    uint32_t weight = (uint32_t)(c->received / LIMIT_BODY_SMALL);
    if (weight)
        (void)take(bodies, &c->client, weight, gateway_config.refusals_per_s);
    return weight;
}

void patience_note_unfinished(const struct connection *c)
{
    /* Who was told that there is no room has no reason to send the rest. */
    if (c->problem != PROBLEM_OVERLOAD || c->received > gateway_config.max_body)
        (void)take_body(c);
}

static bool is_refused_late(const struct connection *c)
{
    /* A large body for which there is no room comes again at once, and nobody is to blame: it waits as long as it is told to. */
    if (c->problem == PROBLEM_OVERLOAD || c->problem == PROBLEM_PATIENCE)
        return true;
    unsigned status = c->problem ? refusal_status(c->problem) : c->status;
    if (status < 400 || status >= 500)
        return false;
    /* Sent too often is not sent in vain: others may have used the rate up. */
    uint32_t weight = status == 429 ? 0 : take_body(c);
    return !take(refusals, &c->client, 1 + weight, gateway_config.refusals_per_s);
}

bool patience_ends(struct connection *c, bool is_proven)
{
    bool is_late = c->is_hasty;
    c->is_hasty = false;
    if (is_proven)
        return false;
    is_late |= is_refused_late(c);
    return is_late && (c->is_counted || connections_held_shared() < LIMIT_HELD_SHARED);
}
