/* The certificate and key that the gateway shows, replaced while it serves. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include <gnutls/abstract.h>

#include "base/slice.h"

#define TLS_PRIORITIES "SECURE256:+SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* Reads the PEM from `fd`, which is closed in any case, and keeps it until tls_commit. */
[[gnu::warn_unused_result]] int tls_take_certificate(int fd);
[[gnu::warn_unused_result]] int tls_take_key(int fd);

/* Makes what was taken the certificate of new connections and wipes the PEM. 0 when nothing was taken; -SP_EINVALID when one of
 * the two is missing or does not parse, -SP_EKEY when they do not belong together: then the earlier pair stays. */
[[gnu::warn_unused_result]] int tls_commit(void);

bool tls_is_ready(void);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK: gnutls_certificate_retrieve_function2. */
int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *ca_names, int n_ca_names,
                 const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
                 unsigned *ret_chain_len, gnutls_privkey_t *ret_key);

/* Frees pairs that were replaced so long ago that no handshake can still hold them. Called every now and then. */
void tls_sweep(int64_t now_ms);

#endif
