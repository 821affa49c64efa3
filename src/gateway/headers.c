/* headers: the tables of what passes. Called for each header of each request and response. */
#include "gateway/headers.h"

#include <assert.h>

/* The first lines stand in the order of enum header_place. */
static const struct {
    const char *name;
    enum header_use use;
} REQUEST_HEADERS[] = {
    {"host", HEADER_PASS},
    {"content-length", HEADER_FRAMING},
    {"transfer-encoding", HEADER_FRAMING},
    {"x-forwarded-for", HEADER_DROP},
    {"forwarded", HEADER_DROP},
    {"content-type", HEADER_PASS},
    {"content-encoding", HEADER_PASS},
    {"authorization", HEADER_PASS},
    {"idempotency-key", HEADER_PASS},
    {"user-agent", HEADER_PASS},
    {"x-request-id", HEADER_PASS},
    {"accept", HEADER_LIST},
    {"if-none-match", HEADER_LIST},
    {"origin", HEADER_PASS},
    {"traceparent", HEADER_PASS},
    /* webhook signatures and what they cover */
    {"x-hub-signature-256", HEADER_PASS},
    {"x-github-event", HEADER_PASS},
    {"x-github-delivery", HEADER_PASS},
    {"webhook-id", HEADER_PASS},
    {"webhook-timestamp", HEADER_PASS},
    {"webhook-signature", HEADER_PASS},
    {"stripe-signature", HEADER_PASS},
    {"x-slack-signature", HEADER_PASS},
    {"x-slack-request-timestamp", HEADER_PASS},
};
#define N_REQUEST_HEADERS (sizeof REQUEST_HEADERS / sizeof REQUEST_HEADERS[0])
static_assert(N_REQUEST_HEADERS <= HEADER_TABLE_MAX, "a bit for each");

/* CloudEvents in HTTP's binary mode, and Svix. */
static const char *const REQUEST_PREFIXES[] = {"ce-", "svix-"};

struct header_match request_header_find(struct slice name, uint8_t scratch[HEADER_NAME_MAX])
{
    static const struct header_match none = {.use = HEADER_DROP, .index = -1};
    if (name.len > HEADER_NAME_MAX)
        return none;
    for (size_t i = 0; i < name.len; i++)
        scratch[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i];
    struct slice lower = slice_of(scratch, name.len);
    for (size_t i = 0; i < N_REQUEST_HEADERS; i++)
        if (slice_is(lower, REQUEST_HEADERS[i].name))
            return (struct header_match){REQUEST_HEADERS[i].use, lower, (int)i};
    for (size_t i = 0; i < sizeof REQUEST_PREFIXES / sizeof REQUEST_PREFIXES[0]; i++)
        if (slice_starts(lower, REQUEST_PREFIXES[i]))
            return (struct header_match){HEADER_PASS, lower, -1};
    return none;
}

static const char *const RESPONSE_HEADERS[] = {
    "Content-Type",     "Cache-Control", "Location", "ETag", "WWW-Authenticate", "Retry-After", "Allow", "Link",
    "Content-Disposition", "Vary",       "X-Request-Id", "Last-Modified",
    "RateLimit",        "RateLimit-Policy", "Sallyport-Run",
};

const char *response_header_find(struct slice name)
{
    for (size_t i = 0; i < sizeof RESPONSE_HEADERS / sizeof RESPONSE_HEADERS[0]; i++)
        if (slice_equal_nocase(name, slice_text(RESPONSE_HEADERS[i])))
            return RESPONSE_HEADERS[i];
    return NULL;
}
