/* What a child process covered, for a harness that gives each input a process of its own: the fuzzer counts in its own memory alone.
 * Without a fuzzer these do nothing. */
#ifndef FUZZ_CHILD_COVERAGE_H
#define FUZZ_CHILD_COVERAGE_H

void child_coverage_begin(void); /* once, before the first child */
void child_coverage_give(void);  /* in the child, at its end */
void child_coverage_take(void);  /* after it */

#endif
