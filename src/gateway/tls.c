/* tls: certificate and key from descriptors into GnuTLS, in generations. Called by main.c at start and reload and by GnuTLS in each
 * handshake. Must hold: a handshake's pair outlives it; the PEM is wiped once it is parsed; a bad new pair never replaces
 * a good old one. */
#include "gateway/tls.h"

#include <errno.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"

/* A handshake ends within the idle timeout of its connection; twice that is surely over. */
#define RETIRED_MS  (2 * LIMIT_IDLE_TIMEOUT_S * 1000)
#define RETIRED_MAX 16

struct pair {
    gnutls_pcert_st chain[LIMIT_TLS_CHAIN];
    unsigned chain_len;
    gnutls_privkey_t key;
    int64_t retired_ms;
};

static struct {
    struct buffer certificate, key; /* PEM that waits for tls_commit */
    struct pair *current;
    struct pair *retired[RETIRED_MAX];
    size_t n_retired;
} tls = {.certificate = {.max = LIMIT_TLS_FILE, .secret = true}, .key = {.max = LIMIT_TLS_FILE, .secret = true}};

static void pair_free(struct pair *p)
{
    for (unsigned i = 0; i < p->chain_len; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}

static int take_file(int fd, struct buffer *to)
{
    buffer_free(to);
    ssize_t n;
    int r = 0;
    do {
        uint8_t *p;
        r = buffer_reserve(to, 4096);
        p = r == 0 ? to->p + to->len : NULL;
        n = p ? pread(fd, p, 4096, (off_t)to->len) : 0;
        if (n > 0)
            to->len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        r = -errno;
    close(fd);
    if (r < 0)
        buffer_free(to);
    return r;
}

int tls_take_certificate(int fd)
{
    return take_file(fd, &tls.certificate);
}

int tls_take_key(int fd)
{
    return take_file(fd, &tls.key);
}

/* Whether the key's public half is the first certificate's. */
static bool belong_together(struct pair *p)
{
    gnutls_pubkey_t of_key;
    if (gnutls_pubkey_init(&of_key) < 0)
        return false;
    uint8_t a[64], b[64];
    size_t a_len = sizeof a, b_len = sizeof b;
    bool same = gnutls_pubkey_import_privkey(of_key, p->key, 0, 0) == 0 &&
                gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
                gnutls_pubkey_get_key_id(p->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, b, &b_len) == 0 &&
                slice_equal(slice_of(a, a_len), slice_of(b, b_len));
    gnutls_pubkey_deinit(of_key);
    return same;
}

static int pair_load(struct pair *p)
{
    gnutls_datum_t certificate = {tls.certificate.p, (unsigned)tls.certificate.len};
    gnutls_datum_t key = {tls.key.p, (unsigned)tls.key.len};
    unsigned n = LIMIT_TLS_CHAIN;
    if (!certificate.size || !key.size ||
        gnutls_pcert_list_import_x509_raw(p->chain, &n, &certificate, GNUTLS_X509_FMT_PEM, 0) < 0)
        return -SP_EINVALID;
    p->chain_len = n;
    if (n == 0 || gnutls_privkey_init(&p->key) < 0 ||
        gnutls_privkey_import_x509_raw(p->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
        return -SP_EINVALID;
    return belong_together(p) ? 0 : -SP_EKEY;
}

int tls_commit(void)
{
    if (!tls.certificate.len && !tls.key.len)
        return 0;
    struct pair *p = calloc(1, sizeof *p);
    int r = p ? pair_load(p) : -ENOMEM;
    buffer_free(&tls.certificate);
    buffer_free(&tls.key);
    if (r == 0 && tls.n_retired == RETIRED_MAX)
        r = -SP_ERATE;
    if (r < 0) {
        if (p)
            pair_free(p);
        return r;
    }
    if (tls.current) {
        tls.current->retired_ms = clock_monotonic_ms();
        tls.retired[tls.n_retired++] = tls.current;
    }
    tls.current = p;
    return 0;
}

bool tls_is_ready(void)
{
    return tls.current != NULL;
}

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *ca_names, int n_ca_names,
                 const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
                 unsigned *ret_chain_len, gnutls_privkey_t *ret_key)
{
    (void)session, (void)ca_names, (void)n_ca_names, (void)algorithms, (void)n_algorithms;
    if (!tls.current)
        return -1;
    *ret_chain = tls.current->chain;
    *ret_chain_len = tls.current->chain_len;
    *ret_key = tls.current->key;
    return 0;
}

void tls_sweep(int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < tls.n_retired; i++) {
        if (now_ms - tls.retired[i]->retired_ms > RETIRED_MS)
            pair_free(tls.retired[i]);
        else
            tls.retired[kept++] = tls.retired[i];
    }
    tls.n_retired = kept;
}
