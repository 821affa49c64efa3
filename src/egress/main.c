/* sallyport-egress: the only role with a way out. It takes calls from the engine, has the vault release each credential for
 * the origin it is about to speak to, and answers. Here: what the supervisor gives it (its configuration, perhaps more
 * certificate authorities, two channels) and the start. Must never act on anything but the engine's calls [I5]. */
#include <errno.h>
#include <sys/stat.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "egress/serve.h"
#include "role/role.h"

static struct egress *egress;
static struct buffer authorities = BUFFER_MAX(LIMIT_CA_BUNDLE);

/* The loop is there only once the role runs. */
static int egress_needed(void)
{
    return egress ? 0 : egress_new(role_loop(), serve_peers(), NULL, &egress);
}

static int configure(struct slice json)
{
    struct diag diag = {0};
    int r = egress_needed();
    if (r == 0)
        r = egress_configure(egress, json, &diag);
    return r < 0 ? role_fail(r, "%s", diag.text[0] ? diag.text : error_text(r)) : 0;
}

static int connect_peer(enum role peer, uint16_t index, int fd)
{
    return serve_connect(role_loop(), peer, fd);
}

/* pread: the supervisor gives the same open file to each egress that it starts. */
static int read_file(int fd, struct buffer *to)
{
    uint8_t block[16384];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, block, sizeof block, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : buffer_error(to);
        int r = buffer_append(to, block, (size_t)n);
        if (r < 0)
            return r;
        at += n;
    }
}

static int take_file(enum control_file_kind kind, uint16_t index, int fd)
{
    _cleanup_close_ int owned = fd;
    if (kind != CONTROL_FILE_CA_BUNDLE)
        return role_fail(-SP_EPROTOCOL, "egress was given a file that is not a bundle of certificate authorities");
    buffer_clear(&authorities);
    int r = read_file(owned, &authorities);
    return r < 0 ? role_fail(r, "the bundle of certificate authorities cannot be read: %s", error_text(r)) : 0;
}

static int apply_authorities(void)
{
    int r = egress_set_authorities(egress, buffer_slice(&authorities));
    return r < 0 ? role_fail(r, "the certificate authorities cannot be used: %s", error_text(r)) : 0;
}

static int start(void)
{
    int r = egress_needed();
    if (r == 0)
        r = apply_authorities();
    if (r < 0)
        return r;
    serve_open(egress);
    role_ready();
    return 0;
}

static int reload(void)
{
    return apply_authorities();
}

/* What is under way is the engine's to repeat or not: its journal says that the outcome is unknown. */
static void stop(void)
{
    serve_close();
    egress_free(TAKE_PTR(egress));
    role_exit(0);
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {
        .self = ROLE_EGRESS,
        .configure = configure,
        .connect = connect_peer,
        .file = take_file,
        .start = start,
        .reload = reload,
        .stop = stop,
    };
    if (crypto_init() < 0)
        return error_exit_code(-SP_EUNAVAILABLE);
    return role_main(argc, argv, &handlers);
}
