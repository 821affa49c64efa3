/* The worker: hostile by assumption, because it parses definitions and payloads. It holds compiled definitions and runs, and
 * answers steps. It has no files, no network, no secrets, no clock. One thread; one message at a time. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "flow/flow.h"
#include "wire/channel.h"

/* A bounded cache of compiled definitions by digest; the least recently used one goes first. Runs hold references of their
 * own, so a definition that leaves the cache lives on in them. */
struct definition_cache;
[[gnu::warn_unused_result]] int definition_cache_new(struct definition_cache **ret);
void definition_cache_free(struct definition_cache *cache);
/* Borrowed; NULL when it is not there. */
struct flow_definition *definition_cache_get(struct definition_cache *cache, const uint8_t digest[32]);
/* Consumes the reference. */
void definition_cache_take(struct definition_cache *cache, const uint8_t digest[32], struct flow_definition *d);

/* The runs in hand, by id; at most LIMIT_WORKER_RUNS. */
struct run_entry {
    uint64_t id;
    struct flow_run *run;
    uint32_t results;  /* WORKER_RESULTs delivered */
    uint32_t replayed; /* so many are a journal's: steps before the last of them are not answered */
};
struct run_table;
[[gnu::warn_unused_result]] int run_table_new(struct run_table **ret);
void run_table_free(struct run_table *table);
struct run_entry *run_table_find(struct run_table *table, uint64_t id); /* borrowed until the next add or drop */
/* A new entry without a run; -EEXIST or -SP_ELIMIT. */
[[gnu::warn_unused_result]] int run_table_add(struct run_table *table, uint64_t id, struct run_entry **ret);
void run_table_drop(struct run_table *table, uint64_t id); /* frees the run; nothing happens when it is not there */

/* The handlers of the engine's channel. */
int serve_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user);
[[gnu::warn_unused_result]] int serve_init(void);
void serve_set_page(struct worker_page *page);

#endif
