/* problem: RFC 9457 objects from the list of errors. Called by gateway and engine. */
#include "base/problem.h"

#include <stdio.h>

#include "base/error.h"

int problem_code(int code)
{
    if (code == -ENOMEM)
        return -SP_EOVERLOAD;
    return error_is_ours(code) ? code : -SP_EINTERNAL;
}

int problem_status(int code)
{
    return error_http_status(problem_code(code));
}

void problem_begin(struct json_writer *w, int code, const char *detail)
{
    char type[64];
    int shown = problem_code(code);
    (void)snprintf(type, sizeof type, PROBLEM_TYPE "%s", error_slug(shown));
    json_object_begin(w);
    json_key_text(w, "type", type);
    json_key_text(w, "title", error_text(shown));
    json_key_i64(w, "status", error_http_status(shown));
    json_key_text(w, "detail", detail);
}

void problem_write(struct buffer *b, int code, const char *detail)
{
    struct json_writer w = JSON_WRITER(b);
    problem_begin(&w, code, detail);
    json_object_end(&w);
}
