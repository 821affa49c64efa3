/* export: `audit export`: a log as files that any program for transparency logs reads (C2SP tlog-tiles): its
 * newest checkpoint, the tiles of its tree, and its leaves in bundles. Needs no server; the files can be
 * served as they are. It judges nothing: who reads the files verifies them. */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "base/plural.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/verify.h"
#include "crypto/merkle.h"
#include "store/audit.h"

#define EXPORT_PATH_MAX (PATHS_MAX + 128)

static const struct cli_option options[] = {
    {"data", "PATH", "the data folder, or a copy of its sallyport.db (default: the server's default folder)"},
    {"to", "FOLDER", "where the files go; made when it is not there"},
    {NULL, NULL, NULL},
};

struct export
{
    const char *folder;
    struct buffer note;
    struct buffer hashes, bundle; /* of the unfinished tile of level 0, and its leaves */
    struct audit_tree *tree;
    uint64_t size, n; /* of the checkpoint; leaves written */
    struct diag *reterr;
};

/* x001/x234/067: three digits at a time, all but the last with an x before them. */
static void append_number(struct buffer *path, uint64_t n)
{
    uint64_t divisor = 1;
    while (n / divisor >= 1000)
        divisor *= 1000;
    for (; divisor > 1; divisor /= 1000)
        (void)buffer_printf(path, "x%03u/", (unsigned)(n / divisor % 1000));
    (void)buffer_printf(path, "%03u", (unsigned)(n % 1000));
}

static int write_file(struct export *x, const char *path, struct slice content)
{
    int r = file_make_folder_of(path, x->reterr);
    if (r < 0)
        return r;
    FILE *f = fopen(path, "wb");
    bool ok = f && (content.len == 0 || fwrite(content.p, 1, content.len, f) == content.len);
    int error = errno;
    if (f && fclose(f) != 0) {
        error = ok ? errno : error;
        ok = false;
    }
    return ok ? 0 : diag_set(x->reterr, -error, "%s cannot be written: %s", path, error_text(-error));
}

/* A tile, or a bundle of leaves (`kind` "entries"); what is not full has its width in its name. */
static int write_part(struct export *x, const char *kind, uint64_t index, size_t width, struct slice content)
{
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(EXPORT_PATH_MAX);
    (void)buffer_printf(&path, "%s/tile/%s/", x->folder, kind);
    append_number(&path, index);
    if (width < AUDIT_TILE_WIDTH)
        (void)buffer_printf(&path, ".p/%zu", width);
    return buffer_error(&path) ? buffer_error(&path) : write_file(x, buffer_text(&path), content);
}

static int on_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    char kind[16];
    (void)snprintf(kind, sizeof kind, "%u", level);
    return write_part(user, kind, index, hashes.len / CRYPTO_HASH_LEN, hashes);
}

/* The unfinished tile of level 0 is the one that the tree does not give. */
static int write_bundle(struct export *x)
{
    size_t width = x->hashes.len / CRYPTO_HASH_LEN;
    uint64_t index = (x->n - width) / AUDIT_TILE_WIDTH;
    int r = write_part(x, "entries", index, width, buffer_slice(&x->bundle));
    if (r == 0 && width < AUDIT_TILE_WIDTH)
        r = on_tile(x, 0, index, buffer_slice(&x->hashes));
    buffer_clear(&x->hashes);
    buffer_clear(&x->bundle);
    return r;
}

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct export *x = user;
    uint8_t hash[CRYPTO_HASH_LEN];
    if (index != x->n || leaf.len > UINT16_MAX)
        return diag_set(x->reterr, -SP_ETAMPERED, "leaf %llu is missing or too long: verify the log",
                        (unsigned long long)x->n);
    x->n++;
    merkle_leaf_hash(leaf, hash);
    (void)buffer_append(&x->hashes, hash, sizeof hash);
    (void)buffer_append(&x->bundle, (uint8_t[]){(uint8_t)(leaf.len >> 8), (uint8_t)leaf.len}, 2);
    (void)buffer_append_slice(&x->bundle, leaf);
    int r = buffer_error(&x->bundle) ? buffer_error(&x->bundle) : audit_tree_append(x->tree, leaf);
    return r == 0 && x->n % AUDIT_TILE_WIDTH == 0 ? write_bundle(x) : r;
}

static int on_checkpoint(void *user, uint64_t size, struct slice note, int64_t at_ms)
{
    struct export *x = user;
    (void)at_ms;
    x->size = size;
    return buffer_append_slice(&x->note, note);
}

static int export_log(struct export *x, struct store_reader *reader)
{
    int r = store_checkpoint_last(reader, on_checkpoint, x);
    if (r == -SP_ENOTFOUND)
        return diag_set(x->reterr, r, "no head of the log is signed yet");
    if (r == 0)
        r = audit_tree_new(NULL, 0, on_tile, x, &x->tree);
    if (r == 0)
        r = store_leaves(reader, 0, x->size, on_leaf, x);
    if (r == 0 && x->n != x->size)
        r = diag_set(x->reterr, -SP_ETAMPERED, "leaf %llu is missing: verify the log",
                     (unsigned long long)x->n);
    if (r == 0 && x->hashes.len > 0)
        r = write_bundle(x);
    if (r == 0)
        r = audit_tree_flush(x->tree);
    _cleanup_buffer_ struct buffer path = BUFFER_MAX(EXPORT_PATH_MAX);
    (void)buffer_printf(&path, "%s/checkpoint", x->folder);
    return r < 0 ? r : write_file(x, buffer_text(&path), buffer_slice(&x->note));
}

static void print_result(const struct cli_args *args, const struct export *x)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(4 * PATHS_MAX);
    if (cli_flag(args, "json")) {
        struct json_writer w = JSON_WRITER(&out);
        json_object_begin(&w);
        json_key_u64(&w, "leaves", x->size);
        json_key_text(&w, "folder", x->folder);
        json_object_end(&w);
    } else {
        (void)buffer_printf(&out, "%llu %s, their tiles and the signed head are in %s", (unsigned long long)x->size,
                            PLURAL(x->size, "leaf", "leaves"), x->folder);
    }
    (void)buffer_append_byte(&out, '\n');
    cli_out(buffer_slice(&out));
}

static int run(const struct cli_args *args)
{
    char path[PATHS_MAX + 16];
    struct diag why = {0};
    struct export x = {.folder = cli_value(args, "to"),
                       .note = BUFFER_MAX(LIMIT_TEXT),
                       .hashes = BUFFER_MAX(AUDIT_TILE_LEN),
                       .bundle = BUFFER_MAX(AUDIT_TILE_WIDTH * (LIMIT_LEAF + 2)),
                       .reterr = &why};
    if (!x.folder)
        return cli_fail(-SP_EINVALID, "--to names the folder for the files");
    int status = verify_find_database(args, path);
    if (status)
        return status;
    _cleanup_(store_reader_closep)
    struct store_reader *reader = NULL;
    int r = crypto_init();
    if (r == 0)
        r = store_reader_open_file(path, &reader, &why);
    if (r == 0)
        r = store_snapshot_begin(reader);
    if (r == 0) {
        r = export_log(&x, reader);
        store_snapshot_end(reader);
    }
    audit_tree_free(x.tree);
    buffer_free(&x.note);
    buffer_free(&x.hashes);
    buffer_free(&x.bundle);
    if (r < 0)
        return why.code ? cli_fail_diag(&why) : cli_fail(r, "%s: %s", path, error_text(r));
    print_result(args, &x);
    return CLI_DONE;
}

const struct cli_command cli_audit_export = {
    .name = "audit export",
    .operands = "",
    .summary = "Writes the log as the files of a transparency log",
    .help = "C2SP tlog-tiles: checkpoint, tile/LEVEL/N, tile/entries/N: for programs of others, which verify "
            "them with the public key.\n"
            "Reads the database only, also while the server runs.\n",
    .options = options,
    .run = run};
