/* What a handler is lent: the payload, for the time of its call. Under AddressSanitizer it is a copy of just its length that is
 * freed when the handler returns, so that each test sees a handler that reads beyond its message or keeps a part of it; without, the
 * bytes of the channel's buffer themselves. Included by channel_read.c alone. */
#ifndef WIRE_LOAN_H
#define WIRE_LOAN_H

#include <stdlib.h>

#include "base/slice.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOAN_IS_COPIED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LOAN_IS_COPIED 1
#endif

#ifdef LOAN_IS_COPIED
/* The payload itself when there is no memory. One byte stands before the copy, so that none is behind a payload of none. */
static inline struct slice loan_begin(struct slice payload)
{
    uint8_t *copy = malloc(payload.len + 1);
    if (!copy)
        return payload;
    if (payload.len)
        memcpy(copy + 1, payload.p, payload.len);
    return slice_of(copy + 1, payload.len);
}

static inline void loan_end(struct slice payload, struct slice lent)
{
    if (lent.p == payload.p)
        return;
    uint8_t *copy = (uint8_t *)(uintptr_t)lent.p - 1;
    explicit_bzero(copy, lent.len + 1); /* it may hold a secret */
    free(copy);
}
#else
static inline struct slice loan_begin(struct slice payload)
{
    return payload;
}

static inline void loan_end(struct slice payload, struct slice lent)
{
    (void)payload;
    (void)lent;
}
#endif

#endif
