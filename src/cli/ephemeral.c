/* ephemeral: configures and starts the roles of `sallyport run`, and asks the engine. Must hold: root key and token are in
 * memory only, and of this run only. */
#include "cli/ephemeral.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/id.h"
#include "base/json_writer.h"
#include "cli/local.h"
#include "crypto/crypto.h"
#include "crypto/root_key.h"
#include "policy/origin.h"
#include "supervisor/files.h"
#include "supervisor/route.h"

struct ephemeral {
    struct local *local;
    uint64_t tag;
    struct buffer authorization; /* "Bearer …" */
};

static int give_root_key(struct supervisor *s)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(ROOT_KEY_FILE_MAX);
    text.secret = true;
    _cleanup_close_ int fd = memfd_create("root-key", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = root_key_create((struct slice){NULL, 0}, &text);
    if (r == 0 && write(fd, text.p, text.len) != (ssize_t)text.len)
        r = -EIO;
    return r < 0 ? r : supervisor_give_file(s, ROLE_VAULT, CONTROL_FILE_ROOT_KEY, 0, fd);
}

static int configure_engine(struct supervisor *s, const struct ephemeral_options *o, struct slice token,
                            struct diag *reterr)
{
    struct policy_origin origin;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
    b.secret = true;
    struct json_writer w = JSON_WRITER(&b);
    json_object_begin(&w);
    json_key_bool(&w, "ephemeral", true);
    json_key_string(&w, "owner", token);
    json_key_u64(&w, "workers", 1);
    if (o->n_allow) {
        json_key_array(&w, "allow");
        for (unsigned i = 0; i < o->n_allow; i++) {
            if (policy_origin_parse(slice_text(o->allow[i]), &origin, NULL) < 0)
                return diag_set(reterr, -SP_EINVALID, "--allow: SCHEME://HOST[:PORT], not %s", o->allow[i]);
            json_text(&w, o->allow[i]);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    return buffer_error(&b) ? buffer_error(&b) : supervisor_configure(s, ROLE_ENGINE, buffer_slice(&b));
}

static int configure_egress(struct supervisor *s, const struct ephemeral_options *o, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
    struct json_writer w = JSON_WRITER(&b);
    json_object_begin(&w);
    json_key_array(&w, "connectTo");
    for (unsigned i = 0; i < o->n_connect_to; i++) {
        if (route_check(o->connect_to[i]) < 0)
            return diag_set(reterr, -SP_EINVALID, "--connect-to: HOST:PORT:ADDRESS:PORT, not %s", o->connect_to[i]);
        route_write(&w, o->connect_to[i]);
    }
    json_array_end(&w);
    json_object_end(&w);
    int r = buffer_error(&b) ? buffer_error(&b) : supervisor_configure(s, ROLE_EGRESS, buffer_slice(&b));
    _cleanup_close_ int fd = -1;
    if (r == 0 && o->ca_file)
        r = files_open_public(o->ca_file, &fd, reterr);
    return r < 0 || fd < 0 ? r : supervisor_give_file(s, ROLE_EGRESS, CONTROL_FILE_CA_BUNDLE, 0, fd);
}

static int configure(struct ephemeral *e, const struct ephemeral_options *o, struct diag *reterr)
{
    struct supervisor *s = local_supervisor(e->local);
    uint8_t random[32];
    _cleanup_buffer_ struct buffer token = BUFFER_MAX(128);
    token.secret = true;
    random_bytes(random, sizeof random);
    (void)buffer_append_text(&token, "spt_");
    (void)buffer_append_hex(&token, slice_of(random, sizeof random));
    (void)buffer_append_text(&e->authorization, "Bearer ");
    (void)buffer_append_slice(&e->authorization, buffer_slice(&token));
    int r = give_root_key(s);
    if (r == 0)
        r = supervisor_configure(s, ROLE_VAULT, SLICE_LITERAL("{}"));
    if (r == 0)
        r = supervisor_configure(s, ROLE_WORKER, SLICE_LITERAL("{}"));
    if (r == 0)
        r = configure_engine(s, o, buffer_slice(&token), reterr);
    if (r == 0)
        r = configure_egress(s, o, reterr);
    return r < 0 && !reterr->code ? diag_set(reterr, r, "the roles cannot be configured: %s", error_text(r)) : r;
}

int ephemeral_new(const struct ephemeral_options *o, struct ephemeral **ret, struct diag *reterr)
{
    const uint32_t roles = 1u << ROLE_ENGINE | 1u << ROLE_VAULT | 1u << ROLE_EGRESS | 1u << ROLE_WORKER |
                           1u << ROLE_CHECKER;
    struct ephemeral *e = calloc(1, sizeof *e);
    if (!e)
        return diag_set(reterr, -ENOMEM, "%s", error_text(-ENOMEM));
    e->authorization = BUFFER_MAX(256);
    e->authorization.secret = true;
    int r = crypto_init();
    if (r == 0)
        r = local_new(ROLE_GATEWAY, ROLE_ENGINE, roles, o->verbose, &e->local, reterr);
    if (r == 0)
        r = configure(e, o, reterr);
    if (r == 0)
        r = local_start(e->local, reterr);
    if (r < 0) {
        ephemeral_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

void ephemeral_free(struct ephemeral *e)
{
    if (!e)
        return;
    local_free(e->local);
    buffer_free(&e->authorization);
    free(e);
}

int ephemeral_request(struct ephemeral *e, enum http_method method, const char *path, const char *content_type,
                      struct slice body, unsigned *ret_status, struct slice *ret_body, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_HEADERS);
    headers.secret = true;
    wire_pairs_put(&headers, SLICE_LITERAL("authorization"), buffer_slice(&e->authorization));
    if (content_type)
        wire_pairs_put(&headers, SLICE_LITERAL("content-type"), slice_text(content_type));
    const struct msg_http_request request = {.tag = ++e->tag, .method = (uint8_t)method, .path = slice_text(path),
                                             .headers = buffer_slice(&headers), .body = body, .is_tls = 1,
                                             .peer = {[10] = 0xFF, 0xFF, 127, 0, 0, 1}};
    struct msg_http_response response;
    struct slice payload;
    int r = local_ask(e->local, WIRE_HTTP_REQUEST, (channel_encoder *)wire_encode_http_request, &request, WIRE_HTTP_RESPONSE,
                      &payload, reterr);
    if (r < 0)
        return r;
    r = wire_decode_http_response(payload, &response);
    if (r < 0 || response.tag != e->tag)
        return diag_set(reterr, -SP_EPROTOCOL, "the engine's answer cannot be read");
    *ret_status = response.status;
    *ret_body = response.body;
    return 0;
}
