/* JSONTestSuite against flow_json_parse: every y_ file is accepted (but those with a key twice), every n_ file refused; i_ files may go either way but must
 * not end the process. A file that is accepted is what libjq's reader makes of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>

#include "base/buffer.h"
#include "flow/document.h"

static bool read_file(const char *path, struct buffer *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buffer_append(ret, block, n);
    fclose(f);
    return true;
}

/* Whether the file is treated as its name wants. */
static bool check_file(const char *folder, const char *name)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(1 << 20);
    assert_true(read_file(path, &text));
    struct diag diag = {0};
    jv value;
    /* RFC 8259 only says that names should be unique; we refuse what two readers could take differently. */
    bool has_duplicate = strstr(name, "object_duplicated_key") != NULL;
    if (flow_json_parse(buffer_slice(&text), &value, &diag) < 0)
        return name[0] != 'y' || has_duplicate;
    jv other = jv_parse_sized((const char *)text.p, (int)text.len);
    bool is_same = name[0] == 'i' || jv_equal(jv_copy(other), jv_copy(value));
    jv_free(other);
    jv_free(value);
    return name[0] != 'n' && is_same;
}

static void test_suite(void **state)
{
    char suite[4096];
    const char *shared = getenv("SALLYPORT_SHARED");
    snprintf(suite, sizeof suite, "%s/suites/json-parsing/test_parsing", shared ? shared : SOURCE_ROOT "/../shared");
    DIR *d = opendir(suite);
    if (!d) {
        print_message("skipped: there is no JSON suite in %s\n", suite);
        skip();
    }
    unsigned n = 0, n_wrong = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".json"))
            continue;
        n++;
        if (!check_file(suite, e->d_name)) {
            print_message("  wrong: %s\n", e->d_name);
            n_wrong++;
        }
    }
    closedir(d);
    print_message("%u files, %u wrong\n", n, n_wrong);
    assert_true(n > 300);
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
