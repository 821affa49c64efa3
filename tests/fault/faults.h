/* The N-th allocation fails: of our code (malloc, calloc, realloc, strdup and libsodium's guarded memory, which the linker sends
 * here: `fault_wraps` in meson.build), and of jansson, SQLite and GnuTLS, which ask our code. What a library asks of the C
 * library without such a way is not reached.
 *
 *   struct fault_loop f = FAULT_LOOP("what");
 *   while (fault_next(&f))
 *       fault_judge(&f, the_operation());
 *
 * runs the body without a fault, to see that it does not fail by itself, then with the first allocation failing, the second …
 * until a pass in which none failed, and at the end asks the sanitizer for leaks. FAULT_TRACE in the environment: it prints where. */
#ifndef FAULT_FAULTS_H
#define FAULT_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Before any library is initialised. Temporary files go to memory, unless TMPDIR says where. */
void faults_init(void);
bool faults_init_sqlite(void); /* faults_sqlite.c, for those who link it */
void faults_init_gnutls(void); /* wrapped.c; faults_init calls it */

struct fault_loop {
    const char *what;
    unsigned n;     /* this allocation fails; 0: none */
    unsigned dense; /* from here on (0: 300) not each is tried; FAULT_STEPS in the environment makes the steps shorter */
    int also[3];    /* what may be answered besides -ENOMEM */
    bool is_over;
};

#define FAULT_LOOP(name, ...) ((struct fault_loop){.what = (name), .n = UINT32_MAX, __VA_ARGS__})

/* Arms the next fault; false after a pass in which none failed. */
bool fault_next(struct fault_loop *f);

/* Disarms it, and judges what was answered: 0 without a fault; with one 0, since not all memory is needed, or -ENOMEM. Fails the
 * test with the number of the fault. */
void fault_judge(struct fault_loop *f, int code);

/* For what is not to be counted. */
void fault_pause(void);
void fault_resume(void);

/* Counts one allocation, and says whether it fails. */
bool fault_now(void);

#endif
