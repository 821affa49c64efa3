/* Workflows and namespaces as the engine holds them: the live version of each workflow, what its manifest asks for, and the
 * data key of its namespace. They are never freed while the server runs, so a run may keep a pointer. */
#ifndef ENGINE_WORKFLOWS_H
#define ENGINE_WORKFLOWS_H

#include "engine/request.h"
#include "engine/workers.h"
#include "store/store.h"

struct namespace {
    char name[64];
    uint32_t id;
    uint8_t key[32];
    bool has_key;
    struct slice wrapped_key; /* owned */
};

struct workflow {
    uint32_t id;
    struct namespace *ns;
    char name[64], version[LIMIT_NAME];
    uint8_t digest[32];
    bool is_enabled;
    int64_t deployed_ms;
    /* from the manifest; slices are owned */
    bool has_webhook, answers_at_once; /* `answer: accepted` */
    enum webhook_scheme scheme;
    char key_name[LIMIT_NAME];
    uint32_t tolerance_s;
    uint32_t rate_limit, rate_burst;
    int64_t rate_period_ms;
    uint32_t concurrency;
    int64_t retention_ms;
    struct slice manifest, grants; /* JSON; grants: the origins */
    struct slice secrets;          /* pairs: name, "" */
    uint32_t n_runs;               /* that have not ended */
};

/* Loads namespaces and live workflows from the store; keys come with the vault. */
[[gnu::warn_unused_result]] int workflows_load(struct store_reader *reader);

/* Asks the vault for the keys of all namespaces that have none; `done` when all are there or one failed. */
void namespaces_unlock(void (*done)(int code, void *user), void *user);

/* The namespace of this name, made (key, row, leaf) if there is none. */
typedef void namespace_is(int code, struct namespace *ns, void *user);
void namespace_ensure(struct slice name, namespace_is *answered, void *user);
struct namespace *namespace_find(struct slice name);

/* The live version; NULL if there is none. */
struct workflow *workflow_find(struct slice ns, struct slice name);
struct workflow *workflow_by_id(uint32_t id);
/* Every live workflow in turn: pass NULL first; NULL at the end. */
struct workflow *workflow_next(const struct workflow *after);

/* `sallyport run`: what it allows replaces what the definitions declare. JSON array. */
void workflows_set_allowed(struct slice grants);

/* The name of a task by its index in the manifest, as JSON pointer and name; false if there is none. Slices are borrowed from
 * a parsed manifest that lives until the next call. */
bool workflow_task(struct workflow *w, unsigned index, const char **ret_reference, const char **ret_name);

#endif
