/* Query and body of a request to each route: the first byte chooses the route, then come lines for the query
 * and for the media type, and the rest is the body. What is accepted must be what the route takes, as seen by
 * a second look. */
#include <stdlib.h>

#include "base/must.h"
#include "engine/body.h"
#include "engine/query.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_query(const struct request *r)
{
    for (int i = 0; i < ROUTE_QUERY; i++) {
        const struct route_query *wanted = &r->route->query[i];
        const struct request_query *got = &r->query_values[i];
        uint64_t number = got->number;
        if (!got->text.p)
            continue;
        must(wanted->name && got->text.len && slice_is_utf8(got->text));
        must(got->text.p >= r->memory && got->text.p + got->text.len <= r->memory + r->memory_len);
        must(schema_takes_text(wanted->schema, got->text, &number) && number == got->number);
        must(slice_equal(request_query_text(r, wanted->name), got->text));
    }
}

static void look_at_body(const struct request *r, const json_t *json)
{
    const struct schema_row *row = schema_row(r->route->body.schema);
    size_t n = 0;
    must(json_is_object(json) && row->members);
    for (size_t i = 0; i < row->n_members; i++) {
        bool is_there = json_object_get(json, row->members[i].name);
        must(is_there || !(row->members[i].flags & IS_REQUIRED));
        n += is_there;
    }
    must(n == json_object_size(json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct request r = {.route = &routes[data[0] % routes_n], .memory_len = size};
    struct slice rest, type;
    struct diag diag = {0};
    json_t *json = NULL;
    must((r.memory = malloc(size)) != NULL);
    memcpy(r.memory, data, size);
    rest = slice_of(r.memory + 1, size - 1);
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_BODY);
    if (slice_split(&rest, '\n', &r.query) && slice_split(&rest, '\n', &type)) {
        wire_pairs_put(&headers, SLICE_LITERAL("content-type"), type);
        r.headers = buffer_slice(&headers);
        r.body = rest;
    }
    if (request_query_read(&r, &diag) == 0)
        look_at_query(&r);
    if (body_read(&r, &json, &diag) == 0 && json)
        look_at_body(&r, json);
    json_decref(json);
    free(r.memory);
    return 0;
}
