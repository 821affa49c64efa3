/* suite: see suite.h. */
#include "suite.h"

#include <fts.h>

#include "base/must.h"

void suite_path(char ret[SUITE_PATH_MAX], const char *below)
{
    const char *shared = getenv("SALLYPORT_SHARED");
    (void)snprintf(ret, SUITE_PATH_MAX, "%s/%s", shared ? shared : SHARED_DEFAULT, below);
}

bool suite_read(const char *folder, const char *name, struct buffer *ret)
{
    char path[2 * SUITE_PATH_MAX], block[65536];
    (void)snprintf(path, sizeof path, "%s%s%s", folder, name ? "/" : "", name ? name : "");
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        must(buffer_append(ret, block, n) == 0);
    bool is_read = !ferror(f);
    (void)fclose(f);
    return is_read;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

void suite_files(const char *root, const char *suffix, suite_file_fn *each, void *user)
{
    size_t root_len = strlen(root), suffix_len = strlen(suffix);
    _cleanup_free_ char *copy = strdup(root);
    char *roots[] = {copy, NULL};
    FTS *fts = copy ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    must(fts);
    for (FTSENT *e; (e = fts_read(fts));)
        if (e->fts_info == FTS_F && e->fts_pathlen > suffix_len &&
            strcmp(e->fts_path + e->fts_pathlen - suffix_len, suffix) == 0)
            each(user, e->fts_path + root_len + 1, e->fts_path);
    (void)fts_close(fts);
}

bool suite_print(const char *name, const struct suite_result *r)
{
    printf("RESULT %s: %u cases, %u passed, %u refused, %u left out\n", name, r->cases, r->passed, r->refused,
           r->left_out);
    (void)fflush(stdout);
    return r->cases == r->passed + r->refused + r->left_out;
}
