/* credential: wrap, unwrap, use. Holds: a wrapped credential opens only under its root key, for its namespace, name and
 * version, with the kind and policy that it was wrapped with; kind webhook-key is never released [I2]; every release asks
 * the policy again. Called by serve.c.
 *
 * Content of the blob: u8 kind · bytes policy · bytes username · bytes value (wire codec). Its associated data: str namespace ·
 * str name · u64 version. */
#include "vault/credential.h"

#include <errno.h>

#include "base/error.h"
#include "base/id.h"
#include "crypto/credential_box.h"
#include "vault/value.h"
#include "wire/codec.h"

#define CONTENT_MAX (LIMIT_CREDENTIAL_POLICY + LIMIT_CREDENTIAL + 64)

static void label_ad(const struct credential_label *label, struct buffer *ret)
{
    wire_put_bytes(ret, label->ns, LIMIT_NAME);
    wire_put_bytes(ret, label->name, LIMIT_NAME);
    wire_put_u64(ret, label->version);
}

static int check_label(const struct credential_label *label, struct diag *reterr)
{
    if (!name_is_dsl(label->ns) || !name_is_credential(label->name))
        return diag_set(reterr, -SP_EINVALID, "the name of the namespace or the credential is not valid");
    return 0;
}

/* --- wrap -------------------------------------------------------------------------------------------------------------- */

/* The box says itself what the value is for: the engine, which passes name and policy on, is not believed. */
static int open_box(const struct vault_keys *keys, const struct credential_label *label, enum credential_kind kind,
                    struct slice policy, struct slice box, struct buffer *ret, struct diag *reterr)
{
    struct credential_purpose purpose = {label->ns, label->name, slice_text(credential_kind_text((int)kind)), policy};
    int r = credential_box_open(keys->box_seed, &purpose, box, ret);
    if (r == -SP_EINVALID)
        return diag_set(reterr, r, "the value was sealed for another name, kind or policy");
    return r < 0 ? diag_set(reterr, r == -SP_ETAMPERED ? -SP_EINVALID : r,
                            "the value is not sealed to this server's public key")
                 : 0;
}

static int check_policy(struct slice json, enum credential_kind kind, struct diag *reterr)
{
    struct credential_policy policy;
    int r = credential_policy_parse(json, kind, &policy, reterr);
    if (r == 0)
        credential_policy_clear(&policy);
    return r;
}

int credential_wrap(const struct vault_keys *keys, const struct credential_label *label, enum credential_kind kind,
                    struct slice policy, struct slice box, struct buffer *ret, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer opened = {.max = LIMIT_CREDENTIAL, .secret = true};
    _cleanup_buffer_ struct buffer username = {.max = LIMIT_CREDENTIAL, .secret = true};
    _cleanup_buffer_ struct buffer value = {.max = LIMIT_CREDENTIAL, .secret = true};
    _cleanup_buffer_ struct buffer content = {.max = CONTENT_MAX, .secret = true};
    _cleanup_buffer_ struct buffer ad = BUFFER_MAX(512);
    int r = check_label(label, reterr);
    if (r == 0)
        r = open_box(keys, label, kind, policy, box, &opened, reterr);
    if (r == 0)
        r = value_check(kind, buffer_slice(&opened), &username, &value, reterr);
    if (r == 0)
        r = check_policy(policy, kind, reterr);
    if (r < 0)
        return r;
    label_ad(label, &ad);
    wire_put_u8(&content, (uint8_t)kind);
    wire_put_bytes(&content, policy, LIMIT_CREDENTIAL_POLICY);
    wire_put_bytes(&content, buffer_slice(&username), LIMIT_CREDENTIAL);
    wire_put_bytes(&content, buffer_slice(&value), LIMIT_CREDENTIAL);
    r = buffer_error(&content) ? buffer_error(&content) : buffer_error(&ad);
    if (r == 0)
        r = blob_seal(keys, BLOB_CREDENTIAL, buffer_slice(&ad), buffer_slice(&content), ret);
    return r < 0 ? diag_set(reterr, r, "the credential could not be wrapped: %s", error_text(r)) : 0;
}

/* --- unwrap ------------------------------------------------------------------------------------------------------------ */

void credential_free(struct credential *c)
{
    if (!c)
        return;
    credential_policy_clear(&c->policy);
    secret_free(c->value);
    free(c);
}

static int read_content(struct slice content, struct credential *c, struct diag *reterr)
{
    struct wire_reader reader = WIRE_READER(content);
    uint8_t kind = wire_get_u8(&reader);
    struct slice policy = wire_get_bytes(&reader, LIMIT_CREDENTIAL_POLICY);
    struct slice username = wire_get_bytes(&reader, LIMIT_CREDENTIAL);
    struct slice value = wire_get_bytes(&reader, LIMIT_CREDENTIAL);
    int r = wire_reader_end(&reader);
    if (r < 0 || !credential_kind_text(kind))
        return diag_set(reterr, -SP_EFORMAT, "the wrapped credential is of another version");
    c->kind = (enum credential_kind)kind;
    r = credential_policy_parse(policy, c->kind, &c->policy, reterr);
    if (r < 0)
        return r;
    c->value = secret_new(username.len + value.len);
    if (!c->value)
        return diag_set(reterr, -ENOMEM, "there is no memory for the credential");
    c->username_len = username.len;
    memcpy(secret_bytes(c->value), username.p, username.len);
    memcpy(secret_bytes(c->value) + username.len, value.p, value.len);
    return 0;
}

int credential_unwrap(const struct vault_keys *keys, const struct credential_label *label, struct slice wrapped,
                      struct credential **ret, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer content = {.max = CONTENT_MAX, .secret = true};
    _cleanup_buffer_ struct buffer ad = BUFFER_MAX(512);
    int r = check_label(label, reterr);
    if (r < 0)
        return r;
    label_ad(label, &ad);
    r = buffer_error(&ad);
    r = r < 0 ? r : blob_open(keys, BLOB_CREDENTIAL, buffer_slice(&ad), wrapped, &content);
    _cleanup_credential_ struct credential *c = calloc(1, sizeof *c);
    if (r == -ENOMEM || !c)
        return diag_set(reterr, -ENOMEM, "there is no memory for the credential");
    if (r < 0)
        return diag_set(reterr, r, r == -SP_EKEY ? "the credential was wrapped under another root key"
                                                 : "the wrapped credential was altered or moved");
    r = read_content(buffer_slice(&content), c, reterr);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(c);
    return 0;
}

/* --- use --------------------------------------------------------------------------------------------------------------- */

static struct slice username_of(const struct credential *c)
{
    return slice_of(secret_slice(c->value).p, c->username_len);
}

static struct slice value_of(const struct credential *c)
{
    struct slice all = secret_slice(c->value);
    return slice_of(all.p + c->username_len, all.len - c->username_len);
}

static void append_pair(const struct credential *c, struct buffer *ret)
{
    buffer_append_slice(ret, username_of(c));
    buffer_append_byte(ret, ':');
    buffer_append_slice(ret, value_of(c));
}

static int use_header(const struct credential *c, struct slice *ret_header, struct buffer *ret_value, struct diag *reterr)
{
    struct slice header = SLICE_LITERAL("Authorization");
    if (c->kind == CREDENTIAL_BEARER) {
        buffer_append_text(ret_value, "Bearer ");
        buffer_append_slice(ret_value, value_of(c));
    } else if (c->kind == CREDENTIAL_BASIC) {
        _cleanup_buffer_ struct buffer pair = {.max = LIMIT_CREDENTIAL, .secret = true};
        append_pair(c, &pair);
        buffer_append_text(ret_value, "Basic ");
        buffer_append_base64(ret_value, buffer_slice(&pair));
        if (buffer_error(&pair) < 0)
            return buffer_error(&pair);
    } else {
        header = slice_text(c->policy.header);
        if (header.len == 0)
            return diag_set(reterr, -SP_EDENIED, "its policy names no header");
        buffer_append_slice(ret_value, value_of(c));
    }
    *ret_header = header;
    return buffer_error(ret_value);
}

int credential_use(const struct credential *c, const struct credential_ask *ask, struct slice *ret_header,
                   struct buffer *ret_value, struct diag *reterr)
{
    if (c->kind == CREDENTIAL_WEBHOOK_KEY)
        return diag_set(reterr, -SP_EDENIED, "a webhook-key is never sent");
    int r = credential_policy_may(&c->policy, ask, reterr);
    if (r < 0)
        return r;
    bool is_basic = c->kind == CREDENTIAL_BASIC;
    *ret_header = (struct slice){NULL, 0};
    switch ((enum credential_form)ask->form) {
    case CREDENTIAL_FORM_HEADER:
        if (ask->place != CREDENTIAL_IN_HEADER)
            return diag_set(reterr, -SP_EDENIED, "a header goes nowhere but into the headers");
        return use_header(c, ret_header, ret_value, reterr);
    case CREDENTIAL_FORM_VALUE:
        if (is_basic)
            append_pair(c, ret_value);
        else
            buffer_append_slice(ret_value, value_of(c));
        return buffer_error(ret_value);
    case CREDENTIAL_FORM_USERNAME:
    case CREDENTIAL_FORM_PASSWORD:
        if (!is_basic)
            return diag_set(reterr, -SP_EDENIED, "it has no user name and password");
        return buffer_append_slice(ret_value, ask->form == CREDENTIAL_FORM_USERNAME ? username_of(c) : value_of(c));
    default:
        return diag_set(reterr, -SP_EDENIED, "there is no such form of a credential");
    }
}
