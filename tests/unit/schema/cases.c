/* cases: see cases.h. */
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

struct schema_errors errors;

jv json(const char *text)
{
    jv v = jv_parse(text);
    if (!jv_is_valid(v))
        fail_msg("not JSON: %s", text);
    return v;
}

struct schema *compiled(const char *text)
{
    struct schema *s = NULL;
    struct diag diag = {0};
    if (schema_compile(json(text), NULL, &s, &diag) < 0)
        fail_msg("%s: %s: %s", text, diag.pointer, diag.text);
    return s;
}

int validated(const struct schema *s, jv instance)
{
    int quick = schema_validate(s, instance, NULL), full = schema_validate(s, instance, &errors);
    jv_free(instance);
    assert_int_equal(quick, full);
    return full;
}

void each_case(const char *file, void (*run)(char **fields))
{
    char path[1024], line[16384];
    snprintf(path, sizeof path, CASES_FOLDER "/%s", file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0] || line[0] == '#')
            continue;
        char *fields[24] = {line};
        int n = 1;
        for (char *tab = line; n < 23 && (tab = strchr(tab, '\t')); n++) {
            *tab++ = 0;
            fields[n] = tab;
        }
        run(fields);
    }
    fclose(f);
}
