/* body: what a request brings. Called by routes.c before the handler. The route decides the parser; the media
 * type that the client names only has to agree, and never chooses one. */
#include "engine/body.h"

#include "base/error.h"
#include "base/json_reader.h"
#include "wire/codec.h"

/* Other names of the same, and the ends of types that are made of it (RFC 6839; RFC 9512). JSON is YAML. */
static const char *const json_types[] = {"application/json", NULL}, *const json_ends[] = {"+json", NULL};
static const char *const yaml_types[] = {"application/yaml", "application/x-yaml", "text/yaml",
                                         "text/x-yaml",      "application/json",   NULL};
static const char *const yaml_ends[] = {"+yaml", "+json", NULL};

static bool is_any_of(struct slice type, const char *const *types)
{
    for (; *types; types++)
        if (slice_equal_nocase(type, slice_text(*types)))
            return true;
    return false;
}

static bool ends_with_any_of(struct slice type, const char *const *ends)
{
    for (; *ends; ends++) {
        struct slice end = slice_text(*ends);
        if (type.len > end.len && slice_equal_nocase(slice_of(type.p + type.len - end.len, end.len), end))
            return true;
    }
    return false;
}

static bool is_type(const struct request *r, enum media media)
{
    struct slice type, essence;
    if (!wire_pairs_find(r->headers, "content-type", &type) || !slice_split(&type, ';', &essence))
        return false;
    while (essence.len && (essence.p[essence.len - 1] == ' ' || essence.p[essence.len - 1] == '\t'))
        essence.len--;
    bool is_yaml = media == MEDIA_YAML;
    return is_any_of(essence, is_yaml ? yaml_types : json_types) ||
           ends_with_any_of(essence, is_yaml ? yaml_ends : json_ends);
}

static int refuse(enum schema schema, const char *pointer, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer what = BUFFER_MAX(LIMIT_TEXT);
    schema_describe(schema, &what);
    const char *text = buffer_text(&what);
    return diag_set(reterr, -SP_EINVALID, "\"%s\" of the body has to be %s.", pointer,
                    text ? text : "another");
}

static bool is_of_type(const struct schema_row *row, const json_t *value)
{
    switch (row->type ? row->type[0] : 0) {
    case 0:
        return true;
    case 's':
        return json_is_string(value);
    case 'b':
        return json_is_boolean(value);
    case 'i':
        return json_is_integer(value);
    default:
        return json_is_object(value);
    }
}

static int check_members(const struct schema_row *row, const json_t *object, const char *pointer,
                         struct diag *reterr);

/* As deep as the table of schemas, where none contains itself. */
static int check(enum schema schema, const json_t *value, const char *pointer, struct diag *reterr)
{
    const struct schema_row *row = schema_row(schema);
    uint64_t unused;
    if (!is_of_type(row, value))
        return refuse(schema, pointer, reterr);
    if (json_is_string(value) &&
        !schema_takes_text(schema, slice_of(json_string_value(value), json_string_length(value)), &unused))
        return refuse(schema, pointer, reterr);
    return row->members ? check_members(row, value, pointer, reterr) : 0;
}

static int check_list(enum schema schema, const json_t *list, const char *pointer, struct diag *reterr)
{
    size_t i;
    const json_t *value;
    int code = json_is_array(list)
                   ? 0
                   : diag_set(reterr, -SP_EINVALID, "\"%s\" of the body has to be a list.", pointer);
    json_array_foreach(list, i, value) code = code < 0 ? code : check(schema, value, pointer, reterr);
    return code;
}

static int check_known(const struct schema_row *row, const json_t *object, const char *pointer,
                       struct diag *reterr)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (i < row->n_members && strcmp(row->members[i].name, key) != 0)
            i++;
        if (i == row->n_members)
            return diag_set(reterr, -SP_EINVALID, "\"%s/%.64s\" of the body is not known here.", pointer,
                            key);
    }
    return 0;
}

static int check_members(const struct schema_row *row, const json_t *object, const char *pointer,
                         struct diag *reterr)
{
    int code = check_known(row, object, pointer, reterr);
    for (size_t i = 0; code == 0 && i < row->n_members; i++) {
        const struct schema_member *m = &row->members[i];
        const json_t *value = json_object_get(object, m->name);
        char place[128];
        (void)snprintf(place, sizeof place, "%s/%s", pointer, m->name);
        if (value)
            code = m->flags & IS_LIST ? check_list(m->schema, value, place, reterr)
                                      : check(m->schema, value, place, reterr);
        else if (m->flags & IS_REQUIRED)
            code = diag_set(reterr, -SP_EINVALID, "\"%s\" of the body is missing.", place);
    }
    return code;
}

static int read_json(const struct request *r, json_t **ret, struct diag *reterr)
{
    json_error_t error;
    json_t *root = json_read(r->body, JSON_ALLOW_NUL, &error);
    int code = 0;
    if (!root && json_read_failure(&error) == -ENOMEM)
        code = diag_set(reterr, -ENOMEM, "There is no memory now to read the body.");
    else if (!json_is_object(root))
        code = diag_set(reterr, -SP_ESYNTAX, "The body is not a JSON object: line %d, column %d: %s.",
                        error.line, error.column, root ? "something else" : error.text);
    else
        code = check(r->route->body.schema, root, "", reterr);
    if (code == 0)
        *ret = root;
    else
        json_decref(root);
    return code;
}

int body_read(const struct request *r, json_t **ret, struct diag *reterr)
{
    const struct route *route = r->route;
    if (!route->body.media)
        return 0;
    if (!is_type(r, route->body.media))
        return diag_set(reterr, -SP_EMEDIATYPE, "Send the body as %s, and say so in Content-Type.",
                        media_text(route->body.media));
    if (r->body.len > route->body.max)
        return diag_set(reterr, -SP_ELIMIT, "The body may have %u bytes here.", route->body.max);
    return schema_row(route->body.schema)->members ? read_json(r, ret, reterr) : 0;
}
