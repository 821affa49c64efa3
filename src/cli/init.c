/* init: the data folder, the root key and the owner's token. Must hold: nothing that exists is overwritten; the token is shown
 * once and kept nowhere, the database has only its digest. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/state.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json_writer.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "crypto/crypto.h"
#include "crypto/root_key.h"
#include "store/store.h"
#include "supervisor/paths.h"

#define TOKEN_PREFIX "spt_"

static const struct cli_option options[] = {
    {"data", "DIR", "the data folder (default /var/lib/sallyport, or ~/.local/share/sallyport)"},
    {"root-key", "FILE", "the root key, apart from the data (default /etc/sallyport/root.key, or ~/.config/…)"},
    {"owner", "NAME", "the owner's name (default: owner)"},
    {NULL, NULL, NULL},
};

static int make_data_dir(const char *dir, struct diag *reterr)
{
    char inside[PATHS_MAX + 2];
    (void)snprintf(inside, sizeof inside, "%s/", dir);
    int r = file_make_folder_of(inside, reterr);
    if (r < 0)
        return r;
    struct stat st;
    if (stat(dir, &st) < 0)
        return diag_set(reterr, -errno, "%s: %s", dir, error_text(-errno));
    if (st.st_mode & 077)
        return diag_set(reterr, -SP_EDENIED, "%s is open to other users; chmod 0700 it first", dir);
    return 0;
}

/* An existing key is kept: it may be the key of another database, and it is never ours to replace. */
static int make_root_key(const char *path, bool *ret_made, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(ROOT_KEY_FILE_MAX);
    text.secret = true;
    *ret_made = false;
    if (access(path, F_OK) == 0)
        return 0;
    int r = root_key_create((struct slice){NULL, 0}, &text);
    if (r < 0)
        return diag_set(reterr, r, "the root key cannot be made: %s", error_text(r));
    r = file_make_folder_of(path, reterr);
    if (r == 0)
        r = file_create_secret(path, buffer_slice(&text), reterr);
    *ret_made = r == 0;
    return r;
}

static int make_token(struct buffer *ret)
{
    uint8_t bytes[32];
    random_bytes(bytes, sizeof bytes);
    (void)buffer_append_text(ret, TOKEN_PREFIX);
    int r = buffer_append_hex(ret, slice_of(bytes, sizeof bytes));
    explicit_bzero(bytes, sizeof bytes);
    return r;
}

static int put_owner(struct store *store, const char *name, struct slice token)
{
    struct store_principal owner = {.name = slice_text(name), .role = SLICE_LITERAL("owner"), .created_ms = clock_wall_ms()};
    uint8_t digest[CRYPTO_HASH_LEN];
    crypto_sha256(token, owner.token_hash);
    audit_digest_principal(owner.name, owner.role, owner.expires_ms, owner.token_hash, digest);
    const struct audit_event event = {.action = AUDIT_TOKEN_CREATED, .time_ms = owner.created_ms, .actor_kind = SLICE_LITERAL("command"),
                                      .actor = SLICE_LITERAL("init"), .object = owner.name,
                                      .digest = slice_of(digest, sizeof digest)};
    int r = store_begin(store);
    if (r == 0)
        r = store_principal_put(store, &owner);
    if (r == 0)
        r = store_leaf_append(store, &event, NULL);
    if (r < 0) {
        store_rollback(store);
        return r;
    }
    return store_commit(store, NULL);
}

static int make_database(const char *dir, const char *owner, struct buffer *ret_token, struct diag *reterr)
{
    char path[PATHS_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/sallyport.db", dir);
    if (access(path, F_OK) == 0)
        return diag_set(reterr, -SP_ECONFLICT, "%s exists already: this folder is initialised", path);
    _cleanup_(store_closep) struct store *store = NULL;
    int r = store_open(path, &store, reterr);
    if (r == 0)
        r = make_token(ret_token);
    if (r == 0) {
        r = put_owner(store, owner, buffer_slice(ret_token));
        if (r < 0)
            (void)diag_set(reterr, r, "the owner cannot be stored: %s", error_text(r));
    }
    if (r < 0)
        (void)unlink(path);
    return r;
}

static void print_result(const struct cli_args *args, const char *dir, const char *key, bool made, struct buffer *token)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(4 * PATHS_MAX);
    out.secret = true;
    if (cli_flag(args, "json")) {
        struct json_writer w = JSON_WRITER(&out);
        json_object_begin(&w);
        json_key_text(&w, "data", dir);
        json_key_text(&w, "rootKey", key);
        json_key_bool(&w, "rootKeyMade", made);
        json_key_string(&w, "token", buffer_slice(token));
        json_object_end(&w);
        (void)buffer_append_byte(&out, '\n');
    } else {
        (void)buffer_printf(&out,
                            "Data folder:   %s\nRoot key:      %s%s\nOwner's token: %.*s\n\n"
                            "The token is shown this once. Keep it, and a copy of the root key, where the data is not.\n",
                            dir, key, made ? "" : " (was there already)", SLICE_ARGS(buffer_slice(token)));
    }
    cli_out(buffer_slice(&out));
}

static int run(const struct cli_args *args)
{
    struct diag why = {0};
    char default_dir[PATHS_MAX] = "", default_key[PATHS_MAX] = "";
    const char *dir = cli_value(args, "data"), *key = cli_value(args, "root-key"), *owner = cli_value(args, "owner");
    bool made = false;
    _cleanup_buffer_ struct buffer token = BUFFER_MAX(128);
    token.secret = true;
    if ((!dir && paths_data_dir(default_dir) < 0) || (!key && paths_config("root.key", default_key) < 0))
        return cli_fail(-SP_EINVALID, "there is no home folder: give --data and --root-key");
    dir = dir ? dir : default_dir;
    key = key ? key : default_key;
    owner = owner ? owner : "owner";
    if (!name_is_credential(slice_text(owner)))
        return cli_fail(-SP_EINVALID, "--owner: letters, digits, _, . and -, at most 64");
    size_t n = strlen(dir);
    if (strncmp(key, dir, n) == 0 && key[n] == '/')
        return cli_fail(-SP_EINVALID, "--root-key: who copies the data folder must not get the key with it; keep it elsewhere");
    int r = crypto_init();
    if (r < 0)
        return cli_fail(r, "%s", error_text(r));
    r = make_data_dir(dir, &why);
    if (r == 0)
        r = make_root_key(key, &made, &why);
    if (r == 0)
        r = make_database(dir, owner, &token, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    print_result(args, dir, key, made, &token);
    return CLI_DONE;
}

const struct cli_command cli_init = {
    .name = "init",
    .operands = "",
    .summary = "Makes data folder, root key and owner",
    .help = "Prints the owner's token, once. Whoever has both database and root key has everything: they are kept apart.\n",
    .options = options,
    .run = run,
};
