/* Scope-bound ownership (after systemd's cleanup-util.h): a variable marked `_cleanup_(f)` is released when it
 * goes out of scope, and TAKE_PTR hands it on. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                                                                                              \
    ({                                                                                                           \
        __typeof__(p) *take_place_ = &(p);                                                                       \
        __typeof__(p) take_value_ = *take_place_;                                                                \
        *take_place_ = NULL;                                                                                     \
        take_value_;                                                                                             \
    })

#define TAKE_FD(fd)                                                                                              \
    ({                                                                                                           \
        int *take_place_ = &(fd);                                                                                \
        int take_value_ = *take_place_;                                                                          \
        *take_place_ = -1;                                                                                       \
        take_value_;                                                                                             \
    })

/* Defines `name##p`, a cleanup function for a variable of type `type`, which calls `name` unless it is NULL. */
#define DEFINE_CLEANUP(type, name)                                                                               \
    static inline void name##p(type *p)                                                                          \
    {                                                                                                            \
        if (*p)                                                                                                  \
            name(*p);                                                                                            \
    }

static inline void freep(void *p)
{
    free(*(void **)p);
}

static inline void closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

#endif
