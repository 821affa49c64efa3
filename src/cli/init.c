/* init: the data folder, the root key and the owner's token. Must hold: nothing that exists is overwritten;
 * the token is shown once and kept nowhere, the database has only its digest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json_writer.h"
#include "cli/audit_key.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/remote.h"
#include "crypto/crypto.h"
#include "crypto/root_key.h"
#include "store/store.h"
#include "supervisor/files.h"
#include "supervisor/paths.h"

#define TOKEN_PREFIX "spt_"

static const struct cli_option options[] = {
    {"data", "DIR", "the data folder (default " PATHS_DATA ")"},
    {"root-key", "FILE", "the root key, apart from the data (default " PATHS_CONFIG("root.key") ")"},
    {"passphrase", NULL,
     "protect the root key with a passphrase: asked for twice, or read from standard input"},
    {"owner", "NAME", "the owner's name (default: owner)"},
    {"token-file", "FILE", "write the owner's token to this new file, mode 0600, instead of showing it"},
    {NULL, NULL, NULL},
};

static int make_data_dir(const char *dir, struct diag *reterr)
{
    char inside[PATHS_MAX + 16];
    (void)snprintf(inside, sizeof inside, "%s/", dir);
    int r = file_make_folder_of(inside, reterr);
    if (r < 0)
        return r;
    struct stat st;
    if (stat(dir, &st) < 0)
        return diag_set(reterr, -errno, "%s: %s", dir, error_text(-errno));
    if (!S_ISDIR(st.st_mode))
        return diag_set(reterr, -ENOTDIR, "%s: %s", dir, error_text(-ENOTDIR));
    if (st.st_mode & 077)
        return diag_set(reterr, -SP_EDENIED, "%s is open to other users; chmod 0700 it first", dir);
    (void)snprintf(inside, sizeof inside, "%s/sallyport.db", dir);
    if (access(inside, F_OK) == 0)
        return diag_set(reterr, -SP_ECONFLICT, "%s exists already: this folder is initialised", inside);
    return 0;
}

/* Both folders are there. Compared as they are, whatever "..", links or slashes lead to them. */
static int check_apart(const char *dir, const char *key, struct diag *reterr)
{
    char folder[PATHS_MAX];
    const char *slash = strrchr(key, '/');
    if (!slash)
        (void)snprintf(folder, sizeof folder, ".");
    else if (snprintf(folder, sizeof folder, "%.*s/", (int)(slash - key), key) >= (int)sizeof folder)
        return diag_set(reterr, -ENAMETOOLONG, "%s: %s", key, error_text(-ENAMETOOLONG));
    _cleanup_free_ char *data = realpath(dir, NULL);
    _cleanup_free_ char *keys = realpath(folder, NULL);
    if (!data || !keys)
        return diag_set(reterr, -errno, "%s: %s", data ? folder : dir, error_text(-errno));
    size_t n = strlen(data);
    if (strncmp(keys, data, n) == 0 && (keys[n] == 0 || keys[n] == '/'))
        return diag_set(
            reterr, -SP_EINVALID,
            "--root-key: who copies the data folder must not get the key with it; keep it elsewhere");
    return 0;
}

/* On a terminal twice, because a mistyped passphrase could never be given again. */
static int ask_passphrase(bool is_new, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer again = BUFFER_MAX(ROOT_KEY_PASSPHRASE_MAX);
    again.secret = true;
    int status = remote_read_secret("Passphrase of the root key", ret);
    if (status == CLI_DONE && is_new &&
        (ret->len < ROOT_KEY_PASSPHRASE_MIN || ret->len > ROOT_KEY_PASSPHRASE_MAX))
        return cli_fail(-SP_EINVALID, "the passphrase has from %d to %d bytes", ROOT_KEY_PASSPHRASE_MIN,
                        ROOT_KEY_PASSPHRASE_MAX);
    if (status == CLI_DONE && is_new && isatty(STDIN_FILENO)) {
        status = remote_read_secret("The same again", &again);
        if (status == CLI_DONE && !slice_equal(buffer_slice(ret), buffer_slice(&again)))
            return cli_fail(-SP_EINVALID, "the two are not the same");
    }
    return status;
}

static int read_root_key(const char *path, struct buffer *ret, struct diag *reterr)
{
    _cleanup_close_ int fd = -1;
    int r = files_open_secret(path, &fd, reterr);
    uint8_t *to = NULL;
    if (r == 0)
        r = buffer_extend(ret, ROOT_KEY_FILE_MAX, &to);
    ssize_t n = r == 0 ? read(fd, to, ROOT_KEY_FILE_MAX) : 0;
    buffer_truncate(ret, n > 0 ? (size_t)n : 0);
    return r;
}

static int write_root_key(const char *path, struct slice passphrase, struct buffer *text, struct diag *reterr)
{
    int r = root_key_create(passphrase, text);
    if (r < 0)
        return diag_set(reterr, r, "the root key cannot be made: %s", error_text(r));
    return file_create_secret(path, buffer_slice(text), reterr);
}

static int derive_audit_key(const char *path, struct slice text, struct slice passphrase,
                            struct audit_key *ret, struct diag *reterr)
{
    uint8_t seed[32];
    struct secret *root = NULL;
    int r = root_key_open(text, passphrase, &root);
    if (r < 0)
        return diag_set(reterr, r, "%s: %s", path,
                        r == -SP_EKEY ? "the passphrase does not open it" : "it is no root key");
    crypto_hkdf_sha256(secret_slice(root).p, (struct slice){NULL, 0}, SLICE_LITERAL(ROOT_KEY_LABEL_AUDIT),
                       seed, sizeof seed);
    crypto_sign_public(seed, ret->public_key);
    explicit_bzero(seed, sizeof seed);
    secret_free(root);
    return 0;
}

/* An existing key is kept: it may be the key of another database, and it is never ours to replace. */
static int make_root_key(const struct cli_args *args, const char *path, bool *ret_made,
                         struct audit_key *ret_audit)
{
    struct diag why = {0};
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(ROOT_KEY_FILE_MAX),
                                   passphrase = BUFFER_MAX(ROOT_KEY_PASSPHRASE_MAX);
    text.secret = passphrase.secret = true;
    bool is_there = access(path, F_OK) == 0, is_wanted = cli_flag(args, "passphrase");
    int status = CLI_DONE, r = is_there ? read_root_key(path, &text, &why) : 0;
    if (r < 0)
        return cli_fail_diag(&why);
    if (is_there && is_wanted && !root_key_needs_passphrase(buffer_slice(&text)))
        return cli_fail(-SP_ECONFLICT, "%s is there already, and has no passphrase", path);
    if (is_wanted || (is_there && root_key_needs_passphrase(buffer_slice(&text))))
        status = ask_passphrase(!is_there, &passphrase);
    if (status == CLI_DONE && !is_there)
        r = write_root_key(path, buffer_slice(&passphrase), &text, &why);
    if (status == CLI_DONE && r == 0)
        r = derive_audit_key(path, buffer_slice(&text), buffer_slice(&passphrase), ret_audit, &why);
    *ret_made = !is_there;
    return status ? status : r < 0 ? cli_fail_diag(&why) : CLI_DONE;
}

/* Beside the database, for `audit verify`; who wants more than that keeps the printed key elsewhere. */
static int keep_audit_key(const char *dir, const struct buffer *key, struct diag *reterr)
{
    char path[PATHS_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/" AUDIT_KEY_FILE, dir);
    (void)unlink(path);
    return file_create_secret(path, buffer_slice(key), reterr);
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
    struct store_principal owner = {
        .name = slice_text(name), .role = SLICE_LITERAL("owner"), .created_ms = clock_wall_ms()};
    crypto_sha256(token, owner.token_hash);
    const struct audit_event event = {.action = AUDIT_TOKEN_CREATED,
                                      .time_ms = owner.created_ms,
                                      .actor_kind = SLICE_LITERAL("command"),
                                      .actor = SLICE_LITERAL("init"),
                                      .object = owner.name};
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

static void remove_database(const char *path)
{
    static const char *const files[] = {"", "-wal", "-shm", "-lock"};
    char name[PATHS_MAX + 32];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, files[i]);
        (void)unlink(name);
    }
}

static int fill_database(const char *path, const char *owner, const struct buffer *token, struct diag *reterr)
{
    _cleanup_(store_closep)
    struct store *store = NULL;
    int r = store_open(path, &store, reterr);
    if (r < 0)
        return r;
    r = put_owner(store, owner, buffer_slice(token));
    return r < 0 ? diag_set(reterr, r, "the owner cannot be stored: %s", error_text(r)) : 0;
}

/* A database without its owner, or of which nobody has seen the token, would belong to nobody for ever: it
 * gets its name when it is complete and its token has been told. */
static int make_database(const char *dir, const char *owner, const struct buffer *token, struct diag *reterr)
{
    char unfinished[PATHS_MAX + 24];
    (void)snprintf(unfinished, sizeof unfinished, "%s/sallyport.db.part", dir);
    remove_database(unfinished);
    int r = fill_database(unfinished, owner, token, reterr);
    if (r < 0)
        remove_database(unfinished);
    return r;
}

static int finish_database(const char *dir, struct diag *reterr)
{
    char path[PATHS_MAX + 16], unfinished[PATHS_MAX + 24];
    (void)snprintf(path, sizeof path, "%s/sallyport.db", dir);
    (void)snprintf(unfinished, sizeof unfinished, "%s.part", path);
    int r = file_finish(unfinished, path, reterr);
    remove_database(unfinished);
    return r;
}

/* The token goes into its file first: without the file, no database of which nobody has the token. */
static int make_owner(const char *dir, const char *owner, const char *token_file, struct buffer *ret_token,
                      struct diag *reterr)
{
    int r = make_token(ret_token);
    if (r == 0 && token_file)
        r = file_create_secret(token_file, buffer_slice(ret_token), reterr);
    if (r < 0)
        return r;
    r = make_database(dir, owner, ret_token, reterr);
    if (r < 0 && token_file)
        (void)unlink(token_file);
    return r;
}

static void print_result(const struct cli_args *args, const char *dir, const char *key, bool made,
                         struct buffer *token, struct buffer *audit_key)
{
    const char *token_file = cli_value(args, "token-file");
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(4 * PATHS_MAX);
    out.secret = true;
    if (cli_flag(args, "json")) {
        struct json_writer w = JSON_WRITER(&out);
        json_object_begin(&w);
        json_key_text(&w, "data", dir);
        json_key_text(&w, "rootKey", key);
        json_key_bool(&w, "rootKeyMade", made);
        if (token_file)
            json_key_text(&w, "tokenFile", token_file);
        else
            json_key_string(&w, "token", buffer_slice(token));
        json_key_string(&w, "auditKey", buffer_slice(audit_key));
        json_object_end(&w);
        (void)buffer_append_byte(&out, '\n');
    } else {
        (void)buffer_printf(
            &out,
            "Data folder:   %s\nRoot key:      %s%s\nAudit key:     %.*s\nOwner's token: %.*s%s\n\n"
            "%s\nKeep it, a copy of the root key, and the audit key (it is public, for\n"
            "sallyport audit verify --key) where the data is not.\n",
            dir, key, made ? "" : " (was there already)", SLICE_ARGS(buffer_slice(audit_key)),
            SLICE_ARGS(token_file ? slice_text("in ") : buffer_slice(token)), token_file ? token_file : "",
            token_file ? "The token is in that file only." : "The token is shown this once.");
    }
    cli_out(buffer_slice(&out));
}

static int make_all(const struct cli_args *args, const char *dir, const char *key, const char *owner)
{
    struct diag why = {0};
    struct audit_key audit = {0};
    bool made = false;
    _cleanup_buffer_ struct buffer token = BUFFER_MAX(128), audit_text = BUFFER_MAX(LIMIT_TEXT);
    token.secret = true;
    int r = crypto_init();
    if (r < 0)
        return cli_fail(r, "%s", error_text(r));
    r = make_data_dir(dir, &why);
    if (r == 0)
        r = file_make_folder_of(key, &why);
    if (r == 0)
        r = check_apart(dir, key, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    int status = make_root_key(args, key, &made, &audit);
    if (status)
        return status;
    r = audit_key_print(&audit, &audit_text);
    if (r == 0)
        r = keep_audit_key(dir, &audit_text, &why);
    if (r == 0)
        r = make_owner(dir, owner, cli_value(args, "token-file"), &token, &why);
    if (r < 0)
        return cli_fail_diag(&why);
    print_result(args, dir, key, made, &token, &audit_text);
    if (fflush(stdout) != 0)
        return cli_fail(-errno, "standard output: %s", error_text(-errno));
    r = finish_database(dir, &why);
    return r < 0 ? cli_fail_diag(&why) : CLI_DONE;
}

static int run(const struct cli_args *args)
{
    char default_dir[PATHS_MAX] = "", default_key[PATHS_MAX] = "";
    const char *dir = cli_value(args, "data"), *key = cli_value(args, "root-key"),
               *owner = cli_value(args, "owner");
    if ((!dir && paths_data_dir(default_dir) < 0) || (!key && paths_config("root.key", default_key) < 0))
        return cli_fail(-SP_EINVALID, "there is no home folder: give --data and --root-key");
    dir = dir ? dir : default_dir;
    key = key ? key : default_key;
    owner = owner ? owner : "owner";
    if (!name_is_credential(slice_text(owner)))
        return cli_fail(-SP_EINVALID, "--owner: letters, digits, _, . and -, at most 64");
    return make_all(args, dir, key, owner);
}

const struct cli_command cli_init = {
    .name = "init",
    .operands = "",
    .summary = "Makes data folder, root key and owner",
    .help = "Prints the owner's token, once, or writes it to --token-file. Whoever has both database and "
            "root key has\n"
            "everything: they are kept apart. Nothing that exists is overwritten.\n",
    .examples = "sallyport init --token-file /etc/sallyport/token\n",
    .options = options,
    .run = run,
};
