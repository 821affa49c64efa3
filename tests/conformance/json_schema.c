/* Runs the official JSON Schema test suite (2020-12: required, optional, optional formats) and holds what
 * fails against a list that is checked in: a case that fails and is not listed, or is listed and passes, is a
 * failure of the program. Argument: the list. Exit code 77 (skipped) without the suite. */
#include <dirent.h>

#include "base/error.h"
#include "base/must.h"
#include "schema/schema.h"
#include "schema/value.h"
#include "suite.h"

#define MAX_FILES 256

static struct schema_resource remotes[MAX_FILES];
static size_t n_remotes;
static struct buffer expected = BUFFER_MAX(1 << 20);
static int unexpected;

static jv read_json(const char *path)
{
    struct buffer text = BUFFER_MAX(16 << 20);
    must(suite_read(path, NULL, &text));
    jv v = jv_parse_sized((const char *)text.p, (int)text.len);
    buffer_free(&text);
    must(jv_is_valid(v));
    return v;
}

static int is_json(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' &&
           (len < 5 || !strchr(e->d_name, '.') || strcmp(e->d_name + len - 5, ".json") == 0);
}

static void load_remotes(const char *root, const char *below)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", root, below);
    struct dirent **entries;
    int n = scandir(path, &entries, is_json, alphasort);
    must(n >= 0);
    for (int i = 0; i < n; i++) {
        char name[1024], uri[2048];
        snprintf(name, sizeof name, "%s%s%s", below, *below ? "/" : "", entries[i]->d_name);
        if (!strchr(entries[i]->d_name, '.') || strncmp(entries[i]->d_name, "draft", 5) == 0) {
            load_remotes(root, name);
        } else {
            must(n_remotes < MAX_FILES);
            snprintf(path, sizeof path, "%s/%s", root, name);
            snprintf(uri, sizeof uri, "http://localhost:1234/%s", name);
            remotes[n_remotes++] = (struct schema_resource){.uri = strdup(uri), .document = read_json(path)};
        }
        free(entries[i]);
    }
    free(entries);
}

static bool is_line_of(struct buffer *list, const char *line)
{
    size_t len = strlen(line);
    const char *text = buffer_text(list);
    for (const char *at = text; (at = strstr(at, line)); at += len)
        if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
            return true;
    return false;
}

static void record(bool passed, const char *file, jv group, jv test)
{
    char name[2048];
    jv a = value_get(group, "description"), b = value_get(test, "description");
    snprintf(name, sizeof name, "%.500s | %.700s | %.700s", file, jv_string_value(a), jv_string_value(b));
    jv_free(a);
    jv_free(b);
    bool listed = is_line_of(&expected, name);

    if (passed == listed) {
        unexpected++;
        printf("%s: %s\n", passed ? "listed, but passes" : "FAILS", name);
    }
}

static bool run_test(const struct schema *s, jv test)
{
    static struct schema_errors errors;
    jv data = value_get(test, "data"), valid = value_get(test, "valid");
    int quick = schema_validate(s, data, NULL), full = schema_validate(s, data, &errors);
    bool want = jv_get_kind(valid) == JV_KIND_TRUE;
    jv_free(data);
    jv_free(valid);
    must(quick == full);
    must(quick != -SP_EINVALID || errors.n > 0);
    return want ? quick == 0 : quick == -SP_EINVALID;
}

static void run_group(const char *file, jv group, bool formats, int *passed, int *total)
{
    struct schema_options options = {
        .resources = remotes, .n_resources = n_remotes, .assert_formats = formats};
    struct schema *s = NULL;
    struct diag diag = {0};
    int r = schema_compile(value_get(group, "schema"), &options, &s, &diag);
    if (r < 0)
        printf("%s: %s: %s\n", file, diag.pointer, diag.text);
    jv tests = value_get(group, "tests");
    for (size_t i = 0; i < value_count(tests); i++) {
        jv test = jv_array_get(jv_copy(tests), (int)i);
        bool good = r == 0 && run_test(s, test);
        record(good, file, group, test);
        *passed += good;
        ++*total;
        jv_free(test);
    }
    jv_free(tests);
    schema_free(s);
}

static void run_folder(const char *root, const char *folder, bool formats, int *passed, int *total)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/tests/draft2020-12%s", root, folder);
    struct dirent **entries;
    int n = scandir(path, &entries, is_json, alphasort);
    must(n > 0);
    for (int i = 0; i < n; i++) {
        char name[1024], file[4096];
        snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name);
        snprintf(file, sizeof file, "%s/tests/draft2020-12%s", root, name);
        if (strchr(entries[i]->d_name, '.')) {
            jv groups = read_json(file);
            for (size_t g = 0; g < value_count(groups); g++) {
                jv group = jv_array_get(jv_copy(groups), (int)g);
                run_group(name + 1, group, formats, passed, total);
                jv_free(group);
            }
            jv_free(groups);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"json-schema", "json-schema/optional", "json-schema/format"};
    must(argc == 2);
    char root[SUITE_PATH_MAX], remote_root[SUITE_PATH_MAX];
    suite_path(root, "suites/json-schema");
    suite_path(remote_root, "suites/json-schema/remotes");
    if (access(remote_root, R_OK) < 0) {
        printf("skipped: there is no suite at %s\n", root);
        return 77;
    }
    must(suite_read(argv[1], NULL, &expected));
    load_remotes(remote_root, "");
    int passed[3] = {0}, total[3] = {0};
    run_folder(root, "", false, &passed[0], &total[0]);
    run_folder(root, "/optional", false, &passed[1], &total[1]);
    run_folder(root, "/optional/format", true, &passed[2], &total[2]);
    for (size_t i = 0; i < 3; i++) {
        /* What fails is listed, or this program fails. */
        struct suite_result result = {(unsigned)total[i], (unsigned)passed[i],
                                      (unsigned)(total[i] - passed[i]), 0};
        must(suite_print(names[i], &result));
    }
    for (size_t i = 0; i < n_remotes; i++) {
        free((void *)(uintptr_t)remotes[i].uri);
        jv_free(remotes[i].document);
    }
    buffer_free(&expected);
    return unexpected || passed[0] != total[0];
}
