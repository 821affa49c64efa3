/* query: reads what stands behind "?" in place. Called by routes.c before the handler. What the route does
 * not name is refused: a filter that was misspelt must not list everything. */
#include "engine/query.h"

#include "base/error.h"
#include "base/must.h"

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes within the request's own memory, for a text only becomes shorter. */
static int percent_decode(const struct request *r, struct slice *s)
{
    uint8_t *to = r->memory + (s->p - r->memory);
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->p[i] != '%') {
            to[n++] = s->p[i] == '+' ? ' ' : s->p[i];
            continue;
        }
        if (s->len - i < 3 || hex_digit(s->p[i + 1]) < 0 || hex_digit(s->p[i + 2]) < 0)
            return -SP_EINVALID;
        to[n++] = (uint8_t)(hex_digit(s->p[i + 1]) << 4 | hex_digit(s->p[i + 2]));
        i += 2;
    }
    *s = slice_of(to, n);
    return slice_is_utf8(*s) ? 0 : -SP_EINVALID;
}

static int find(const struct route *route, struct slice name)
{
    for (int i = 0; i < ROUTE_QUERY && route->query[i].name; i++)
        if (slice_is(name, route->query[i].name))
            return i;
    return -1;
}

static int refuse_unknown(const struct route *route, struct slice name, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer known = BUFFER_MAX(LIMIT_TEXT);
    for (int i = 0; i < ROUTE_QUERY && route->query[i].name; i++)
        (void)buffer_printf(&known, "%s%s", i ? ", " : "; it takes ", route->query[i].name);
    const char *text = buffer_text(&known);
    return diag_set(reterr, -SP_EINVALID, "This path takes no query parameter \"%.*s\"%s.",
                    (int)(name.len < 64 ? name.len : 64), name.p ? (const char *)name.p : "",
                    text ? text : "");
}

static int read_one(struct request *r, struct slice name, struct slice value, struct diag *reterr)
{
    int i = find(r->route, name);
    if (i < 0)
        return refuse_unknown(r->route, name, reterr);
    struct request_query *to = &r->query_values[i];
    const struct route_query *wanted = &r->route->query[i];
    if (to->text.p)
        return diag_set(reterr, -SP_EINVALID, "The query parameter \"%s\" is there twice.", wanted->name);
    if (percent_decode(r, &value) == 0 && schema_takes_text(wanted->schema, value, &to->number)) {
        to->text = value;
        return 0;
    }
    _cleanup_buffer_ struct buffer what = BUFFER_MAX(LIMIT_TEXT);
    schema_describe(wanted->schema, &what);
    const char *text = buffer_text(&what);
    return diag_set(reterr, -SP_EINVALID, "The query parameter \"%s\" has to be %s.", wanted->name,
                    text ? text : "another");
}

int request_query_read(struct request *r, struct diag *reterr)
{
    struct slice rest = r->query, value, name;
    int code = 0;
    for (int i = 0; i < ROUTE_QUERY; i++)
        r->query_values[i] = (struct request_query){.number = r->route->query[i].fallback};
    while (code == 0 && r->query.len && slice_split(&rest, '&', &value)) {
        (void)slice_split(&value, '=', &name);
        /* "name" alone has no value, and none of ours may be empty. */
        code = read_one(r, name, value.p ? value : slice_of(name.p + name.len, 0), reterr);
    }
    return code;
}

static int known(const struct request *r, const char *name)
{
    int i = find(r->route, slice_text(name));
    must(i >= 0);
    return i;
}

struct slice request_query_text(const struct request *r, const char *name)
{
    return r->query_values[known(r, name)].text;
}

uint64_t request_query_number(const struct request *r, const char *name, uint64_t otherwise)
{
    int i = known(r, name);
    return r->query_values[i].text.p || r->route->query[i].fallback ? r->query_values[i].number : otherwise;
}
