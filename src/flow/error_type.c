/* error_type: the table of standard error types and the spellings of their URIs.
 * What must hold: two URIs are equal only if their bytes are, or both spell the same standard type; an unknown host, version
 * or name is nobody's alias. Called by the interpreter when it raises and when it catches. */
#include "flow/error_type.h"

#include "base/error.h"
#include "base/must.h"

#define PREFIX "https://open-workflow-specification.org/spec/1.0.0/errors/"

static const struct {
    const char *name, *uri, *title;
    int status;
} types[] = {
#define E(NAME, name, status, title) [FLOW_ERROR_##NAME] = {name, PREFIX name, title, status},
    FLOW_ERRORS(E)
#undef E
};

const char *flow_error_type_uri(enum flow_error e)
{
    must(e < FLOW_ERROR_COUNT);
    return types[e].uri;
}

int flow_error_type_status(enum flow_error e)
{
    must(e < FLOW_ERROR_COUNT);
    return types[e].status;
}

const char *flow_error_type_title(enum flow_error e)
{
    must(e < FLOW_ERROR_COUNT);
    return types[e].title;
}

/* Cuts `text` off the front of `*rest` if it stands there. */
static bool take(struct slice *rest, const char *text)
{
    if (!slice_starts(*rest, text))
        return false;
    size_t n = strlen(text);
    *rest = slice_of(rest->p + n, rest->len - n);
    return true;
}

static bool take_digits(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->len && n < 6 && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    *rest = slice_of(rest->p + n, rest->len - n);
    return n > 0;
}

/* "/spec/1.x.y/errors/" or "/dsl/errors/types/" */
static bool take_folder(struct slice *rest)
{
    if (take(rest, "/dsl/errors/types/"))
        return true;
    return take(rest, "/spec/1.") && take_digits(rest) && take(rest, ".") && take_digits(rest) && take(rest, "/errors/");
}

int flow_error_type_find(struct slice uri)
{
    if (!take(&uri, "https://") && !take(&uri, "http://"))
        return -SP_ENOTFOUND;
    if (!take(&uri, "open-workflow-specification.org") && !take(&uri, "serverlessworkflow.io"))
        return -SP_ENOTFOUND;
    if (!take_folder(&uri))
        return -SP_ENOTFOUND;
    for (int e = 0; e < FLOW_ERROR_COUNT; e++)
        if (slice_is(uri, types[e].name))
            return e;
    return -SP_ENOTFOUND;
}

bool flow_error_type_equal(struct slice a, struct slice b)
{
    if (slice_equal(a, b))
        return true;
    int e = flow_error_type_find(a);
    return e >= 0 && e == flow_error_type_find(b);
}
