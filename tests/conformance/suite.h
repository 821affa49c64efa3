/* What the programs of this folder share: where the public suites are, reading them, and saying what came of
 * it. A suite is at $SALLYPORT_SHARED, else in ../shared beside the source tree; one that is not there is
 * skipped. */
#ifndef TESTS_CONFORMANCE_SUITE_H
#define TESTS_CONFORMANCE_SUITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"

#define SUITE_PATH_MAX 4096

/* The path of what lies at `below` in the shared folder. */
void suite_path(char ret[SUITE_PATH_MAX], const char *below);

/* The same, and skips the cmocka test that asks when there is nothing. */
#define suite_path_or_skip(ret, below)                                                                       \
    do {                                                                                                     \
        suite_path((ret), (below));                                                                          \
        if (access((ret), R_OK) < 0) {                                                                       \
            print_message("skipped: there is no suite at %s\n", (ret));                                      \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)

/* Appends the file at folder/name (name NULL: at folder); false when it cannot be read. */
bool suite_read(const char *folder, const char *name, struct buffer *ret);

/* Calls `each` for the files under `root` whose names end in `suffix`, in the order of their paths. `path` is
 * below the root. */
typedef void suite_file_fn(void *user, const char *path, const char *full);
void suite_files(const char *root, const char *suffix, suite_file_fn *each, void *user);

/* What came of a suite. Every case is in one of the last three, or the program fails. */
struct suite_result {
    unsigned cases;
    unsigned passed;   /* accepted with the right result, or refused as the suite wants it */
    unsigned refused;  /* valid to the suite, refused on purpose */
    unsigned left_out; /* not for us */
};

/* Prints the line that docs/conformance.md is held against (test_table.py). False when the counts do not add
 * up. */
bool suite_print(const char *name, const struct suite_result *result);

#endif
