/* api_audit: leaves of the audit log, and proofs that a run's leaves are in it. Looking at the log leaves a leaf too. */
#include <stdlib.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "engine/credentials.h"
#include "engine/look.h"
#include "engine/query.h"
#include "engine/request.h"
#include "engine/slow.h"
#include "store/audit.h"

#define LAST_LEAVES UINT64_MAX /* `from` of who does not say it */
#define NO_LEAF     UINT64_MAX

struct leaves {
    struct request *request;
    uint64_t from, limit, size;
    uint64_t damaged; /* the leaf that is none, at -SP_ETAMPERED */
    struct buffer body;
    struct json_writer writer;
    int code;
};

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct leaves *l = user;
    json_t *json = json_read(leaf, 0, NULL);
    bool is_object = json_is_object(json);
    json_decref(json);
    /* It goes out as it stands in the table. */
    if (!is_object) {
        l->damaged = index;
        return -SP_ETAMPERED;
    }
    json_object_begin(&l->writer);
    json_key_u64(&l->writer, "index", index);
    json_key(&l->writer, "leaf");
    json_raw(&l->writer, leaf);
    json_object_end(&l->writer);
    return buffer_error(&l->body);
}

static void leaves_work(struct store_reader *reader, void *user)
{
    struct leaves *l = user;
    l->code = store_leaf_count(reader, &l->size);
    if (l->code < 0)
        return;
    if (l->from == LAST_LEAVES)
        l->from = l->size > l->limit ? l->size - l->limit : 0;
    uint64_t to = l->size - (l->from < l->size ? l->from : l->size) > l->limit ? l->from + l->limit : l->size;
    if (l->from < to)
        l->code = store_leaves(reader, l->from, to, on_leaf, l);
}

static void leaves_done(void *user)
{
    struct leaves *l = user;
    json_array_end(&l->writer);
    json_key_u64(&l->writer, "size", l->size);
    json_object_end(&l->writer);
    if (l->code == -SP_ETAMPERED && l->damaged != NO_LEAF)
        respond_problem(l->request, l->code, "Leaf %llu of the log is damaged.", (unsigned long long)l->damaged);
    else if (l->code < 0)
        respond_problem(l->request, l->code, "The log could not be read.");
    else if (look_record(l->request, AUDIT_AUDIT_READ, (struct run_id){0}, (struct slice){0}))
        respond_json(l->request, 200, &l->body);
    buffer_free(&l->body);
    free(l);
}

void api_audit_leaves(struct request *r)
{
    struct leaves *l = calloc(1, sizeof *l);
    if (l) {
        *l = (struct leaves){.request = r,
                             .from = request_query_number(r, "from", LAST_LEAVES),
                             .limit = request_query_number(r, "limit", 0),
                             .damaged = NO_LEAF,
                             .body = BUFFER_MAX(LIMIT_BODY)};
        l->writer = JSON_WRITER(&l->body);
        json_object_begin(&l->writer);
        json_key_array(&l->writer, "leaves");
    }
    if (l && slow_submit(leaves_work, leaves_done, l) == 0)
        return;
    if (l)
        buffer_free(&l->body);
    free(l);
    respond_problem(r, -SP_EOVERLOAD, "Too much is being read now.");
}

/* --- proofs -------------------------------------------------------------------------------------------------------- */

struct proof {
    struct request *request;
    struct run_id id;
    struct buffer file;
    struct diag diag;
    int code;
};

static void proof_work(struct store_reader *reader, void *user)
{
    struct proof *p = user;
    const struct identity *identity = identity_of_vault();
    struct audit_key key = {.origin = slice_text(identity->origin)};
    memcpy(key.public_key, identity->audit_public, sizeof key.public_key);
    p->code = store_run_proof(reader, p->id, RUN_GONE_IS_UNKNOWN, &key, &p->file, &p->diag);
}

static void proof_done(void *user)
{
    struct proof *p = user;
    const char *more = buffer_error(&p->file) == -SP_ELIMIT ? "; `sallyport audit proof ID --data DIR` has more, where the database is" : "";
    if (p->code == -SP_ENOTFOUND && !p->diag.code)
        respond_problem(p->request, p->code, "There is no such run.");
    else if (p->code < 0)
        respond_problem(p->request, p->code, "No proof: %s%s.", p->diag.code ? p->diag.text : error_text(p->code), more);
    else if (look_record(p->request, AUDIT_AUDIT_READ, (struct run_id){0}, (struct slice){0}))
        respond_json(p->request, 200, &p->file);
    buffer_free(&p->file);
    free(p);
}

void api_runs_proof(struct request *r)
{
    struct proof *p = calloc(1, sizeof *p);
    if (p)
        *p = (struct proof){.request = r, .file = BUFFER_MAX(LIMIT_BODY)};
    if (!p || !identity_of_vault() || run_id_parse(r->params[0], &p->id) < 0) {
        respond_problem(r, p ? -SP_ENOTFOUND : -SP_EOVERLOAD, "There is no such run.");
    } else if (slow_submit(proof_work, proof_done, p) == 0) {
        return;
    } else {
        respond_problem(r, -SP_EOVERLOAD, "Too much is being read now.");
    }
    free(p);
}
