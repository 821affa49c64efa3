/* A whole server for one run: engine with a database in memory, vault with a key of its own, egress and one worker, all
 * locked down; the command speaks as the gateway. Nothing of it is left. */
#ifndef CLI_EPHEMERAL_H
#define CLI_EPHEMERAL_H

#include "base/buffer.h"
#include "base/diag.h"
#include "wire/roles.h"

struct ephemeral;

struct ephemeral_options {
    const char *const *allow; /* origins, instead of those of the definition; none: those */
    const char *const *connect_to;
    unsigned n_allow, n_connect_to;
    const char *ca_file; /* or NULL */
    bool verbose;
};

[[gnu::warn_unused_result]] int ephemeral_new(const struct ephemeral_options *options, struct ephemeral **ret,
                                              struct diag *reterr);
void ephemeral_free(struct ephemeral *e);
static inline void ephemeral_freep(struct ephemeral **e)
{
    ephemeral_free(*e);
}

/* One request to the engine's API as its owner. `ret_body` is borrowed until the next one. */
[[gnu::warn_unused_result]] int ephemeral_request(struct ephemeral *e, enum http_method method, const char *path,
                                                  const char *content_type, struct slice body, unsigned *ret_status,
                                                  struct slice *ret_body, struct diag *reterr);

#endif
