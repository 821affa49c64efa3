/* openapi_schemas: the table of schemas.h as JSON Schema, and content that has one. Called by openapi.c and openapi_answers.c. */
#include "engine/openapi_parts.h"

static void write_enumeration(struct json_writer *w, const char *(*text)(int))
{
    json_key_array(w, "enum");
    for (int i = 0; i < SCHEMA_ENUM_MAX; i++)
        if (text(i))
            json_text(w, text(i));
    json_array_end(w);
}

static void write_reference(struct json_writer *w, const char *name)
{
    char to[96];
    (void)snprintf(to, sizeof to, OPENAPI_COMPONENT("schemas", "%s"), name);
    json_key_text(w, "$ref", to);
}

static void write_members(struct json_writer *w, const struct schema_row *row);

/* The members of a schema object: what it is, without the braces. */
static void write_definition(struct json_writer *w, const struct schema_row *row)
{
    if (row->about)
        json_key_text(w, "description", row->about);
    if (row->base) {
        json_key_array(w, "allOf");
        json_object_begin(w);
        write_reference(w, schema_row(row->base)->name);
        json_object_end(w);
        json_array_end(w);
    }
    if (row->type)
        json_key_text(w, "type", row->type);
    if (row->pattern)
        json_key_text(w, "pattern", row->pattern);
    if (row->format)
        json_key_text(w, "format", row->format);
    if (row->encoding)
        json_key_text(w, "contentEncoding", row->encoding);
    if (row->text)
        write_enumeration(w, row->text);
    if (row->max) {
        json_key_i64(w, "minimum", row->min);
        json_key_i64(w, "maximum", row->max);
    }
    if (row->members)
        write_members(w, row);
}

void openapi_schema_use(struct json_writer *w, enum schema schema)
{
    const struct schema_row *row = schema_row(schema);
    if (row->name)
        write_reference(w, row->name);
    else
        write_definition(w, row);
}

static void write_member(struct json_writer *w, const struct schema_member *m)
{
    json_key_object(w, m->name);
    if (m->about)
        json_key_text(w, "description", m->about);
    if (m->flags & IS_LIST) {
        json_key_text(w, "type", "array");
        json_key_object(w, "items");
        openapi_schema_use(w, m->schema);
        json_object_end(w);
    } else {
        openapi_schema_use(w, m->schema);
    }
    json_object_end(w);
}

static void write_members(struct json_writer *w, const struct schema_row *row)
{
    bool has_required = false;
    json_key_object(w, "properties");
    for (size_t i = 0; i < row->n_members; i++) {
        write_member(w, &row->members[i]);
        has_required |= row->members[i].flags & IS_REQUIRED;
    }
    json_object_end(w);
    if (!has_required)
        return;
    json_key_array(w, "required");
    for (size_t i = 0; i < row->n_members; i++)
        if (row->members[i].flags & IS_REQUIRED)
            json_text(w, row->members[i].name);
    json_array_end(w);
}

void openapi_schemas(struct json_writer *w)
{
    json_key_object(w, "schemas");
    for (int i = SCHEMA_NONE + 1; i < SCHEMA_COUNT_OF_ALL; i++) {
        const struct schema_row *row = schema_row((enum schema)i);
        if (!row->name)
            continue;
        json_key_object(w, row->name);
        write_definition(w, row);
        json_object_end(w);
    }
    json_object_end(w);
}

/* In a document a media type stands without its parameters. */
void openapi_content_begin(struct json_writer *w, enum media media)
{
    char type[64];
    (void)snprintf(type, sizeof type, "%.*s", (int)strcspn(media_text(media), ";"), media_text(media));
    json_key_object(w, "content");
    json_key_object(w, type);
    json_key_object(w, "schema");
}

void openapi_content_end(struct json_writer *w)
{
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}
