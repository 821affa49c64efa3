/* workflows: the tables of namespaces, live workflows and definitions, and what makes a namespace. Called on the loop. */
#include "engine/workflows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/commit.h"
#include "engine/manifest.h"
#include "engine/peers.h"
#include "engine/registry.h"

struct definition {
    uint8_t digest[32];
    struct slice text; /* owned */
};

static struct namespace *namespaces[LIMIT_NAMESPACES];
static _Atomic size_t n_namespaces; /* the slow thread looks names up, too */
static struct workflow *workflows[LIMIT_WORKFLOWS];
static size_t n_workflows;
static struct definition definitions[LIMIT_WORKFLOWS];
static size_t n_definitions;
static struct slice allowed; /* owned */

/* --- tables -------------------------------------------------------------------------------------------------------- */

struct namespace *namespace_find(struct slice name)
{
    for (size_t i = 0; i < n_namespaces; i++)
        if (slice_is(name, namespaces[i]->name))
            return namespaces[i];
    return NULL;
}

static int registry_add_namespace(const struct store_namespace *row, struct namespace **ret)
{
    struct namespace *ns = calloc(1, sizeof *ns);
    if (!ns || n_namespaces == LIMIT_NAMESPACES || row->name.len >= sizeof ns->name) {
        free(ns);
        return ns ? -SP_ELIMIT : -ENOMEM;
    }
    ns->id = row->id;
    memcpy(ns->name, row->name.p, row->name.len);
    ns->wrapped_key = slice_owned(row->wrapped_key);
    namespaces[n_namespaces] = ns;
    n_namespaces++;
    if (ret)
        *ret = ns;
    return 0;
}

int registry_add_definition(const uint8_t digest[32], struct slice text)
{
    if (workflows_definition_text(digest).len)
        return 0;
    if (n_definitions == LIMIT_WORKFLOWS)
        return -SP_ELIMIT;
    struct slice copy = slice_owned(text);
    if (!copy.p)
        return -ENOMEM;
    memcpy(definitions[n_definitions].digest, digest, 32);
    definitions[n_definitions++].text = copy;
    return 0;
}

struct slice workflows_definition_text(const uint8_t digest[32])
{
    for (size_t i = 0; i < n_definitions; i++)
        if (memcmp(definitions[i].digest, digest, 32) == 0)
            return definitions[i].text;
    return (struct slice){0};
}

struct workflow *workflow_find(struct slice ns, struct slice name)
{
    for (size_t i = 0; i < n_workflows; i++)
        if (slice_is(name, workflows[i]->name) && slice_is(ns, workflows[i]->ns->name))
            return workflows[i];
    return NULL;
}

struct workflow *workflow_by_id(uint32_t id)
{
    for (size_t i = 0; i < n_workflows; i++)
        if (workflows[i]->id == id)
            return workflows[i];
    return NULL;
}

struct workflow *workflow_next(const struct workflow *after)
{
    size_t at = 0;
    while (after && at < n_workflows && workflows[at++] != after)
        ;
    return at < n_workflows ? workflows[at] : NULL;
}

int registry_add_workflow(struct workflow *w, bool is_live)
{
    if (n_workflows == LIMIT_WORKFLOWS)
        return -SP_ELIMIT;
    if (allowed.p) {
        slice_owned_free(&w->grants);
        w->grants = slice_owned(allowed);
    }
    /* The live version stands before the older ones, which runs of theirs still point to: workflow_find takes the first. */
    size_t at = is_live ? 0 : n_workflows;
    memmove(workflows + at + 1, workflows + at, (n_workflows - at) * sizeof workflows[0]);
    workflows[at] = w;
    n_workflows++;
    return 0;
}

void workflows_set_allowed(struct slice grants)
{
    allowed = slice_owned(grants);
}

/* --- loading ------------------------------------------------------------------------------------------------------- */

static int on_namespace(void *user, const struct store_namespace *row)
{
    (void)user;
    return name_is_dsl(row->name) ? registry_add_namespace(row, NULL) : -SP_ETAMPERED;
}

static int on_definition(void *user, struct slice text)
{
    return registry_add_definition(user, text);
}

struct loading {
    struct store_reader *reader;
};

int registry_load_workflow(struct store_reader *reader, const struct store_workflow *row, bool is_live,
                           struct workflow **ret)
{
    struct workflow *w = calloc(1, sizeof *w);
    char ns[64];
    if (!w)
        return -ENOMEM;
    int r = manifest_read(row->manifest, w, ns);
    if (r == 0) {
        w->id = row->id;
        w->ns = namespace_find(row->ns);
        w->is_enabled = row->is_enabled;
        w->deployed_ms = row->deployed_ms;
        memcpy(w->digest, row->digest, sizeof w->digest);
        r = w->ns ? store_definition(reader, row->digest, on_definition, w->digest) : -SP_EFORMAT;
        r = r < 0 ? r : registry_add_workflow(w, is_live);
    }
    if (r < 0) {
        manifest_release(w);
        free(w);
    } else if (ret) {
        *ret = w;
    }
    return r;
}

static int on_workflow(void *user, const struct store_workflow *row)
{
    const struct loading *loading = user;
    int r = registry_load_workflow(loading->reader, row, true, NULL);
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "engine.workflow-not-loaded", "workflow", LOG_U64(row->id), "error", error_text(r), NULL);
    return r;
}

int workflows_load(struct store_reader *reader)
{
    int r = store_namespaces(reader, on_namespace, NULL);
    return r < 0 ? r : store_workflows_live(reader, on_workflow, &(struct loading){reader});
}

/* --- keys of namespaces -------------------------------------------------------------------------------------------- */

struct unlocking {
    size_t at;
    void (*done)(int code, void *user);
    void *user;
};

static void unlock_next(struct unlocking *u);

static void on_unlocked(int code, const void *answer, void *user)
{
    struct unlocking *u = user;
    const struct msg_vault_namespace_key *m = answer;
    if (code == 0) {
        memcpy(namespaces[u->at]->key, m->key, sizeof m->key);
        namespaces[u->at++]->has_key = true;
        unlock_next(u);
        return;
    }
    log_event(LOG_LEVEL_ERROR, "engine.namespace-locked", "namespace", namespaces[u->at]->name, "error", error_text(code), NULL);
    u->done(code, u->user);
    free(u);
}

static void unlock_next(struct unlocking *u)
{
    while (u->at < n_namespaces && namespaces[u->at]->has_key)
        u->at++;
    int r = 0;
    if (u->at < n_namespaces) {
        const struct namespace *ns = namespaces[u->at];
        struct msg_vault_namespace m = {.ns = slice_text(ns->name), .wrapped = ns->wrapped_key};
        r = vault_ask_namespace(&m, on_unlocked, u);
        if (r == 0)
            return;
    }
    u->done(r, u->user);
    free(u);
}

void namespaces_unlock(void (*done)(int code, void *user), void *user)
{
    struct unlocking *u = calloc(1, sizeof *u);
    if (!u) {
        done(-ENOMEM, user);
        return;
    }
    *u = (struct unlocking){.done = done, .user = user};
    unlock_next(u);
}

/* --- a new namespace ----------------------------------------------------------------------------------------------- */

struct making {
    char name[64];
    uint8_t key[32];
    struct slice wrapped;
    int64_t at_ms;
    namespace_is *answered;
    void *user;
};

static void making_ends(struct making *m, int code, struct namespace *ns)
{
    m->answered(code, ns, m->user);
    crypto_wipe(m->key, sizeof m->key);
    slice_owned_free(&m->wrapped);
    free(m);
}

static void on_namespace_durable(int code, uint32_t id, void *user)
{
    struct making *m = user;
    struct namespace *ns = namespace_find(slice_text(m->name));
    /* Two deployments may have made it at the same time: the store let one through, and that one's key counts. */
    if (code < 0 && !ns) {
        making_ends(m, code, NULL);
        return;
    }
    if (!ns) {
        struct store_namespace row = {.id = id, .name = slice_text(m->name), .wrapped_key = m->wrapped};
        code = registry_add_namespace(&row, &ns);
        if (code == 0) {
            memcpy(ns->key, m->key, sizeof ns->key);
            ns->has_key = true;
        }
    }
    making_ends(m, ns ? 0 : code, ns);
}

static void on_key_made(int code, const void *answer, void *user)
{
    struct making *m = user;
    const struct msg_vault_namespace_key *key = answer;
    m->wrapped = code == 0 ? slice_owned(key->wrapped) : (struct slice){0};
    struct commit *c = m->wrapped.len ? commit_new(on_namespace_durable, m) : NULL;
    if (!c) {
        making_ends(m, code < 0 ? code : -SP_EOVERLOAD, NULL);
        return;
    }
    memcpy(m->key, key->key, sizeof m->key);
    struct store_namespace row = {.name = slice_text(m->name), .wrapped_key = m->wrapped, .created_ms = m->at_ms};
    commit_namespace(c, &row);
    struct audit_event e = {.action = AUDIT_NAMESPACE_CREATED, .time_ms = m->at_ms, .actor_kind = SLICE_LITERAL("server"),
                            .ns = slice_text(m->name), .object = slice_text(m->name)};
    commit_leaf(c, &e);
    commit_submit(c);
}

void namespace_ensure(struct slice name, namespace_is *answered, void *user)
{
    struct namespace *ns = namespace_find(name);
    if (ns) {
        answered(ns->has_key ? 0 : -SP_EUNAVAILABLE, ns, user);
        return;
    }
    /* What cannot be loaded at the next start must not be stored. */
    if (n_namespaces >= LIMIT_NAMESPACES) {
        answered(-SP_ELIMIT, NULL, user);
        return;
    }
    struct making *m = calloc(1, sizeof *m);
    if (!m || !name_is_dsl(name)) {
        free(m);
        answered(m ? -SP_EINVALID : -ENOMEM, NULL, user);
        return;
    }
    *m = (struct making){.at_ms = clock_wall_ms(), .answered = answered, .user = user};
    memcpy(m->name, name.p, name.len);
    struct msg_vault_namespace ask = {.ns = slice_text(m->name)};
    int r = vault_ask_namespace(&ask, on_key_made, m);
    if (r < 0)
        making_ends(m, r, NULL);
}
