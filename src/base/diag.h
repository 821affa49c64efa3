/* What a person should read about something that is wrong: where, what, and what to do. Libraries fill it, roles and the
 * command print it. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdint.h>

#include "base/limits.h"

struct diag {
    int code;           /* negative, from error.h; 0 when nothing was filled */
    uint32_t line;      /* from 1; 0 when the place is not in a text */
    uint32_t column;    /* from 1, in characters */
    char pointer[512];  /* JSON Pointer (RFC 6901) into the data or definition; "" for its root */
    char text[1024];    /* what is wrong */
    char hint[512];     /* what to do about it; may be "" */
};

/* Fills code and text and returns `code`; `diag` may be NULL. What does not fit is cut at a character's border. */
[[gnu::format(printf, 3, 4)]] int diag_set(struct diag *diag, int code, const char *format, ...);

/* Adds the advice, or the place. Each may be called on NULL. */
[[gnu::format(printf, 2, 3)]] void diag_hint(struct diag *diag, const char *format, ...);
void diag_place(struct diag *diag, uint32_t line, uint32_t column);
[[gnu::format(printf, 2, 3)]] void diag_pointer(struct diag *diag, const char *format, ...);

#endif
