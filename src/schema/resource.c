/* resource: identifiers and references (core specification, sections 8 and 9). Documents come in only when something refers
 * to them: from the options, or the built-in metaschema; never from elsewhere. */
#include <errno.h>

#include "base/error.h"
#include "schema/compiler.h"
#include "schema/metaschema.h"
#include "schema/uri.h"
#include "schema/value.h"

struct anchor {
    struct node *node;
    uint32_t dynamic; /* its number, or 0 */
};

static jv text_member(jv object, const char *name)
{
    jv v = value_get(object, name);
    if (jv_get_kind(v) == JV_KIND_STRING)
        return v;
    jv_free(v);
    return jv_invalid();
}

/* The document with this URI: owned by the caller, invalid if there is none. */
static jv document_text(const struct compiler *c, struct slice uri)
{
    for (size_t i = 0; i < c->options->n_resources; i++) {
        struct slice own = slice_text(c->options->resources[i].uri);
        if (own.len && own.p[own.len - 1] == '#')
            own.len--;
        if (slice_equal(own, uri))
            return jv_copy(c->options->resources[i].document);
    }
    const char *text = metaschema_text(uri);
    return text ? jv_parse(text) : jv_invalid();
}

static unsigned vocabulary_bit(struct slice uri)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"core", VOCABULARY_CORE}, {"applicator", VOCABULARY_APPLICATOR},
                 {"unevaluated", VOCABULARY_UNEVALUATED}, {"validation", VOCABULARY_VALIDATION},
                 {"meta-data", VOCABULARY_META_DATA}, {"format-annotation", VOCABULARY_FORMAT_ANNOTATION},
                 {"format-assertion", VOCABULARY_FORMAT_ASSERTION}, {"content", VOCABULARY_CONTENT}};
    static const char prefix[] = SCHEMA_DIALECT_ROOT "vocab/";
    if (slice_starts(uri, prefix))
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (slice_is(slice_of(uri.p + sizeof prefix - 1, uri.len - sizeof prefix + 1), known[i].name))
                return known[i].bit;
    return 0;
}

/* Reads the metaschema's `$vocabulary`. */
static int read_vocabularies(struct compiler *c, struct node *n, jv metaschema, unsigned *ret)
{
    int r = 0;
    unsigned bits = VOCABULARY_CORE;
    jv map = value_get(metaschema, "$vocabulary");
    if (jv_get_kind(map) != JV_KIND_OBJECT) {
        jv_free(map);
        *ret = VOCABULARY_DEFAULT;
        return 0;
    }
    for (int i = jv_object_iter(map); r == 0 && jv_object_iter_valid(map, i); i = jv_object_iter_next(map, i)) {
        jv key = jv_object_iter_key(map, i), needed = jv_object_iter_value(map, i);
        unsigned bit = vocabulary_bit(value_text(key));
        bits |= bit;
        if (!bit && jv_get_kind(needed) != JV_KIND_FALSE)
            r = compiler_fail(c, n, "$schema", -SP_EUNSUPPORTED, "its metaschema requires the unknown vocabulary %.200s",
                              jv_string_value(key));
        jv_free(key);
        jv_free(needed);
    }
    jv_free(map);
    *ret = bits;
    return r;
}

/* `$schema` chooses the vocabularies of its resource. */
static int read_dialect(struct compiler *c, struct node *n, jv value)
{
    jv name = text_member(value, "$schema");
    if (!jv_is_valid(name))
        return 0;
    struct slice uri = value_text(name);
    if (uri.len && uri.p[uri.len - 1] == '#')
        uri.len--;
    int r = 0;
    if (slice_is(uri, SCHEMA_DIALECT_ROOT "schema")) {
        n->resource->vocabularies = VOCABULARY_DEFAULT;
    } else {
        jv metaschema = document_text(c, uri);
        if (jv_get_kind(metaschema) == JV_KIND_OBJECT)
            r = read_vocabularies(c, n, metaschema, &n->resource->vocabularies);
        else
            r = compiler_fail(c, n, "$schema", -SP_EUNSUPPORTED,
                              "the dialect %.200s is not known; 2020-12 is: " SCHEMA_DIALECT_ROOT "schema",
                              jv_string_value(name));
        jv_free(metaschema);
    }
    jv_free(name);
    return r;
}

static int register_resource(struct compiler *c, struct node *n, struct slice base)
{
    const struct node *known = table_get(&c->documents, table_hash(2, base), base);
    if (known && known != n)
        return compiler_fail(c, n, "$id", -SP_EINVALID, "another schema has the same $id");
    return known ? 0 : table_put(&c->documents, table_hash(2, base), base, n);
}

/* An embedded resource begins at `n`, or the document's root gets its own name. */
static int read_id(struct compiler *c, struct node *n, struct slice id)
{
    struct uri parts;
    uri_split(id, &parts);
    if (parts.fragment.len)
        return compiler_fail(c, n, "$id", -SP_EINVALID, "$id must not have a fragment");
    _cleanup_buffer_ struct buffer base = BUFFER_MAX(LIMIT_URI);
    int r = uri_resolve(n->resource->base, id, &base);
    if (r < 0)
        return r == -ENOMEM ? r : compiler_fail(c, n, "$id", -SP_ELIMIT, "$id is too long");
    struct slice kept = schema_arena_copy(&c->schema->arena, buffer_slice(&base));
    if (!kept.p)
        return -ENOMEM;
    if (n->parent) {
        struct resource *resource = compiler_take(c, sizeof *resource);
        if (!resource)
            return -ENOMEM;
        *resource = (struct resource){.id = ++c->n_resources, .uri = n->resource->uri,
                                      .vocabularies = n->resource->vocabularies};
        n->resource = resource;
    }
    n->resource->base = kept;
    return register_resource(c, n, kept);
}

static bool is_anchor_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t p = name.p[i];
        bool first = (p >= 'A' && p <= 'Z') || (p >= 'a' && p <= 'z') || p == '_';
        if (!first && (i == 0 || !((p >= '0' && p <= '9') || p == '-' || p == '.')))
            return false;
    }
    return name.len > 0;
}

/* The number of a dynamic anchor's name, given when it is first seen; 0 without memory. */
static uint32_t name_number(struct compiler *c, struct slice name)
{
    uint32_t *number = table_get(&c->names, table_hash(3, name), name);
    if (number)
        return *number;
    number = compiler_take(c, sizeof *number);
    struct slice kept = schema_arena_copy(&c->schema->arena, name);
    if (!number || !kept.p || table_put(&c->names, table_hash(3, kept), kept, number) < 0)
        return 0;
    return *number = c->names.n;
}

static int anchor_key(const struct resource *resource, struct slice name, struct buffer *key)
{
    buffer_append(key, &resource->id, sizeof resource->id);
    return buffer_append_slice(key, name);
}

static int add_dynamic(struct compiler *c, struct node *n, struct slice name, uint32_t *ret)
{
    struct dynamic_anchor *dynamic = compiler_take(c, sizeof *dynamic);
    *ret = name_number(c, name);
    if (!dynamic || !*ret)
        return -ENOMEM;
    *dynamic = (struct dynamic_anchor){.next = n->resource->dynamic_anchors, .name = *ret, .node = n};
    n->resource->dynamic_anchors = dynamic;
    return 0;
}

static int read_anchor(struct compiler *c, struct node *n, const char *keyword, struct slice name)
{
    bool dynamic = slice_is(slice_text(keyword), "$dynamicAnchor");
    if (!is_anchor_name(name))
        return compiler_fail(c, n, keyword, -SP_EINVALID, "an anchor must be a letter or _ and then letters, digits, - _ .");
    _cleanup_buffer_ struct buffer key = BUFFER_MAX(LIMIT_URI);
    int r = anchor_key(n->resource, name, &key);
    if (r < 0)
        return r == -ENOMEM ? r : compiler_fail(c, n, keyword, -SP_ELIMIT, "the anchor is too long");
    uint32_t hash = table_hash(4, buffer_slice(&key)), number = 0;
    struct anchor *anchor = table_get(&c->anchors, hash, buffer_slice(&key));
    if (anchor && anchor->node != n)
        return compiler_fail(c, n, keyword, -SP_EINVALID, "another subschema has the same anchor");
    if (dynamic && add_dynamic(c, n, name, &number) < 0)
        return -ENOMEM;
    if (anchor) {
        anchor->dynamic |= number;
        return 0;
    }
    anchor = compiler_take(c, sizeof *anchor);
    struct slice kept = schema_arena_copy(&c->schema->arena, buffer_slice(&key));
    if (!anchor || !kept.p)
        return -ENOMEM;
    *anchor = (struct anchor){.node = n, .dynamic = number};
    return table_put(&c->anchors, hash, kept, anchor);
}

int resource_identify(struct compiler *c, struct node *n, jv value)
{
    int r = 0;
    jv id = text_member(value, "$id");
    if (jv_is_valid(id))
        r = read_id(c, n, value_text(id));
    if (r == 0 && (jv_is_valid(id) || !n->parent))
        r = read_dialect(c, n, value);
    jv_free(id);
    static const char *const anchors[] = {"$anchor", "$dynamicAnchor"};
    for (size_t i = 0; i < 2 && r == 0; i++) {
        jv name = text_member(value, anchors[i]);
        if (jv_is_valid(name))
            r = read_anchor(c, n, anchors[i], value_text(name));
        jv_free(name);
    }
    return r;
}

/* The root of the resource that `uri` names, loaded if need be; NULL if there is none or an error in `*ret_error`. */
static struct node *find_resource(struct compiler *c, struct slice uri, int *ret_error)
{
    struct node *root = table_get(&c->documents, table_hash(2, uri), uri);
    if (root)
        return root;
    jv document = document_text(c, uri);
    if (jv_is_valid(document)) {
        root = compiler_document(c, uri, false, document, ret_error);
        if (root && (*ret_error = compiler_index(c)) < 0)
            root = NULL;
    }
    jv_free(document);
    return root;
}

/* One token of a JSON Pointer applied to a value (consumed); invalid if there is nothing, or no memory to look. */
static jv step_into(jv value, struct slice token, int *ret_error)
{
    _cleanup_buffer_ struct buffer plain = BUFFER_MAX(LIMIT_URI);
    for (size_t i = 0; i < token.len; i++) {
        bool escaped = token.p[i] == '~' && i + 1 < token.len && (token.p[i + 1] == '0' || token.p[i + 1] == '1');
        buffer_append_byte(&plain, !escaped ? token.p[i] : token.p[++i] == '0' ? '~' : '/');
    }
    uint64_t index;
    *ret_error = buffer_error(&plain) == -ENOMEM ? -ENOMEM : 0;
    if (!buffer_error(&plain) && jv_get_kind(value) == JV_KIND_OBJECT)
        return jv_object_get(value, jv_string_sized(buffer_text(&plain), (int)plain.len));
    if (jv_get_kind(value) == JV_KIND_ARRAY && slice_parse_u64(token, &index) == 0 && index < value_count(value))
        return jv_array_get(value, (int)index);
    jv_free(value);
    return jv_invalid();
}

/* How many tokens lead from a subschema to the next one below, which the first of them, a keyword, decides. */
static size_t stride(const struct node *n, struct slice token)
{
    const struct keyword *k = keyword_find(token, n->resource->vocabularies);
    if (!k)
        return 0;
    bool many = k->shape == SHAPE_SCHEMAS || k->shape == SHAPE_SCHEMA_MAP || k->shape == SHAPE_DEPENDENCIES;
    return k->shape == SHAPE_SCHEMA ? 1 : many ? 2 : 0;
}

/* The subschema at `tokens`, which lead over what is none. */
static struct node *follow_values(struct compiler *c, struct node *n, struct slice tokens, int *ret_error)
{
    jv value = jv_copy(c->values[n->id]);
    const uint8_t *at = tokens.p, *end = tokens.p + tokens.len;
    for (bool more = true; more && jv_is_valid(value);) {
        const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
        value = step_into(value, slice_of(at, (size_t)((slash ? slash : end) - at)), ret_error);
        more = slash != NULL;
        at = slash ? slash + 1 : end;
    }
    struct node *found = jv_is_valid(value) ? compiler_child(c, n, tokens, value, ret_error) : NULL;
    jv_free(value);
    return found && (*ret_error = compiler_index(c)) < 0 ? NULL : found;
}

/* Follows `pointer` (decoded, begins with "/") from `n`, over subschemas while it can; what is elsewhere, below an unknown
 * keyword, becomes a subschema by being referred to. NULL without an error: there is nothing. */
static struct node *follow(struct compiler *c, struct node *n, struct slice pointer, int *ret_error)
{
    while (pointer.len) {
        struct slice rest = slice_of(pointer.p + 1, pointer.len - 1), after = rest, token = {0};
        slice_split(&after, '/', &token);
        size_t tokens = stride(n, token);
        struct node *next = NULL;
        if (tokens) {
            size_t len = token.len;
            if (tokens == 2 && len < rest.len) {
                const uint8_t *slash = memchr(rest.p + len + 1, '/', rest.len - len - 1);
                len = slash ? (size_t)(slash - rest.p) : rest.len;
            }
            next = compiler_find_child(c, n, slice_of(rest.p, len));
            if (next)
                pointer = slice_of(rest.p + len, rest.len - len);
        }
        if (!next)
            return follow_values(c, n, rest, ret_error);
        n = next;
    }
    return n;
}

static struct node *find_fragment(struct compiler *c, struct node *root, struct slice fragment, uint32_t *ret_dynamic,
                                  int *ret_error)
{
    _cleanup_buffer_ struct buffer plain = BUFFER_MAX(LIMIT_URI), key = BUFFER_MAX(LIMIT_URI + 8);
    int r = uri_decode(fragment, &plain);
    if (r < 0) {
        *ret_error = r == -ENOMEM ? r : 0;
        return NULL;
    }
    struct slice name = buffer_slice(&plain);
    if (name.len == 0)
        return root;
    if (slice_starts(name, "/"))
        return follow(c, root, name, ret_error);
    if ((r = anchor_key(root->resource, name, &key)) < 0) {
        *ret_error = r == -ENOMEM ? r : 0;
        return NULL;
    }
    const struct anchor *anchor = table_get(&c->anchors, table_hash(4, buffer_slice(&key)), buffer_slice(&key));
    if (!anchor)
        return NULL;
    *ret_dynamic = anchor->dynamic;
    return anchor->node;
}

int resource_resolve(struct compiler *c, const struct node *n, const char *keyword, struct slice reference,
                     struct node **ret, uint32_t *ret_dynamic)
{
    struct uri parts;
    uri_split(reference, &parts);
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(LIMIT_URI);
    int r = uri_resolve(n->resource->base, reference, &uri);
    if (r < 0)
        return r == -ENOMEM ? r : compiler_fail(c, n, keyword, -SP_ELIMIT, "the reference is too long");
    *ret_dynamic = 0;
    struct node *root = find_resource(c, buffer_slice(&uri), &r);
    if (!root)
        return r < 0 ? r
                     : compiler_fail(c, n, keyword, -SP_EINVALID, "there is no schema %.*s, and none is fetched",
                                     uri.len > 300 ? 300 : (int)uri.len, (const char *)uri.p);
    struct node *target = find_fragment(c, root, parts.fragment, ret_dynamic, &r);
    if (!target)
        return r < 0 ? r
                     : compiler_fail(c, n, keyword, -SP_EINVALID, "the reference %.*s leads nowhere",
                                     reference.len > 300 ? 300 : (int)reference.len, (const char *)reference.p);
    *ret = target;
    return 0;
}
