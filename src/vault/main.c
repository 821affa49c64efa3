/* sallyport-vault: holds the root key's children and every credential; speaks with the engine and egress alone. Here: what the
 * supervisor gives it (the root key's file, perhaps a passphrase, two channels) and the start. Must never open a file by
 * name or a socket, and never start without a good root key [I8]. */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "crypto/crypto.h"
#include "crypto/root_key.h"
#include "role/role.h"
#include "vault/serve.h"
#include "vault/value.h"

/* From the supervisor, until `start` has used them. */
static struct secret *root_key_file, *passphrase;
static bool is_open;

static int configure(struct slice json)
{
    json_error_t error;
    json_t *object = json_read(json, 0, &error);
    explicit_bzero(&error, sizeof error);
    if (!json_is_object(object)) {
        json_decref(object);
        return role_fail(-SP_ESYNTAX, "the vault's configuration is not a JSON object");
    }
    const json_t *text = json_object_get(object, "root_key_passphrase");
    if (text && !is_open) {
        secret_free(passphrase);
        passphrase = secret_copy(slice_of(json_string_value(text), json_string_length(text)));
    }
    bool bad = text && (!json_is_string(text) || (!is_open && !passphrase));
    json_decref(object);
    return bad ? role_fail(-SP_EINVALID, "root_key_passphrase is not a text") : 0;
}

static int connect_peer(enum role peer, uint16_t index, int fd)
{
    return serve_connect(role_loop(), peer, fd);
}

/* pread: the supervisor gives the same open file again to each vault that it starts, and a pipe or socket, which could make
 * us wait, is refused. */
static ssize_t read_file(int fd, uint8_t *to, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = pread(fd, to + len, size - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int take_file(enum control_file_kind kind, uint16_t index, int fd)
{
    _cleanup_close_ int owned = fd;
    if (kind != CONTROL_FILE_ROOT_KEY)
        return role_fail(-SP_EPROTOCOL, "the vault was given a file that is not a root key");
    if (is_open) /* another root key takes a restart, and a rewrap of all that the old one holds */
        return 0;
    uint8_t bytes[ROOT_KEY_FILE_MAX + 1];
    ssize_t n = read_file(owned, bytes, sizeof bytes);
    if (n < 0)
        return role_fail((int)n, "the root key cannot be read: %s", strerror((int)-n));
    secret_free(root_key_file);
    root_key_file = secret_copy(slice_of(bytes, (size_t)n));
    crypto_wipe(bytes, sizeof bytes);
    return root_key_file ? 0 : -ENOMEM;
}

static int fail_open(int code, struct slice file, struct slice with)
{
    if (code == -SP_EFORMAT)
        return role_fail(code, "the root key's file is not one that this version made; it begins with sallyport-root-key-1");
    if (code == -SP_ETAMPERED)
        return role_fail(code, "the root key's file is damaged: its check line does not fit; restore it from your copy");
    if (code == -SP_EKEY && with.len == 0)
        return role_fail(code, "the root key needs its passphrase: serve --passphrase, or rootKey.passphraseCredential");
    if (code == -SP_EKEY)
        return role_fail(code, root_key_needs_passphrase(file) ? "the passphrase does not open the root key"
                                                               : "a passphrase is configured, but the root key has none");
    return role_fail(code, "the root key cannot be opened: %s", error_text(code));
}

static int start(void)
{
    if (!root_key_file)
        return role_fail(-SP_EKEY, "there is no root key; `sallyport init` makes one");
    struct slice file = secret_slice(root_key_file);
    struct slice with = passphrase ? secret_slice(passphrase) : (struct slice){NULL, 0};
    _cleanup_secret_ struct secret *root = NULL;
    int r = root_key_open(file, with, &root);
    if (r < 0)
        return fail_open(r, file, with);
    r = serve_open(root);
    if (r < 0)
        return r;
    is_open = true;
    secret_free(TAKE_PTR(root_key_file));
    secret_free(TAKE_PTR(passphrase));
    role_ready();
    return 0;
}

static void stop(void)
{
    serve_close();
    role_exit(0);
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {
        .self = ROLE_VAULT,
        .configure = configure,
        .connect = connect_peer,
        .file = take_file,
        .start = start,
        .stop = stop,
    };
    if (crypto_init() < 0)
        return error_exit_code(-SP_EUNAVAILABLE);
    value_init();
    return role_main(argc, argv, &handlers);
}
