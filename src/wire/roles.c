/* roles: names and texts of the lists in roles.h. */
#include "wire/roles.h"

struct table_row {
    int value;
    const char *text;
};

static const char *const role_names[] = {
#define R(NAME, name) #name,
    WIRE_ROLES(R)
#undef R
};

const char *role_name(enum role role)
{
    return (unsigned)role < ROLE_COUNT ? role_names[role] : "?";
}

#define TABLE_ROW(NAME, number, text, ...) {number, text},

static const char *table_text(const struct table_row *rows, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].value == value)
            return rows[i].text;
    return NULL;
}

static int table_parse(const struct table_row *rows, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(s, rows[i].text))
            return rows[i].value;
    return -1;
}

#define DEFINE_TEXT(name, LIST)                                                                                  \
    static const struct table_row name##_rows[] = {LIST(TABLE_ROW)};                                             \
    const char *name##_text(int value)                                                                           \
    {                                                                                                            \
        return table_text(name##_rows, sizeof name##_rows / sizeof name##_rows[0], value);                       \
    }

#define DEFINE_PARSE(name)                                                                                       \
    int name##_parse(struct slice s)                                                                             \
    {                                                                                                            \
        return table_parse(name##_rows, sizeof name##_rows / sizeof name##_rows[0], s);                          \
    }

DEFINE_TEXT(http_method, HTTP_METHODS)
DEFINE_PARSE(http_method)
DEFINE_TEXT(webhook_scheme, WEBHOOK_SCHEMES)
DEFINE_PARSE(webhook_scheme)
DEFINE_TEXT(credential_kind, CREDENTIAL_KINDS)
DEFINE_PARSE(credential_kind)
DEFINE_TEXT(credential_place, CREDENTIAL_PLACES)
DEFINE_PARSE(credential_place)
DEFINE_TEXT(effect_kind, EFFECT_KINDS)
DEFINE_TEXT(step_status, STEP_STATUSES)
DEFINE_TEXT(trace_status, TRACE_STATUSES)
DEFINE_TEXT(worker_cause, WORKER_CAUSES)

const char *webhook_scheme_header(enum webhook_scheme scheme)
{
    static const char *const headers[] = {
#define W(NAME, number, text, header) [NAME] = header,
        WEBHOOK_SCHEMES(W)
#undef W
    };
    return (size_t)scheme < sizeof headers / sizeof headers[0] ? headers[scheme] : NULL;
}
