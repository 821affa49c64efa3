/* The third kind of error: we are wrong. `must` is always compiled in and must not be reachable by input. */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#define must(condition)                                                                                          \
    do {                                                                                                         \
        if (__builtin_expect(!(condition), 0))                                                                   \
            must_failed(#condition, __FILE__, __LINE__);                                                         \
    } while (0)

/* Names the role in the message of a failed `must`; `role` is kept and must outlive the process. */
void must_set_role(const char *role);

[[gnu::noreturn]] void must_failed(const char *condition, const char *file, int line);

#endif
