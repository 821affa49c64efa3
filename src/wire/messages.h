/* Every message between roles: who may say it to whom, and its fields. From these lists come the enum, the structs, the
 * encoders and decoders, the table of what a channel lets through, and the fuzzers. The enum values are never sent outside
 * this machine and may change with a release.
 *
 *   M(NAME, name, from, to)          a message of the channel from-to; on any other channel it closes the channel [I5]
 *   F(kind, field, max)              u8 u16 u32 u64 i32 i64 (max unused) · bytes, str (max bytes) · fixed (exactly max bytes)
 *
 * `code` fields hold 0 or a negative code of base/error.h. `tag` is chosen by who asks and comes back with the answer. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include "base/buffer.h"
#include "base/limits.h"
#include "wire/codec.h"
#include "wire/roles.h"

#define WIRE_MESSAGES(M)                                                                                         \
    /* supervisor to every role, and back */                                                                     \
    M(CONTROL_CONFIG, control_config, ROLE_SUPERVISOR, ROLE_ANY)                                                 \
    M(CONTROL_CHANNEL, control_channel, ROLE_SUPERVISOR, ROLE_ANY) /* carries a descriptor */                    \
    M(CONTROL_FILE, control_file, ROLE_SUPERVISOR, ROLE_ANY)       /* carries a descriptor */                    \
    M(CONTROL_START, control_start, ROLE_SUPERVISOR, ROLE_ANY)                                                   \
    M(CONTROL_RELOAD, control_reload, ROLE_SUPERVISOR, ROLE_ANY)                                                 \
    M(CONTROL_STOP, control_stop, ROLE_SUPERVISOR, ROLE_ANY)                                                     \
    M(CONTROL_READY, control_ready, ROLE_ANY, ROLE_SUPERVISOR)                                                   \
    M(CONTROL_LOG, control_log, ROLE_ANY, ROLE_SUPERVISOR)                                                       \
    M(CONTROL_FAILED, control_failed, ROLE_ANY, ROLE_SUPERVISOR)                                                 \
    M(CONTROL_RESTART, control_restart, ROLE_ANY, ROLE_SUPERVISOR)                                               \
    /* gateway and engine */                                                                                     \
    M(HTTP_REQUEST, http_request, ROLE_GATEWAY, ROLE_ENGINE)                                                     \
    M(HTTP_GONE, http_gone, ROLE_GATEWAY, ROLE_ENGINE)                                                           \
    M(HTTP_RESPONSE, http_response, ROLE_ENGINE, ROLE_GATEWAY)                                                   \
    /* engine and vault */                                                                                       \
    M(VAULT_IDENTIFY, vault_identify, ROLE_ENGINE, ROLE_VAULT)                                                   \
    M(VAULT_IDENTITY, vault_identity, ROLE_VAULT, ROLE_ENGINE)                                                   \
    M(VAULT_NAMESPACE, vault_namespace, ROLE_ENGINE, ROLE_VAULT)                                                 \
    M(VAULT_NAMESPACE_KEY, vault_namespace_key, ROLE_VAULT, ROLE_ENGINE)                                         \
    M(VAULT_WRAP, vault_wrap, ROLE_ENGINE, ROLE_VAULT)                                                           \
    M(VAULT_WRAPPED, vault_wrapped, ROLE_VAULT, ROLE_ENGINE)                                                     \
    M(VAULT_LOAD, vault_load, ROLE_ENGINE, ROLE_VAULT)                                                           \
    M(VAULT_REVOKE, vault_revoke, ROLE_ENGINE, ROLE_VAULT)                                                       \
    M(VAULT_DONE, vault_done, ROLE_VAULT, ROLE_ENGINE)                                                           \
    M(VAULT_VERIFY, vault_verify, ROLE_ENGINE, ROLE_VAULT)                                                       \
    M(VAULT_VERIFIED, vault_verified, ROLE_VAULT, ROLE_ENGINE)                                                   \
    M(VAULT_SIGN, vault_sign, ROLE_ENGINE, ROLE_VAULT)                                                           \
    M(VAULT_SIGNED, vault_signed, ROLE_VAULT, ROLE_ENGINE)                                                       \
    /* egress and vault */                                                                                       \
    M(VAULT_USE, vault_use, ROLE_EGRESS, ROLE_VAULT)                                                             \
    M(VAULT_VALUE, vault_value, ROLE_VAULT, ROLE_EGRESS)                                                         \
    /* engine and egress */                                                                                      \
    M(EGRESS_CALL, egress_call, ROLE_ENGINE, ROLE_EGRESS)                                                        \
    M(EGRESS_CANCEL, egress_cancel, ROLE_ENGINE, ROLE_EGRESS)                                                    \
    M(EGRESS_RESULT, egress_result, ROLE_EGRESS, ROLE_ENGINE)                                                    \
    /* engine and worker */                                                                                      \
    M(WORKER_DEFINE, worker_define, ROLE_ENGINE, ROLE_WORKER)                                                    \
    M(WORKER_START, worker_start, ROLE_ENGINE, ROLE_WORKER)                                                      \
    M(WORKER_RESULT, worker_result, ROLE_ENGINE, ROLE_WORKER)                                                    \
    M(WORKER_DROP, worker_drop, ROLE_ENGINE, ROLE_WORKER)                                                        \
    M(WORKER_STEP, worker_step, ROLE_WORKER, ROLE_ENGINE)                                                        \
    M(WORKER_UNKNOWN, worker_unknown, ROLE_WORKER, ROLE_ENGINE)                                                  \
    /* engine and checker; the command speaks as engine to a checker for `check` */                              \
    M(CHECKER_CHECK, checker_check, ROLE_ENGINE, ROLE_CHECKER)                                                   \
    M(CHECKER_FINDINGS, checker_findings, ROLE_CHECKER, ROLE_ENGINE)

/* --- control ------------------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_control_config(F) F(bytes, json, LIMIT_CONFIG) /* this role's part of the configuration */
#define WIRE_FIELDS_control_channel(F)                                                                           \
    F(u8, peer, 0)   /* enum role */                                                                             \
    F(u16, index, 0) /* of a worker; else 0. An earlier channel to the same peer is dead. */
#define WIRE_FIELDS_control_file(F)                                                                              \
    F(u8, kind, 0) /* enum control_file_kind */                                                                  \
    F(u16, index, 0)
#define WIRE_FIELDS_control_start(F)  F(u8, reserved, 0) /* all that is there at the start has been sent */
#define WIRE_FIELDS_control_reload(F) F(u8, reserved, 0) /* new CONTROL_FILEs and CONTROL_CONFIG came before */
#define WIRE_FIELDS_control_stop(F)   F(u8, reserved, 0)
#define WIRE_FIELDS_control_ready(F)  F(u8, reserved, 0) /* locked down and able to serve */
#define WIRE_FIELDS_control_log(F) F(u8, level, 0) F(str, line, LIMIT_LOG_LINE)
#define WIRE_FIELDS_control_failed(F) F(i32, code, 0) F(str, text, LIMIT_TEXT) /* will not serve; says why */
#define WIRE_FIELDS_control_restart(F) F(u8, role, 0) F(u16, index, 0)        /* a peer that does not answer, or speaks out of turn */

/* --- gateway and engine -------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_http_request(F)                                                                              \
    F(u64, tag, 0)                                                                                               \
    F(u8, method, 0) /* enum http_method */                                                                      \
    F(str, path, LIMIT_PATH)                                                                                     \
    F(str, query, LIMIT_QUERY)                                                                                   \
    F(bytes, headers, LIMIT_HEADERS) /* pairs */                                                                 \
    F(bytes, body, LIMIT_BODY)                                                                                   \
    F(fixed, peer, 16) /* client address, IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) */                        \
    F(u8, is_tls, 0)
#define WIRE_FIELDS_http_gone(F) F(u64, tag, 0) /* the client left; an answer is no longer wanted */
#define WIRE_FIELDS_http_response(F)                                                                             \
    F(u64, tag, 0)                                                                                               \
    F(u16, status, 0)                                                                                            \
    F(bytes, headers, LIMIT_HEADERS) /* pairs */                                                                 \
    F(bytes, body, LIMIT_BODY)                                                                                   \
    F(u8, is_proven, 0) /* who asked signed, or has a token: he does not wait for what others did */

/* --- engine and vault ---------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_vault_identify(F) F(u64, tag, 0)
#define WIRE_FIELDS_vault_identity(F)                                                                            \
    F(u64, tag, 0)                                                                                               \
    F(fixed, box_public, 32)   /* X25519; clients seal credentials to it (crypto_box_seal) */                    \
    F(fixed, audit_public, 32) /* Ed25519; signs checkpoints */                                                  \
    F(str, origin, LIMIT_NAME) /* the log's origin, C2SP tlog-checkpoint */
/* A namespace's data key: `wrapped` empty makes a new one. */
#define WIRE_FIELDS_vault_namespace(F) F(u64, tag, 0) F(str, ns, LIMIT_NAME) F(bytes, wrapped, 256)
#define WIRE_FIELDS_vault_namespace_key(F)                                                                       \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(bytes, wrapped, 256)                                                                                       \
    F(fixed, key, 32)
/* Opens the sealed box, checks value and policy for the kind, and answers the credential wrapped under the root key,
 * bound to namespace, name, version, kind and policy. It is not usable before VAULT_LOAD. */
#define WIRE_FIELDS_vault_wrap(F)                                                                                \
    F(u64, tag, 0)                                                                                               \
    F(str, ns, LIMIT_NAME)                                                                                       \
    F(str, name, LIMIT_NAME)                                                                                     \
    F(u64, version, 0)                                                                                           \
    F(u8, kind, 0)                 /* enum credential_kind */                                                    \
    F(bytes, policy, LIMIT_CONFIG) /* JSON, docs/formats/credential.md: origins, methods, places, header */      \
    F(bytes, box, LIMIT_CREDENTIAL + 128) /* crypto/credential_box.h */
#define WIRE_FIELDS_vault_wrapped(F)                                                                             \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(bytes, wrapped, 2 * LIMIT_CREDENTIAL)                                                                      \
    F(str, reason, LIMIT_TEXT)
#define WIRE_FIELDS_vault_load(F)                                                                                \
    F(u64, tag, 0)                                                                                               \
    F(str, ns, LIMIT_NAME)                                                                                       \
    F(str, name, LIMIT_NAME)                                                                                     \
    F(u64, version, 0)                                                                                           \
    F(bytes, wrapped, 2 * LIMIT_CREDENTIAL)
#define WIRE_FIELDS_vault_revoke(F) F(u64, tag, 0) F(str, ns, LIMIT_NAME) F(str, name, LIMIT_NAME)
#define WIRE_FIELDS_vault_done(F) F(u64, tag, 0) F(i32, code, 0) F(str, reason, LIMIT_TEXT)
#define WIRE_FIELDS_vault_verify(F)                                                                              \
    F(u64, tag, 0)                                                                                               \
    F(str, ns, LIMIT_NAME)                                                                                       \
    F(str, name, LIMIT_NAME) /* a credential of kind webhook-key */                                              \
    F(u8, scheme, 0)         /* enum webhook_scheme */                                                           \
    F(i64, now_ms, 0)                                                                                            \
    F(u32, tolerance_s, 0)                                                                                       \
    F(bytes, headers, LIMIT_HEADERS)                                                                             \
    F(bytes, body, LIMIT_BODY)
#define WIRE_FIELDS_vault_verified(F)                                                                            \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(bytes, delivery, LIMIT_NAME) /* what makes the delivery unique, covered by the signature if the scheme can */ \
    F(str, reason, LIMIT_TEXT)
/* The vault signs only what continues what it signed before: `proof` is the RFC 6962 consistency proof (32-byte hashes)
 * from its last size to `size`; the first after a start carries the last signed checkpoint as `last`. */
#define WIRE_FIELDS_vault_sign(F)                                                                                \
    F(u64, tag, 0)                                                                                               \
    F(u64, size, 0)                                                                                              \
    F(fixed, root, 32)                                                                                           \
    F(bytes, proof, 64 * 32)                                                                                     \
    F(bytes, last, LIMIT_TEXT)
#define WIRE_FIELDS_vault_signed(F)                                                                              \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(bytes, checkpoint, LIMIT_TEXT) /* C2SP signed note; when refused, the one signed last, if any */           \
    F(str, reason, LIMIT_TEXT)

/* --- egress and vault ---------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_vault_use(F)                                                                                 \
    F(u64, tag, 0)                                                                                               \
    F(str, ns, LIMIT_NAME)                                                                                       \
    F(str, name, LIMIT_NAME)                                                                                     \
    F(str, scheme, 16) /* of the origin that is about to be sent to: "https" */                                  \
    F(str, host, 256)                                                                                            \
    F(u16, port, 0)                                                                                              \
    F(str, method, 32)                                                                                           \
    F(u8, place, 0) /* enum credential_place */                                                                  \
    F(u8, form, 0)  /* enum credential_form */
#define WIRE_FIELDS_vault_value(F)                                                                               \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(str, header, LIMIT_NAME)            /* the header's name, for CREDENTIAL_FORM_HEADER */                    \
    F(bytes, value, LIMIT_CREDENTIAL + 64) /* secret */                                                          \
    F(str, reason, LIMIT_TEXT)

/* --- engine and egress --------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_egress_call(F)                                                                               \
    F(u64, tag, 0)                                                                                               \
    F(str, ns, LIMIT_NAME)                                                                                       \
    F(fixed, nonce, 16)              /* of the run's handles */                                                  \
    F(bytes, secrets, 64 * 132)      /* pairs: name, "": what the workflow may use, in the order of handles */   \
    F(bytes, grants, LIMIT_CONFIG)   /* policy/grant.h, encoded */                                               \
    F(str, idempotency_key, LIMIT_NAME)                                                                          \
    F(bytes, call, LIMIT_FRAME / 2)  /* struct msg_effect_call, as the worker wrote it: egress parses it, not the engine */
#define WIRE_FIELDS_egress_cancel(F) F(u64, tag, 0)
#define WIRE_FIELDS_egress_result(F)                                                                             \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                 /* 0: there is a response. -SP_EDENIED: nothing was sent. */                 \
    F(u8, was_sent, 0)              /* 1 when the request may have reached the peer */                           \
    F(u8, was_vault_away, 0)        /* 1 when it failed because the vault could not be asked */                  \
    F(u16, status, 0)                                                                                            \
    F(str, uri, LIMIT_URI)          /* of the response, after redirects, without what came from a credential */  \
    F(bytes, headers, LIMIT_HEADERS) /* pairs, scrubbed */                                                       \
    F(bytes, body, LIMIT_BODY)      /* decoded and scrubbed */                                                   \
    F(str, reason, LIMIT_TEXT)                                                                                   \
    F(str, credentials, LIMIT_TEXT) /* names that were used, joined by "," */                                    \
    F(str, address, 64)             /* that was connected to, numeric */                                         \
    F(fixed, request_digest, 32)    /* SHA-256 of the body as the worker gave it */                              \
    F(fixed, response_digest, 32)   /* SHA-256 of the body as it is in `body` */                                 \
    F(u64, bytes_out, 0)                                                                                         \
    F(u64, bytes_in, 0)                                                                                          \
    F(u32, duration_ms, 0)

/* --- engine and worker --------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_worker_define(F) F(fixed, digest, 32) F(bytes, text, LIMIT_DEFINITION) /* digest: SHA-256 of text */
#define WIRE_FIELDS_worker_start(F)                                                                              \
    F(u64, run, 0)                                                                                               \
    F(fixed, digest, 32)                                                                                         \
    F(i64, started_ms, 0) /* wall time at which the run started: $workflow.startedAt and the first step's time */ \
    F(fixed, nonce, 16)   /* of the handles of secrets */                                                        \
    F(fixed, seed, 32)    /* of all that is random in the run */                                                 \
    F(bytes, input, LIMIT_BODY) /* JSON; checked by the worker */                                                \
    F(u32, replayed, 0)   /* so many WORKER_RESULTs of a journal follow: answer only the steps after them */
/* The result of an effect, as it is kept in the journal: replay sends the same bytes again. */
#define WIRE_FIELDS_worker_result(F)                                                                             \
    F(u64, run, 0)                                                                                               \
    F(u32, effect, 0)                                                                                            \
    F(i64, at_ms, 0)  /* wall time of the step that this result begins */                                        \
    F(u8, kind, 0)    /* enum effect_kind */                                                                     \
    F(i32, code, 0)   /* 0, or why there is no response */                                                       \
    F(u16, status, 0) /* HTTP status */                                                                          \
    F(str, uri, LIMIT_URI)                                                                                       \
    F(bytes, headers, LIMIT_HEADERS)                                                                             \
    F(bytes, body, LIMIT_BODY)                                                                                   \
    F(str, reason, LIMIT_TEXT)
#define WIRE_FIELDS_worker_drop(F) F(u64, run, 0)
#define WIRE_FIELDS_worker_step(F)                                                                               \
    F(u64, run, 0)                                                                                               \
    F(u8, status, 0)  /* enum step_status */                                                                     \
    F(u32, results, 0) /* results consumed so far: the step's place in the journal */                            \
    F(bytes, effects, LIMIT_FRAME / 2) /* new effects: records of docs/formats/wire.md, "effects" */             \
    F(bytes, trace, 4 * LIMIT_TRACE)   /* u16 task index, u8 enum trace_status, repeated */                      \
    F(bytes, output, LIMIT_BODY)       /* JSON, when completed */                                                \
    F(bytes, context, LIMIT_BODY)      /* JSON, when completed or faulted */                                     \
    F(bytes, error, LIMIT_CONFIG)      /* JSON: the problem object, when faulted */
#define WIRE_FIELDS_worker_unknown(F) F(u64, run, 0) F(fixed, digest, 32) /* send WORKER_DEFINE and start again */

/* --- engine and checker -------------------------------------------------------------------------------------------- */

#define WIRE_FIELDS_checker_check(F) F(u64, tag, 0) F(bytes, text, LIMIT_DEFINITION)
/* docs/formats/findings.md: `code` 0 when the definition may be deployed. */
#define WIRE_FIELDS_checker_findings(F)                                                                           \
    F(u64, tag, 0)                                                                                               \
    F(i32, code, 0)                                                                                              \
    F(bytes, findings, 2 * LIMIT_DEFINITION) /* JSON array */                                                    \
    F(bytes, manifest, 2 * LIMIT_DEFINITION) /* JSON object: what the engine needs to know of a definition */

/* --- records: encoded like messages, but inside a bytes field ------------------------------------------------------- */

#define WIRE_RECORDS(R)                                                                                          \
    R(effect_call)                                                                                               \
    R(effect_timer)                                                                                              \
    R(effect_event)                                                                                              \
    R(effect_cancel)

/* An HTTP call. Texts may hold handles of secrets; egress alone resolves them. */
#define WIRE_FIELDS_effect_call(F)                                                                               \
    F(str, method, 32)   /* upper case */                                                                        \
    F(str, uri, LIMIT_URI) /* absolute, query included */                                                        \
    F(str, path_template, LIMIT_URI) /* the path as the definition has it, for the audit leaf */                 \
    F(bytes, headers, LIMIT_HEADERS) /* pairs */                                                                 \
    F(bytes, body, LIMIT_BODY)                                                                                   \
    F(u8, follow_redirects, 0)                                                                                   \
    F(u32, timeout_ms, 0)  /* 0: the default */                                                                  \
    F(u8, auth, 0)         /* enum auth_scheme */                                                                \
    F(str, auth_use, LIMIT_NAME) /* name of the secret of `use`; "" when username and so on are given */         \
    F(str, auth_username, LIMIT_TEXT)                                                                            \
    F(str, auth_password, LIMIT_TEXT) /* or the bearer token */                                                  \
    F(u16, task, 0)        /* index of the task, for the audit leaf */
#define WIRE_FIELDS_effect_timer(F) F(u64, delay_ms, 0) F(u8, is_timeout, 0) F(u16, task, 0)
#define WIRE_FIELDS_effect_event(F) F(bytes, event, LIMIT_BODY) F(u16, task, 0) /* CloudEvents 1.0 JSON; has no result */
#define WIRE_FIELDS_effect_cancel(F) F(u32, effect, 0) /* an open call or timer whose result is no longer wanted */

/* ------------------------------------------------------------------------------------------------------------------- */

enum message_type {
    WIRE_NONE,
#define M(NAME, name, from, to) WIRE_##NAME,
    WIRE_MESSAGES(M)
#undef M
        WIRE_TYPE_COUNT
};

#define WIRE_MEMBER_u8(field, max)    uint8_t field;
#define WIRE_MEMBER_u16(field, max)   uint16_t field;
#define WIRE_MEMBER_u32(field, max)   uint32_t field;
#define WIRE_MEMBER_u64(field, max)   uint64_t field;
#define WIRE_MEMBER_i32(field, max)   int32_t field;
#define WIRE_MEMBER_i64(field, max)   int64_t field;
#define WIRE_MEMBER_bytes(field, max) struct slice field;
#define WIRE_MEMBER_str(field, max)   struct slice field;
#define WIRE_MEMBER_fixed(field, max) uint8_t field[max];
#define WIRE_MEMBER(kind, field, max) WIRE_MEMBER_##kind(field, max)

/* struct msg_NAME; encode appends its fields (errors stick in the buffer); decode borrows from the payload and is 0, or
 * negative when the payload is not exactly one such message. */
#define WIRE_DECLARE(name)                                                                                       \
    struct msg_##name {                                                                                          \
        WIRE_FIELDS_##name(WIRE_MEMBER)                                                                          \
    };                                                                                                           \
    void wire_encode_##name(struct buffer *b, const struct msg_##name *m);                                       \
    [[gnu::warn_unused_result]] int wire_decode_##name(struct slice payload, struct msg_##name *ret);

#define M(NAME, name, from, to) WIRE_DECLARE(name)
WIRE_MESSAGES(M)
#undef M
#define R(name) WIRE_DECLARE(name)
WIRE_RECORDS(R)
#undef R

/* "HTTP_REQUEST"; "?" for a number that is no type. */
const char *wire_type_name(uint16_t type);

/* Whether `from` may send a message of this type to `to`: the table above. */
bool wire_may_send(uint16_t type, enum role from, enum role to);

/* Whether a message of this type may carry a descriptor. */
bool wire_carries_fd(uint16_t type);

/* Appends one effect record: u8 kind, u32 number, then `record` as bytes. Walks as wire_pairs_next does. */
void wire_effects_put(struct buffer *b, uint8_t kind, uint32_t number, struct slice record);
[[gnu::warn_unused_result]] int wire_effects_next(struct slice *rest, uint8_t *ret_kind, uint32_t *ret_number,
                                                  struct slice *ret_record);

#endif
