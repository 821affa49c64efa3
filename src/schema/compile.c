/* compile: turns a document into nodes. Discovery is a queue and not a recursion: a node is created when its place is first
 * seen, indexed (identifiers, anchors, subschemas) and then compiled (rules, references), and a reference may bring in more
 * documents and nodes. Schemas are hostile: at most LIMIT_SCHEMA_NODES nodes and LIMIT_SCHEMA_MEMORY bytes. */
#include <errno.h>

#include "base/error.h"
#include "base/must.h"
#include "schema/compiler.h"
#include "schema/uri.h"
#include "schema/value.h"

int compiler_fail(struct compiler *c, const struct node *n, const char *keyword, int code, const char *format, ...)
{
    char text[sizeof c->diag->text], place[sizeof c->diag->pointer];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    node_place(n, keyword, place, sizeof place);
    diag_set(c->diag, code, "%s", text);
    diag_pointer(c->diag, "%s", place);
    return code;
}

void *compiler_take(struct compiler *c, size_t len)
{
    return schema_arena_take(&c->schema->arena, len);
}

static int grow(struct compiler *c)
{
    size_t capacity = c->capacity ? c->capacity * 2 : 64;
    struct node **nodes = realloc(c->nodes, capacity * sizeof *nodes);
    if (nodes)
        c->nodes = nodes;
    jv *values = realloc(c->values, capacity * sizeof *values);
    if (values)
        c->values = values;
    if (!nodes || !values)
        return -ENOMEM;
    c->capacity = capacity;
    return 0;
}

static struct node *node_new(struct compiler *c, const struct node *parent, struct slice token, jv value, int *ret_error)
{
    if (c->n == LIMIT_SCHEMA_NODES) {
        *ret_error = compiler_fail(c, parent, NULL, -SP_ELIMIT, "the schema has more than %d subschemas", LIMIT_SCHEMA_NODES);
        return NULL;
    }
    struct node *n = compiler_take(c, sizeof *n);
    if (!n || (c->n == c->capacity && grow(c) < 0)) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    *n = (struct node){.id = (uint32_t)c->n, .parent = parent, .token = token, .resource = parent ? parent->resource : NULL};
    c->nodes[c->n] = n;
    c->values[c->n++] = jv_copy(value);
    return n;
}

/* The key in `children`: the parent's id, so that equal tokens of two parents differ, and the token. */
static int child_key(const struct node *parent, struct slice token, struct buffer *key)
{
    buffer_append(key, &parent->id, sizeof parent->id);
    return buffer_append_slice(key, token);
}

struct node *compiler_find_child(const struct compiler *c, const struct node *parent, struct slice token)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(LIMIT_SCHEMA_MEMORY);
    if (child_key(parent, token, &key) < 0)
        return NULL;
    return table_get(&c->children, table_hash(1, buffer_slice(&key)), buffer_slice(&key));
}

struct node *compiler_child(struct compiler *c, const struct node *parent, struct slice token, jv value, int *ret_error)
{
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(LIMIT_SCHEMA_MEMORY);
    *ret_error = child_key(parent, token, &key);
    if (*ret_error < 0)
        return NULL;
    uint32_t hash = table_hash(1, buffer_slice(&key));
    struct node *n = table_get(&c->children, hash, buffer_slice(&key));
    if (n)
        return n;
    struct slice kept = schema_arena_copy(&c->schema->arena, buffer_slice(&key));
    if (!kept.p) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    token = slice_of(kept.p + sizeof parent->id, kept.len - sizeof parent->id);
    n = node_new(c, parent, token, value, ret_error);
    if (n && (*ret_error = table_put(&c->children, hash, kept, n)) < 0)
        return NULL;
    return n;
}

struct node *compiler_document(struct compiler *c, struct slice uri, bool is_main, jv value, int *ret_error)
{
    struct node *n = node_new(c, NULL, slice_text(""), value, ret_error);
    struct resource *resource = compiler_take(c, sizeof *resource);
    struct slice kept = schema_arena_copy(&c->schema->arena, uri);
    if (!n || !resource || !kept.p) {
        if (n)
            *ret_error = -ENOMEM;
        return NULL;
    }
    *resource = (struct resource){.id = ++c->n_resources, .uri = is_main ? slice_text("") : kept, .base = kept,
                                  .vocabularies = VOCABULARY_DEFAULT};
    n->resource = resource;
    *ret_error = table_put(&c->documents, table_hash(2, kept), kept, n);
    return *ret_error < 0 ? NULL : n;
}

int token_append(struct buffer *out, struct slice key)
{
    if (out->len)
        buffer_append_byte(out, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.p[i] == '~' || key.p[i] == '/')
            buffer_append_text(out, key.p[i] == '~' ? "~0" : "~1");
        else
            buffer_append_byte(out, key.p[i]);
    }
    return buffer_error(out);
}

static int index_below(struct compiler *c, struct node *n, const struct keyword *k, struct slice key, jv value)
{
    _cleanup_buffer_ struct buffer token = BUFFER_MAX(LIMIT_SCHEMA_MEMORY);
    int r = buffer_append_text(&token, k->name);
    if (r == 0 && key.p)
        r = token_append(&token, key);
    if (r == 0)
        compiler_child(c, n, buffer_slice(&token), value, &r);
    return r;
}

static int index_array(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    int r = 0;
    size_t count = value_count(value);
    for (size_t i = 0; i < count && r == 0; i++) {
        char text[24];
        snprintf(text, sizeof text, "%zu", i);
        jv one = jv_array_get(jv_copy(value), (int)i);
        r = index_below(c, n, k, slice_text(text), one);
        jv_free(one);
    }
    return r;
}

static int index_map(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    int r = 0;
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        jv key = jv_object_iter_key(value, i), one = jv_object_iter_value(value, i);
        if (jv_get_kind(one) != JV_KIND_ARRAY)
            r = index_below(c, n, k, value_text(key), one);
        jv_free(one);
        jv_free(key);
    }
    return r;
}

static int index_keyword(struct compiler *c, struct node *n, struct slice name, jv value)
{
    const char *why = "";
    const struct keyword *k = keyword_find(name, n->resource->vocabularies);
    if (!k)
        return 0;
    int r = keyword_check(k, value, &why);
    if (r < 0)
        return r == -ENOMEM ? r : compiler_fail(c, n, k->name, r, "%s must be %s", k->name, why);
    if (k->shape == SHAPE_SCHEMA)
        return index_below(c, n, k, (struct slice){NULL, 0}, value);
    if (k->shape == SHAPE_SCHEMAS)
        return index_array(c, n, k, value);
    if (k->shape == SHAPE_SCHEMA_MAP || k->shape == SHAPE_DEPENDENCIES)
        return index_map(c, n, k, value);
    return 0;
}

static int index_node(struct compiler *c, struct node *n, jv value)
{
    jv_kind kind = jv_get_kind(value);
    n->never = kind == JV_KIND_FALSE;
    if (kind == JV_KIND_FALSE || kind == JV_KIND_TRUE)
        return 0;
    if (kind != JV_KIND_OBJECT)
        return compiler_fail(c, n, NULL, -SP_EINVALID, "a schema must be an object, true or false");
    int r = resource_identify(c, n, value);
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        jv key = jv_object_iter_key(value, i), one = jv_object_iter_value(value, i);
        r = index_keyword(c, n, value_text(key), one);
        jv_free(one);
        jv_free(key);
    }
    return r;
}

int compiler_index(struct compiler *c)
{
    int r = 0;
    while (r == 0 && c->indexed < c->n) {
        size_t i = c->indexed++;
        r = index_node(c, c->nodes[i], c->values[i]);
    }
    return r;
}

static int compile_node(struct compiler *c, struct node *n, jv value)
{
    int r = 0;
    if (jv_get_kind(value) != JV_KIND_OBJECT)
        return 0;
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        jv key = jv_object_iter_key(value, i), one = jv_object_iter_value(value, i);
        const struct keyword *k = keyword_find(value_text(key), n->resource->vocabularies);
        if (k && k->rule)
            r = k->rule(c, n, k, one);
        jv_free(one);
        jv_free(key);
    }
    return r;
}

static int compile_all(struct compiler *c, jv document)
{
    int r = 0;
    c->schema->match_context = regex_context_new(LIMIT_REGEX_MATCH);
    c->schema->quick_context = regex_context_new(LIMIT_REGEX_MATCH / 50);
    if (!c->schema->match_context || !c->schema->quick_context)
        return -ENOMEM;
    c->schema->root = compiler_document(c, SLICE_LITERAL("schema://local/"), true, document, &r);
    while (r == 0 && c->compiled < c->n) {
        r = compiler_index(c);
        if (r < 0)
            break;
        size_t i = c->compiled++;
        r = compile_node(c, c->nodes[i], c->values[i]);
    }
    return r;
}

int schema_compile(jv document, const struct schema_options *options, struct schema **ret, struct diag *reterr)
{
    static const struct schema_options plain;
    struct diag unread = {0};
    struct compiler c = {.schema = calloc(1, sizeof *c.schema), .options = options ? options : &plain,
                         .diag = reterr ? reterr : &unread};
    int r = c.schema ? compile_all(&c, document) : -ENOMEM;
    jv_free(document);
    for (size_t i = 0; i < c.n; i++)
        jv_free(c.values[i]);
    free(c.values);
    free(c.nodes);
    table_free(&c.children);
    table_free(&c.documents);
    table_free(&c.anchors);
    table_free(&c.names);
    if (r == 0) {
        *ret = c.schema;
        return 0;
    }
    if (r == -ENOMEM && c.schema && c.schema->arena.is_full)
        r = -SP_ELIMIT; /* the schema's fault */
    if (r == -ENOMEM)
        diag_set(c.diag, r, "there is no memory for the schema");
    else if (c.diag->code != r)
        diag_set(c.diag, r, "the schema is too large");
    schema_free(c.schema);
    return r;
}
