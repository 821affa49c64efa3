/* Reads the text tables of tests/abuse: one case a line, '#' begins a comment line. */
#ifndef TESTS_POLICY_TABLE_H
#define TESTS_POLICY_TABLE_H

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void table_case(char *line, unsigned number);

/* Calls `each` for every case and gives how many there were. */
static inline unsigned table_run(const char *name, table_case *each)
{
    char path[512];
    char line[2048];
    unsigned number = 0, n = 0;
    snprintf(path, sizeof path, "%s/%s", ABUSE_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || line[0] == 0)
            continue;
        each(line, number);
        n++;
    }
    fclose(file);
    return n;
}

/* Cuts " | "-separated columns in place; the number of columns. */
static inline unsigned table_columns(char *line, char **columns, unsigned max)
{
    unsigned n = 0;
    while (n < max) {
        columns[n++] = line;
        char *bar = strstr(line, " | ");
        if (!bar)
            break;
        *bar = 0;
        line = bar + 3;
    }
    return n;
}

#endif
