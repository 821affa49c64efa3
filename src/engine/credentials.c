/* credentials: set (sealed by the client to the vault, wrapped by the vault, stored here), list, revoke. The engine carries
 * ciphertext only. A revocation reaches the vault before anything else: the credential is dead even if the disk fails. */
#include "engine/credentials.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/commit.h"
#include "engine/peers.h"
#include "engine/registry.h"

struct credential {
    char ns[64], name[LIMIT_NAME], set_by[LIMIT_NAME];
    uint64_t version;
    uint8_t kind;
    bool is_revoked, is_busy, is_revoking;
    int64_t set_ms;
    struct slice policy, wrapped; /* owned */
};

static struct credential *credentials[LIMIT_CREDENTIALS];
static size_t n_credentials;
static struct identity identity;
static bool has_identity;

/* --- the table ----------------------------------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, struct slice s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = 0;
}

static struct credential *find(struct slice ns, struct slice name)
{
    for (size_t i = 0; i < n_credentials; i++)
        if (slice_is(ns, credentials[i]->ns) && slice_is(name, credentials[i]->name))
            return credentials[i];
    return NULL;
}

static struct credential *find_or_add(struct slice ns, struct slice name)
{
    struct credential *c = find(ns, name);
    if (c || n_credentials == LIMIT_CREDENTIALS)
        return c;
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    copy_text(c->ns, sizeof c->ns, ns);
    copy_text(c->name, sizeof c->name, name);
    c->is_revoked = true; /* until it is set */
    credentials[n_credentials++] = c;
    return c;
}

static void take(struct slice *place, struct slice *owned)
{
    slice_owned_free(place);
    *place = *owned;
    *owned = (struct slice){0};
}

static bool replace(struct slice *place, struct slice s)
{
    struct slice copy = slice_owned(s);
    take(place, &copy);
    return place->p;
}

/* What is shown of it is what its row says: a kind that there is, a policy in JSON. Whether they are those that were set is for the
 * vault to find, which opens the value for no others. */
static bool is_sound(const struct store_credential *row)
{
    json_t *policy = json_read(row->policy, 0, NULL);
    bool is_object = json_is_object(policy);
    json_decref(policy);
    return is_object && credential_kind_text(row->kind) && name_is_dsl(row->ns) && name_is_credential(row->name);
}

static int on_row(void *user, const struct store_credential *row)
{
    (void)user;
    if (!is_sound(row))
        return -SP_ETAMPERED;
    struct credential *c = find_or_add(row->ns, row->name);
    if (!c)
        return -SP_ELIMIT;
    c->version = row->version;
    c->kind = row->kind;
    c->is_revoked = row->is_revoked;
    c->set_ms = row->set_ms;
    copy_text(c->set_by, sizeof c->set_by, row->set_by);
    return replace(&c->policy, row->policy) && replace(&c->wrapped, row->wrapped) ? 0 : -ENOMEM;
}

int credentials_load(struct store_reader *reader)
{
    return store_credentials(reader, on_row, NULL);
}

/* --- the vault's start --------------------------------------------------------------------------------------------- */

struct unlocking {
    size_t at;
    void (*done)(int code, void *user);
    void *user;
};

static void unlock_next(struct unlocking *u);

static void on_loaded(int code, const void *answer, void *user)
{
    struct unlocking *u = user;
    const struct credential *c = credentials[u->at];
    (void)answer;
    /* One altered credential must not keep the others from working: it stays unusable, and the log says so. */
    if (code < 0)
        log_event(LOG_LEVEL_ERROR, "engine.credential-not-loaded", "namespace", c->ns, "name", c->name, "error",
                  error_text(code), NULL);
    if (code == -SP_EUNAVAILABLE) {
        u->done(code, u->user);
        free(u);
        return;
    }
    u->at++;
    unlock_next(u);
}

static void unlock_next(struct unlocking *u)
{
    int r = 0;
    /* One whose revocation is under way would come to life again behind it. */
    while (u->at < n_credentials && (credentials[u->at]->is_revoked || credentials[u->at]->is_revoking))
        u->at++;
    if (u->at < n_credentials) {
        const struct credential *c = credentials[u->at];
        struct msg_vault_load m = {.ns = slice_text(c->ns), .name = slice_text(c->name), .version = c->version,
                                   .wrapped = c->wrapped};
        r = vault_ask_load(&m, on_loaded, u);
        if (r == 0)
            return;
    }
    u->done(r, u->user);
    free(u);
}

void credentials_unlock(void (*done)(int code, void *user), void *user)
{
    struct unlocking *u = calloc(1, sizeof *u);
    if (!u) {
        done(-ENOMEM, user);
        return;
    }
    *u = (struct unlocking){.done = done, .user = user};
    unlock_next(u);
}

struct learning {
    void (*done)(int code, void *user);
    void *user;
};

static void on_identity(int code, const void *answer, void *user)
{
    struct learning *l = user;
    const struct msg_vault_identity *m = answer;
    if (code == 0) {
        memcpy(identity.box_public, m->box_public, sizeof identity.box_public);
        memcpy(identity.audit_public, m->audit_public, sizeof identity.audit_public);
        copy_text(identity.origin, sizeof identity.origin, m->origin);
        has_identity = true;
    }
    l->done(code, l->user);
    free(l);
}

void identity_learn(void (*done)(int code, void *user), void *user)
{
    struct learning *l = calloc(1, sizeof *l);
    if (l)
        *l = (struct learning){done, user};
    int r = l ? vault_ask_identity(on_identity, l) : -ENOMEM;
    if (r < 0) {
        free(l);
        done(r, user);
    }
}

const struct identity *identity_of_vault(void)
{
    return has_identity ? &identity : NULL;
}

void api_identity(struct request *r)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_TEXT), key = BUFFER_MAX(64);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    (void)buffer_append_base64(&key, slice_of(identity.box_public, sizeof identity.box_public));
    json_key_string(&w, "boxPublic", buffer_slice(&key));
    buffer_clear(&key);
    (void)buffer_append_base64(&key, slice_of(identity.audit_public, sizeof identity.audit_public));
    json_key_string(&w, "auditPublic", buffer_slice(&key));
    json_key_text(&w, "origin", identity.origin);
    json_object_end(&w);
    respond_json(r, 200, &body);
}

/* --- set ----------------------------------------------------------------------------------------------------------- */

struct setting {
    struct request *request;
    struct credential *credential;
    uint8_t kind;
    struct slice policy, wrapped; /* owned */
    struct buffer box;
    bool is_revocation;
};

static void setting_ends(struct setting *s, int code, const char *detail)
{
    if (s->credential)
        s->credential->is_busy = s->credential->is_revoking = false;
    if (code < 0) {
        respond_problem(s->request, code, "%s", detail);
    } else {
        must(s->credential);
        _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_TEXT);
        struct json_writer w = JSON_WRITER(&body);
        json_object_begin(&w);
        json_key_text(&w, "namespace", s->credential->ns);
        json_key_text(&w, "name", s->credential->name);
        json_key_u64(&w, "version", s->credential->version);
        json_key_text(&w, "state", s->credential->is_revoked ? "revoked" : "active");
        json_object_end(&w);
        respond_json(s->request, 200, &body);
    }
    slice_owned_free(&s->policy);
    slice_owned_free(&s->wrapped);
    buffer_free(&s->box);
    free(s);
}

static void on_active(int code, const void *answer, void *user)
{
    (void)answer;
    setting_ends(user, code, "The credential is stored, but the vault did not take it up; it will at its next start.");
}

static void on_stored(int code, uint32_t id, void *user)
{
    (void)id;
    struct setting *s = user;
    struct credential *c = s->credential;
    if (code < 0) {
        setting_ends(s, code, "The credential could not be stored.");
        return;
    }
    c->version++;
    c->kind = s->kind;
    c->is_revoked = false;
    c->set_ms = s->request->at_ms;
    copy_text(c->set_by, sizeof c->set_by, slice_text(s->request->who.name));
    /* Not copies: it is on disk, and memory must not be what is missing now. */
    take(&c->policy, &s->policy);
    take(&c->wrapped, &s->wrapped);
    struct msg_vault_load m = {.ns = slice_text(c->ns), .name = slice_text(c->name), .version = c->version, .wrapped = c->wrapped};
    code = vault_ask_load(&m, on_active, s);
    if (code < 0)
        on_active(code, NULL, s);
}

static void on_wrapped(int code, const void *answer, void *user)
{
    struct setting *s = user;
    const struct msg_vault_wrapped *m = answer;
    struct credential *credential = s->credential;
    if (code < 0) {
        char reason[512] = "The vault cannot take the credential now.";
        if (m && m->reason.len)
            copy_text(reason, sizeof reason, m->reason);
        setting_ends(s, code, reason);
        return;
    }
    s->wrapped = slice_owned(m->wrapped);
    struct commit *c = s->wrapped.p ? commit_new(on_stored, s) : NULL;
    if (!c) {
        setting_ends(s, -SP_EOVERLOAD, "Too much is being written now.");
        return;
    }
    struct slice who = slice_text(s->request->who.name);
    struct store_credential row = {.ns = slice_text(credential->ns), .name = slice_text(credential->name),
                                   .version = credential->version + 1, .kind = s->kind, .policy = s->policy,
                                   .wrapped = s->wrapped, .set_ms = s->request->at_ms, .set_by = who};
    commit_credential(c, &row);
    char version[24];
    (void)snprintf(version, sizeof version, "%llu", (unsigned long long)row.version);
    struct audit_event e = {.action = AUDIT_CREDENTIAL_SET, .time_ms = row.set_ms, .actor_kind = SLICE_LITERAL("principal"),
                            .actor = who, .auth = SLICE_LITERAL("token"), .ns = row.ns, .object = row.name,
                            .version = slice_text(version)};
    commit_leaf(c, &e);
    commit_submit(c);
}

static int read_body(struct setting *s)
{
    const json_t *kind = json_object_get(s->request->json, "kind"), *box = json_object_get(s->request->json, "box");
    const json_t *policy = json_object_get(s->request->json, "policy");
    s->kind = (uint8_t)credential_kind_parse(slice_of(json_string_value(kind), json_string_length(kind)));
    s->policy = slice_text(policy ? json_dumps(policy, JSON_COMPACT | JSON_SORT_KEYS) : strdup("{}"));
    return s->policy.p ? buffer_append_base64_decoded(&s->box, slice_of(json_string_value(box), json_string_length(box))) : -ENOMEM;
}

static void on_namespace(int code, struct namespace *ns, void *user)
{
    struct setting *s = user;
    const struct request *r = s->request;
    if (code < 0) {
        setting_ends(s, code, "The namespace cannot be used.");
        return;
    }
    s->credential = find_or_add(slice_text(ns->name), r->params[1]);
    if (!s->credential || s->credential->is_busy) {
        int why = s->credential ? -SP_ECONFLICT : n_credentials == LIMIT_CREDENTIALS ? -SP_ELIMIT : -ENOMEM;
        s->credential = NULL;
        setting_ends(s, why, why == -SP_ECONFLICT ? "The credential is being changed already."
                             : why == -SP_ELIMIT  ? "There are too many credentials."
                                                  : "There is no memory now for another credential.");
        return;
    }
    s->credential->is_busy = true;
    struct msg_vault_wrap m = {.ns = slice_text(ns->name), .name = slice_text(s->credential->name),
                               .version = s->credential->version + 1, .kind = s->kind, .policy = s->policy,
                               .box = buffer_slice(&s->box)};
    code = vault_ask_wrap(&m, on_wrapped, s);
    if (code < 0)
        setting_ends(s, code, "The vault cannot take the credential now.");
}

void api_secrets_set(struct request *r)
{
    struct setting *s = calloc(1, sizeof *s);
    if (!s || !name_is_credential(r->params[1])) {
        free(s);
        respond_problem(r, s ? -SP_EINVALID : -SP_EOVERLOAD,
                        "A credential's name is 1 to 64 letters, digits, \".\", \"_\" and \"-\".");
        return;
    }
    s->request = r;
    s->box = BUFFER_MAX(LIMIT_CREDENTIAL + 128);
    int code = read_body(s);
    if (code < 0)
        setting_ends(s, code, "\"/box\" of the body has to be the sealed value in base64.");
    else
        namespace_ensure(r->params[0], on_namespace, s);
}

/* --- list and revoke ----------------------------------------------------------------------------------------------- */

void api_secrets_list(struct request *r)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    json_key_array(&w, "secrets");
    for (size_t i = 0; i < n_credentials; i++) {
        const struct credential *c = credentials[i];
        if (c->version == 0)
            continue;
        json_object_begin(&w);
        json_key_text(&w, "namespace", c->ns);
        json_key_text(&w, "name", c->name);
        json_key_text(&w, "kind", credential_kind_text(c->kind));
        json_key_u64(&w, "version", c->version);
        json_key_text(&w, "state", c->is_revoked ? "revoked" : "active");
        json_key(&w, "policy");
        json_raw(&w, c->policy);
        json_key_time(&w, "setAt", c->set_ms);
        json_key_text(&w, "setBy", c->set_by);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    respond_json(r, 200, &body);
}

static void on_revocation_stored(int code, uint32_t id, void *user)
{
    (void)id;
    struct setting *s = user;
    if (code == 0)
        slice_owned_free(&s->credential->wrapped);
    setting_ends(s, code, "The credential no longer works, but that could not be written; revoke it again.");
}

static void on_revoked(int code, const void *answer, void *user)
{
    (void)answer;
    struct setting *s = user;
    if (code < 0 && code != -SP_ENOTFOUND) {
        setting_ends(s, code, "The vault could not be told; try again.");
        return;
    }
    s->credential->is_revoked = true;
    struct commit *c = commit_new(on_revocation_stored, s);
    if (!c) {
        setting_ends(s, -SP_EOVERLOAD, "The credential no longer works, but that could not be written; revoke it again.");
        return;
    }
    struct slice who = slice_text(s->request->who.name);
    struct store_credential row = {.ns = slice_text(s->credential->ns), .name = slice_text(s->credential->name),
                                   .set_ms = s->request->at_ms, .set_by = who};
    commit_credential_revoke(c, &row);
    struct audit_event e = {.action = AUDIT_CREDENTIAL_REVOKED, .time_ms = row.set_ms, .actor_kind = SLICE_LITERAL("principal"),
                            .actor = who, .auth = SLICE_LITERAL("token"), .ns = row.ns, .object = row.name};
    commit_leaf(c, &e);
    commit_submit(c);
}

void api_secrets_revoke(struct request *r)
{
    struct credential *c = find(r->params[0], r->params[1]);
    /* While its blob is here a revocation is not on disk yet: it may be tried again. */
    if (!c || c->version == 0 || (c->is_revoked && c->wrapped.len == 0)) {
        respond_problem(r, -SP_ENOTFOUND, "There is no such credential.");
        return;
    }
    struct setting *s = c->is_busy ? NULL : calloc(1, sizeof *s);
    if (!s) {
        respond_problem(r, -SP_ECONFLICT, "The credential is being changed already.");
        return;
    }
    *s = (struct setting){.request = r, .credential = c};
    c->is_busy = c->is_revoking = true;
    struct msg_vault_revoke m = {.ns = slice_text(c->ns), .name = slice_text(c->name)};
    int code = vault_ask_revoke(&m, on_revoked, s);
    if (code < 0)
        setting_ends(s, code, "The vault could not be told; try again.");
}
