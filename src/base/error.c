/* error: the texts and mappings of the one list of error codes in error.h. */
#include "base/error.h"

#include <stddef.h>
#include <string.h>

struct error_row {
    int number;
    int status;
    int exit_code;
    const char *slug;
    const char *text;
};

static const struct error_row rows[] = {
#define E(name, number, status, code, slug, text) {number, status, code, slug, text},
    SP_ERRORS(E)
#undef E
};

static const struct error_row *error_row(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].number == -code)
            return &rows[i];
    return NULL;
}

bool error_is_ours(int code)
{
    return error_row(code);
}

const char *error_text(int code)
{
    const struct error_row *row = error_row(code);
    if (row)
        return row->text;
    const char *text = strerrordesc_np(-code);
    return text ? text : "unknown error";
}

const char *error_slug(int code)
{
    const struct error_row *row = error_row(code);
    return row ? row->slug : error_slug(-SP_EINTERNAL);
}

int error_http_status(int code)
{
    const struct error_row *row = error_row(code);
    return row ? row->status : error_http_status(-SP_EINTERNAL);
}

int error_exit_code(int code)
{
    const struct error_row *row = error_row(code);
    return row ? row->exit_code : 4;
}
