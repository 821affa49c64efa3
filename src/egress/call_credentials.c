/* call_credentials: what one hop of a call needs of the vault: asked for, taken, and made known to the scrubber before the request
 * is built [I2]. Called by call.c for each hop that the grants allow, and by egress.c with the vault's answers. */
#include <errno.h>

#include "base/error.h"
#include "egress/call.h"

#define SECRET_PART 8 /* a shorter end of "name:secret" would be found in innocent text */

static int want_ask(struct call *c, size_t index)
{
    struct want *want = &c->wants.list[index];
    const struct policy_origin *origin = &c->hop.at.origin;
    struct msg_vault_use question = {
        .tag = CALL_TAG(c->place, index, c->serial),
        .ns = c->message.ns,
        .name = want->name,
        .scheme = slice_text(origin->scheme),
        .host = slice_text(origin->host),
        .port = origin->port,
        .method = slice_text(c->hop.method),
        .place = want->place,
        .form = want->form,
    };
    return c->egress->peers->ask(&question, c->egress->user);
}

void call_ask(struct call *c)
{
    const char *reason = "";
    wants_free(&c->wants);
    c->serial = ++c->egress->serial;
    int r = request_wants(&c->source, &c->hop, &c->wants, &reason);
    if (r < 0) {
        call_fail(c, r, "%s", *reason ? reason : error_text(r));
        return;
    }
    if (c->wants.n == 0) {
        call_send(c);
        return;
    }
    /* All are pending before the first question: an answer may come before the next is asked. */
    c->n_pending = c->wants.n;
    for (size_t i = 0; i < c->wants.n; i++)
        c->wants.list[i].is_pending = true;
    uint32_t serial = c->serial;
    struct egress *egress = c->egress;
    unsigned place = c->place;
    for (size_t i = 0; egress->calls[place] == c && c->serial == serial && i < c->wants.n; i++) {
        r = want_ask(c, i);
        if (r < 0) {
            call_fail_vault(c, error_text(r));
            return;
        }
    }
}

/* "name:secret" is scrubbed whole and without its name, which is no secret unless it stands alone. */
static int scrub_add_value(struct scrub *s, struct slice value)
{
    int r = scrub_add(s, value);
    struct slice name;
    if (r < 0 || !slice_split(&value, ':', &name) || (value.len && value.len < SECRET_PART))
        return r;
    return scrub_add(s, value.len ? value : name);
}

/* $authorization.parameter is what follows the scheme in the header: of Basic, base64 (RFC 7617). */
static int value_append(const struct call *c, struct want *want, struct slice value)
{
    if (want->slot == HANDLE_AUTHORIZATION && want->form == CREDENTIAL_FORM_VALUE && c->effect.auth == AUTH_BASIC)
        return buffer_append_base64(&want->value, value);
    return buffer_append_slice(&want->value, value);
}

static int want_fill(struct call *c, struct want *want, const struct msg_vault_value *value)
{
    if (value->header.len > LIMIT_NAME || (want->form == CREDENTIAL_FORM_HEADER && value->header.len == 0))
        return -SP_EPROTOCOL;
    if (value->header.len)
        memcpy(want->header, value->header.p, value->header.len);
    want->header[value->header.len] = 0;
    int r = value_append(c, want, value->value);
    if (r < 0)
        return r;
    c->used[want->slot] = true;
    if (want->form == CREDENTIAL_FORM_USERNAME)
        return 0; /* not secret, and often an ordinary word */
    return want->form == CREDENTIAL_FORM_HEADER ? scrub_add_header(c->scrub, value->value)
                                                : scrub_add_value(c->scrub, value->value);
}

void call_value(struct call *c, size_t index, const struct msg_vault_value *value)
{
    if (index >= c->wants.n || !c->wants.list[index].is_pending)
        return;
    struct want *want = &c->wants.list[index];
    int r;
    if (value->code != 0) {
        int code = value->code == -ENOMEM ? -ENOMEM : -SP_EDENIED;
        call_fail(c, code, "the credential %.*s is refused: %.*s", SLICE_ARGS(want->name), SLICE_ARGS(value->reason));
        return;
    }
    r = want_fill(c, want, value);
    if (r < 0) {
        call_fail(c, r, "the credential %.*s could not be used", SLICE_ARGS(want->name));
        return;
    }
    want->is_pending = false;
    if (--c->n_pending == 0)
        call_send(c);
}
