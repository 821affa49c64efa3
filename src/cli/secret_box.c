/* secret_box: builds the request that stores a credential. Called by `secrets set` and `run --secret`. Must hold: the value is
 * in no buffer that is not wiped. */
#include "cli/secret_box.h"

#include "base/error.h"
#include "base/json_writer.h"
#include "crypto/credential_box.h"

static void write_list(struct json_writer *w, const char *key, const char *const *texts, unsigned n)
{
    if (n == 0)
        return;
    json_key_array(w, key);
    for (unsigned i = 0; i < n; i++)
        json_text(w, texts[i]);
    json_array_end(w);
}

/* Canonical, as the vault will see it: minimal, keys in order. */
static void write_policy(const struct secret_box *box, struct buffer *ret)
{
    struct json_writer w = JSON_WRITER(ret);
    json_object_begin(&w);
    if (box->header)
        json_key_text(&w, "header", box->header);
    write_list(&w, "methods", box->methods, box->n_methods);
    write_list(&w, "origins", box->origins, box->n_origins);
    write_list(&w, "places", box->places, box->n_places);
    json_object_end(&w);
}

int secret_box_body(const struct secret_box *box, struct slice box_public, struct slice value, struct buffer *ret,
                    struct diag *reterr)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(CRYPTO_KEY_LEN), sealed = BUFFER_MAX(LIMIT_CREDENTIAL + 128),
                                   text = BUFFER_MAX(2 * LIMIT_CREDENTIAL), policy = BUFFER_MAX(LIMIT_CONFIG);
    if (buffer_append_base64_decoded(&key, box_public) < 0 || key.len != CRYPTO_KEY_LEN)
        return diag_set(reterr, -SP_EPROTOCOL, "the server's public key is malformed");
    if (value.len == 0 || value.len > LIMIT_CREDENTIAL)
        return diag_set(reterr, -SP_EINVALID, "a credential has from 1 to %u bytes", LIMIT_CREDENTIAL);
    write_policy(box, &policy);
    struct credential_purpose purpose = {box->ns, box->name, slice_text(box->kind), buffer_slice(&policy)};
    int r = buffer_error(&policy) ? buffer_error(&policy) : credential_box_seal(key.p, &purpose, value, &sealed);
    if (r < 0)
        return diag_set(reterr, r, "the value cannot be sealed: %s", error_text(r));
    (void)buffer_append_base64(&text, buffer_slice(&sealed));
    struct json_writer w = JSON_WRITER(ret);
    json_object_begin(&w);
    json_key_text(&w, "kind", box->kind);
    json_key(&w, "policy");
    json_raw(&w, buffer_slice(&policy));
    json_key_string(&w, "box", buffer_slice(&text));
    json_object_end(&w);
    return buffer_error(ret) ? diag_set(reterr, buffer_error(ret), "%s", error_text(buffer_error(ret))) : 0;
}
