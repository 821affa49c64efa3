/* deploy: workflows through the API: deploy (checked by a checker of its own), list, show, disable, enable. A deploy by the owner grants
 * what the definition declares; the leaf keeps the definition's digest, so that what was granted can be read later. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/problem.h"
#include "crypto/crypto.h"
#include "engine/commit.h"
#include "engine/checker.h"
#include "engine/manifest.h"
#include "engine/registry.h"
#include "engine/runs.h"

struct deployment {
    struct request *request;
    struct workflow *workflow; /* owned until it is registered */
    char ns[64];
    struct slice findings; /* owned; JSON array */
};

static void deployment_free(struct deployment *d)
{
    if (d->workflow) {
        manifest_release(d->workflow);
        free(d->workflow);
    }
    slice_owned_free(&d->findings);
    free(d);
}

static void fail(struct deployment *d, int code, const char *detail)
{
    respond_problem(d->request, code, "%s", detail);
    deployment_free(d);
}

static void write_workflow(struct json_writer *w, const struct workflow *workflow, const char *ns)
{
    _cleanup_buffer_ struct buffer digest = BUFFER_MAX(64);
    (void)buffer_append_hex(&digest, slice_of(workflow->digest, sizeof workflow->digest));
    json_key_text(w, "namespace", ns);
    json_key_text(w, "name", workflow->name);
    json_key_text(w, "version", workflow->version);
    json_key_string(w, "digest", buffer_slice(&digest));
    json_key_bool(w, "enabled", workflow->is_enabled);
    json_key_time(w, "deployedAt", workflow->deployed_ms);
    if (workflow->has_webhook) {
        json_key(w, "webhook");
        (void)buffer_printf(w->out, "\"/hooks/%s/%s\"", ns, workflow->name);
        w->need_comma = true;
    }
}

static void respond_workflow(struct request *r, int status, const struct workflow *workflow, const char *ns,
                             struct slice findings)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    write_workflow(&w, workflow, ns);
    if (findings.p) {
        json_key(&w, "findings");
        json_raw(&w, findings);
    } else {
        json_key(&w, "manifest");
        json_raw(&w, workflow->manifest);
    }
    json_object_end(&w);
    respond_json(r, (uint16_t)status, &body);
}

/* --- deploy -------------------------------------------------------------------------------------------------------- */

static void on_deployed(int code, uint32_t id, void *user)
{
    struct deployment *d = user;
    if (code == -SP_ECONFLICT) {
        fail(d, code, "This version is deployed already; raise document.version to deploy a change.");
        return;
    }
    if (code < 0) {
        fail(d, code, "The workflow could not be stored.");
        return;
    }
    struct workflow *w = d->workflow;
    w->id = id;
    code = registry_add_definition(w->digest, d->request->body);
    code = code < 0 ? code : registry_add_workflow(w, true);
    if (code < 0) {
        fail(d, code, "The workflow is stored, but the server has no room for it until it is restarted.");
        return;
    }
    d->workflow = NULL;
    respond_workflow(d->request, 201, w, d->ns, d->findings);
    deployment_free(d);
}

static void on_namespace(int code, struct namespace *ns, void *user)
{
    struct deployment *d = user;
    struct workflow *w = d->workflow;
    struct commit *c = code == 0 ? commit_new(on_deployed, d) : NULL;
    if (!c) {
        fail(d, code < 0 ? code : -SP_EOVERLOAD, "The namespace's key is not available now.");
        return;
    }
    w->ns = ns;
    w->is_enabled = true;
    w->deployed_ms = d->request->at_ms;
    struct slice who = slice_text(d->request->who.name);
    struct store_workflow row = {.namespace_id = ns->id, .ns = slice_text(ns->name), .name = slice_text(w->name),
                                 .version = slice_text(w->version), .manifest = w->manifest, .is_enabled = true,
                                 .deployed_ms = w->deployed_ms, .deployed_by = who};
    memcpy(row.digest, w->digest, sizeof row.digest);
    commit_workflow(c, &row, d->request->body);
    struct audit_event e = {.action = AUDIT_WORKFLOW_DEPLOYED, .time_ms = w->deployed_ms, .actor_kind = SLICE_LITERAL("principal"),
                            .actor = who, .auth = SLICE_LITERAL("token"), .ns = row.ns, .workflow = row.name,
                            .version = row.version, .definition = slice_of(w->digest, sizeof w->digest)};
    commit_leaf(c, &e);
    commit_submit(c);
}

static void respond_findings(struct deployment *d, struct slice findings)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    problem_begin(&w, -SP_EDEFINITION, "Nothing was deployed; \"findings\" says what is wrong and where.");
    json_key(&w, "findings");
    json_raw(&w, findings);
    json_object_end(&w);
    respond(d->request, (uint16_t)problem_status(-SP_EDEFINITION), PROBLEM_MEDIA_TYPE, buffer_slice(&body), (struct slice){0});
    deployment_free(d);
}

/* The checker's text becomes a part of our answer. */
static int check_findings(struct slice text)
{
    json_error_t error;
    json_t *root = json_read(text, 0, &error);
    int code = json_is_array(root) ? 0 : !root && json_read_failure(&error) == -ENOMEM ? -ENOMEM : -SP_EPROTOCOL;
    json_decref(root);
    return code;
}

static void on_checked(int code, const struct msg_checker_findings *m, void *user)
{
    struct deployment *d = user;
    if (!m) {
        fail(d, code, "The definition could not be checked: it is too costly to compile, or the checker was lost.");
        return;
    }
    int r = check_findings(m->findings);
    if (r < 0) {
        fail(d, r,
             r == -ENOMEM ? "There is no memory now for what was found."
                          : "The checker answered with findings that are malformed.");
        return;
    }
    if (code < 0) {
        respond_findings(d, m->findings);
        return;
    }
    d->findings = slice_owned(m->findings);
    d->workflow = calloc(1, sizeof *d->workflow);
    r = d->workflow ? manifest_read(m->manifest, d->workflow, d->ns) : -ENOMEM;
    if (r < 0) {
        fail(d, r, "The definition's manifest cannot be used.");
        return;
    }
    crypto_sha256(d->request->body, d->workflow->digest);
    namespace_ensure(slice_text(d->ns), on_namespace, d);
}

void api_workflows_deploy(struct request *r)
{
    if (r->body.len == 0) {
        respond_problem(r, -SP_EINVALID, "Send the text of one definition.");
        return;
    }
    struct deployment *d = calloc(1, sizeof *d);
    if (!d) {
        respond_problem(r, -SP_EOVERLOAD, "No memory for another deployment.");
        return;
    }
    d->request = r;
    int code = checker_ask(r->body, on_checked, d);
    if (code < 0)
        fail(d, code, "Too many definitions wait to be checked now.");
}

/* --- list, show ---------------------------------------------------------------------------------------------------- */

void api_workflows_list(struct request *r)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    json_key_array(&w, "workflows");
    for (const struct workflow *workflow = workflow_next(NULL); workflow; workflow = workflow_next(workflow)) {
        if (workflow_find(slice_text(workflow->ns->name), slice_text(workflow->name)) != workflow)
            continue;
        json_object_begin(&w);
        write_workflow(&w, workflow, workflow->ns->name);
        json_key_u64(&w, "activeRuns", workflow->n_runs);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    respond_json(r, 200, &body);
}

static struct workflow *named(struct request *r)
{
    struct workflow *w = workflow_find(r->params[0], r->params[1]);
    if (!w)
        respond_problem(r, -SP_ENOTFOUND, "There is no such workflow.");
    return w;
}

void api_workflows_show(struct request *r)
{
    const struct workflow *w = named(r);
    if (w)
        respond_workflow(r, 200, w, w->ns->name, (struct slice){0});
}

/* --- disable, enable ----------------------------------------------------------------------------------------------- */

struct switching {
    struct request *request;
    struct workflow *workflow;
    bool to_enabled;
};

static void on_switched(int code, uint32_t id, void *user)
{
    (void)id;
    struct switching *s = user;
    if (code < 0) {
        /* It stays stopped until the next start even if that could not be written. */
        respond_problem(s->request, code, "The change could not be stored.");
    } else {
        s->workflow->is_enabled = s->to_enabled;
        respond_workflow(s->request, 200, s->workflow, s->workflow->ns->name, (struct slice){0});
    }
    free(s);
}

static void switch_workflow(struct request *r, bool to_enabled)
{
    struct workflow *w = named(r);
    if (!w)
        return;
    struct switching *s = calloc(1, sizeof *s);
    struct commit *c = s ? commit_new(on_switched, s) : NULL;
    if (!c) {
        free(s);
        respond_problem(r, -SP_EOVERLOAD, "Too much is being written now.");
        return;
    }
    *s = (struct switching){.request = r, .workflow = w, .to_enabled = to_enabled};
    struct slice who = slice_text(r->who.name);
    if (!to_enabled) {
        w->is_enabled = false; /* at once: an incident does not wait for the disk */
        runs_cancel_workflow(w, who);
    }
    commit_workflow_enable(c, w->id, to_enabled);
    struct audit_event e = {.action = to_enabled ? AUDIT_WORKFLOW_ENABLED : AUDIT_WORKFLOW_DISABLED, .time_ms = r->at_ms,
                            .actor_kind = SLICE_LITERAL("principal"), .actor = who, .auth = SLICE_LITERAL("token"),
                            .ns = slice_text(w->ns->name), .workflow = slice_text(w->name), .version = slice_text(w->version)};
    commit_leaf(c, &e);
    commit_submit(c);
}

void api_workflows_disable(struct request *r)
{
    switch_workflow(r, false);
}

void api_workflows_enable(struct request *r)
{
    switch_workflow(r, true);
}
