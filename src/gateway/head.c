/* head: follows the parts of a parsed head through the library's buffer. Called for each request by intake.c. Must hold: no
 * byte outside begin..end is read, whatever the pointers are. */
#include "gateway/head.h"

/* `n` NULs at `p`, all within the head. */
static bool are_nuls(const struct head_walk *w, const char *p, size_t n)
{
    if (p < w->begin || p > w->end || (size_t)(w->end - p) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

struct head_walk head_begin(const char *method, size_t len, const char *uri, size_t uri_len, const char *version)
{
    struct head_walk w = {.begin = method, .end = method + len};
    size_t method_len = strnlen(method, len);
    const char *uri_end = uri + uri_len, *version_end = version + strlen(version);
    if (method + method_len + 1 == uri && are_nuls(&w, method + method_len, 1) && uri_end + 1 == version &&
        are_nuls(&w, uri_end, 1) && are_nuls(&w, version_end, 2))
        w.at = version_end + 2;
    return w;
}

void head_field(struct head_walk *w, const char *name, size_t name_len, const char *value, size_t value_len)
{
    if (!w->at)
        return;
    const char *at = w->at;
    w->at = NULL;
    if (name != at || !are_nuls(w, name + name_len, 1) || value <= name + name_len || value > w->end)
        return;
    for (const char *p = name + name_len + 1; p < value; p++)
        if (*p != ' ' && *p != '\t')
            return;
    if (are_nuls(w, value + value_len, 2))
        w->at = value + value_len + 2;
}

bool head_end(const struct head_walk *w)
{
    return w->at && are_nuls(w, w->at, 2) && w->at + 2 == w->end;
}
