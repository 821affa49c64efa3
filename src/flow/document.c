/* document: YAML 1.2 events of libfyaml → one value, with the place of each node.
 *
 * What must hold: no recursion of ours, whatever the nesting; each node and each expanded alias is counted before it is built;
 * what one reader of YAML would take otherwise than another (a key twice, merge keys, tags, several documents) is refused.
 * libfyaml parses only: values, anchors and keys are resolved here. Called by the definition compiler. */
#include "flow/document.h"

#include <errno.h>
#include <libfyaml.h>

#include "base/error.h"
#include "base/must.h"
#include "flow/document_check.h"
#include "flow/document_place.h"
#include "flow/document_scalar.h"

#define ANCHOR_NONE UINT32_MAX

struct anchor {
    char *name;
    jv value; /* invalid while the node is open */
    jv text;  /* of a scalar, for its use as a key; invalid else */
    uint32_t place, n_nodes, height;
};

struct frame {
    jv container;
    jv key; /* of the value that comes; invalid when none is due */
    uint32_t key_line, key_column;
    uint32_t place, anchor, n_nodes, height;
};

/* A node that is complete. */
struct node {
    jv value;
    uint32_t n_nodes, height;
};

struct reader {
    struct flow_document *d;
    struct diag *reterr;
    struct frame stack[LIMIT_YAML_DEPTH];
    unsigned depth;
    struct anchor anchors[LIMIT_YAML_ALIASES];
    uint32_t n_anchors, n_aliases, n_nodes;
    uint32_t line, column; /* of the event in hand */
    unsigned n_documents;
};

static int refuse(struct reader *r, int code, const char *what, const char *hint)
{
    diag_set(r->reterr, code, "%s", what);
    diag_place(r->reterr, r->line, r->column);
    if (hint)
        diag_hint(r->reterr, "%s", hint);
    return code;
}

static void note_place(struct reader *r, struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (mark) {
        r->line = (uint32_t)mark->line + 1;
        r->column = (uint32_t)mark->column + 1;
    }
}

static struct slice token_text(struct fy_token *token)
{
    size_t len = 0;
    const char *p = token ? fy_token_get_text(token, &len) : NULL;
    return p ? slice_of(p, len) : slice_of("", 0);
}

static bool wants_key(const struct reader *r)
{
    if (r->depth == 0)
        return false;
    const struct frame *f = &r->stack[r->depth - 1];
    return jv_get_kind(f->container) == JV_KIND_OBJECT && !jv_is_valid(f->key);
}

static int find_tag(struct reader *r, struct fy_token *tag)
{
    if (!tag)
        return TAG_NONE;
    int found = document_tag_find(token_text(tag));
    if (found < 0) {
        note_place(r, tag);
        return refuse(r, -SP_EINVALID, "tags are not allowed", "remove the tag; values are plain data");
    }
    return found;
}

static int count_nodes(struct reader *r, uint32_t n)
{
    if (n > LIMIT_YAML_NODES - r->n_nodes)
        return refuse(r, -SP_ELIMIT, "the document has too many nodes after its aliases are expanded", NULL);
    r->n_nodes += n;
    return 0;
}

/* Begins a node: its place below the one that is open. */
static int begin_node(struct reader *r, uint32_t *ret_place)
{
    struct frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;
    int i = count_nodes(r, 1);
    if (i == 0)
        i = document_place_add(r->d, f ? f->place : PLACE_NONE);
    if (i < 0)
        return i;
    struct place *p = &r->d->places[i];
    p->line = r->line;
    p->column = r->column;
    if (f && jv_is_valid(f->key)) {
        p->key = jv_copy(f->key);
        p->key_line = f->key_line;
        p->key_column = f->key_column;
    }
    *ret_place = (uint32_t)i;
    return 0;
}

/* Hands a complete node to the container that is open, or to the document. */
static void end_node(struct reader *r, struct node node)
{
    if (r->depth == 0) {
        jv_free(r->d->value);
        r->d->value = node.value;
        return;
    }
    struct frame *f = &r->stack[r->depth - 1];
    f->n_nodes += node.n_nodes;
    f->height = node.height > f->height ? node.height : f->height;
    if (jv_get_kind(f->container) == JV_KIND_OBJECT) {
        f->container = jv_object_set(f->container, f->key, node.value);
        f->key = jv_invalid();
    } else {
        f->container = jv_array_append(f->container, node.value);
    }
}

/* --- anchors and aliases ------------------------------------------------------------------------------------------- */

static int begin_anchor(struct reader *r, struct fy_token *token, uint32_t place, uint32_t *ret)
{
    *ret = ANCHOR_NONE;
    if (!token)
        return 0;
    if (r->n_anchors == LIMIT_YAML_ALIASES)
        return refuse(r, -SP_ELIMIT, "the document has too many anchors", NULL);
    char *name = slice_dup(token_text(token));
    if (!name)
        return -ENOMEM;
    *ret = r->n_anchors++;
    r->anchors[*ret] = (struct anchor){.name = name, .value = jv_invalid(), .text = jv_invalid(), .place = place};
    return 0;
}

static void end_anchor(struct reader *r, uint32_t i, struct node node)
{
    if (i == ANCHOR_NONE)
        return;
    r->anchors[i].value = jv_copy(node.value);
    r->anchors[i].n_nodes = node.n_nodes;
    r->anchors[i].height = node.height;
}

static struct anchor *find_anchor(struct reader *r, struct slice name)
{
    for (uint32_t i = r->n_anchors; i > 0; i--)
        if (slice_is(name, r->anchors[i - 1].name))
            return &r->anchors[i - 1];
    return NULL;
}

static int take_key(struct reader *r, struct slice text);

static int on_alias(struct reader *r, const struct fy_event_alias_data *e)
{
    note_place(r, e->anchor);
    struct anchor *a = find_anchor(r, token_text(e->anchor));
    if (!a)
        return refuse(r, -SP_EINVALID, "no anchor of this name stands before the alias", NULL);
    if (!jv_is_valid(a->value))
        return refuse(r, -SP_EINVALID, "the alias refers to a node that contains it", NULL);
    if (++r->n_aliases > LIMIT_YAML_ALIASES)
        return refuse(r, -SP_ELIMIT, "the document has too many aliases", NULL);
    if (wants_key(r)) {
        if (!jv_is_valid(a->text))
            return refuse(r, -SP_EINVALID, "keys must be scalars", NULL);
        return take_key(r, slice_of(jv_string_value(a->text), (size_t)jv_string_length_bytes(jv_copy(a->text))));
    }
    if (r->depth + a->height > LIMIT_YAML_DEPTH)
        return refuse(r, -SP_ELIMIT, "the document is nested too deeply", NULL);
    uint32_t place;
    int result = begin_node(r, &place);
    if (result == 0)
        result = count_nodes(r, a->n_nodes - 1);
    if (result < 0)
        return result;
    r->d->places[place].target = a->place;
    end_node(r, (struct node){jv_copy(a->value), a->n_nodes, a->height});
    return 0;
}

/* --- scalars and collections --------------------------------------------------------------------------------------- */

static int take_key(struct reader *r, struct slice text)
{
    struct frame *f = &r->stack[r->depth - 1];
    jv key = jv_string_sized((const char *)text.p, (int)text.len);
    if (jv_object_has(jv_copy(f->container), jv_copy(key))) {
        jv_free(key);
        diag_set(r->reterr, -SP_EINVALID, "the key `%.*s` stands here twice", (int)(text.len > 100 ? 100 : text.len), (const char *)text.p);
        diag_place(r->reterr, r->line, r->column);
        return -SP_EINVALID;
    }
    f->key = key;
    f->key_line = r->line;
    f->key_column = r->column;
    return 0;
}

static int on_scalar(struct reader *r, const struct fy_event_scalar_data *e)
{
    note_place(r, e->value);
    struct slice text = token_text(e->value);
    enum fy_scalar_style style = fy_token_scalar_style(e->value);
    bool is_plain = style == FYSS_PLAIN, is_key = wants_key(r);
    /* libfyaml marks what is inside the quotes. */
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && r->column > 1)
        r->column--;
    int tag = find_tag(r, e->tag);
    if (tag < 0)
        return tag;
    struct node node = {jv_invalid(), 1, 0};
    int result = document_scalar_value(text, is_plain, (enum document_tag)tag, &node.value, r->reterr);
    if (is_key && result < 0 && tag == TAG_NONE) {
        node.value = jv_string_sized((const char *)text.p, (int)text.len);
        result = 0;
    }
    if (result < 0) {
        diag_place(r->reterr, r->line, r->column);
        return result;
    }
    uint32_t place = is_key ? r->stack[r->depth - 1].place : PLACE_NONE, anchor;
    if (is_key && is_plain && !e->tag && slice_is(text, "<<"))
        result = refuse(r, -SP_EINVALID, "merge keys are not part of YAML 1.2", "write the members out, or use an alias for the whole value");
    else if (is_key)
        result = take_key(r, text);
    else
        result = begin_node(r, &place);
    if (result == 0)
        result = begin_anchor(r, e->anchor, place, &anchor);
    if (result < 0) {
        jv_free(node.value);
        return result;
    }
    end_anchor(r, anchor, node);
    if (anchor != ANCHOR_NONE)
        r->anchors[anchor].text = jv_string_sized((const char *)text.p, (int)text.len);
    if (is_key)
        jv_free(node.value);
    else
        end_node(r, node);
    return 0;
}

static int on_begin(struct reader *r, struct fy_token *start, struct fy_token *anchor, struct fy_token *tag_token, bool is_mapping)
{
    note_place(r, start);
    int tag = find_tag(r, tag_token);
    if (tag < 0)
        return tag;
    if (tag != TAG_NONE && tag != (is_mapping ? TAG_MAPPING : TAG_SEQUENCE) && !slice_is(token_text(tag_token), "!"))
        return refuse(r, -SP_EINVALID, "the value does not fit its tag", NULL);
    if (wants_key(r))
        return refuse(r, -SP_EINVALID, "keys must be scalars", NULL);
    if (r->depth == LIMIT_YAML_DEPTH)
        return refuse(r, -SP_ELIMIT, "the document is nested too deeply", NULL);
    struct frame f = {.key = jv_invalid(), .n_nodes = 1};
    int result = begin_node(r, &f.place);
    if (result == 0)
        result = begin_anchor(r, anchor, f.place, &f.anchor);
    if (result < 0)
        return result;
    f.container = is_mapping ? jv_object() : jv_array();
    r->stack[r->depth++] = f;
    return 0;
}

static int on_end(struct reader *r)
{
    must(r->depth > 0);
    struct frame f = r->stack[--r->depth];
    must(!jv_is_valid(f.key));
    struct node node = {f.container, f.n_nodes, f.height + 1};
    end_anchor(r, f.anchor, node);
    end_node(r, node);
    return 0;
}

static int on_event(struct reader *r, const struct fy_event *e)
{
    switch (e->type) {
    case FYET_DOCUMENT_START:
        note_place(r, e->document_start.document_start);
        return r->n_documents++ ? refuse(r, -SP_EINVALID, "a file holds one document", "remove what follows the second `---`") : 0;
    case FYET_MAPPING_START:
        return on_begin(r, e->mapping_start.mapping_start, e->mapping_start.anchor, e->mapping_start.tag, true);
    case FYET_SEQUENCE_START:
        return on_begin(r, e->sequence_start.sequence_start, e->sequence_start.anchor, e->sequence_start.tag, false);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return on_end(r);
    case FYET_SCALAR:
        return on_scalar(r, &e->scalar);
    case FYET_ALIAS:
        return on_alias(r, &e->alias);
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        break;
    }
    return 0;
}

/* --- the parser ---------------------------------------------------------------------------------------------------- */

/* What libfyaml said first. */
static int syntax_error(struct reader *r, struct fy_diag *diag)
{
    void *prev = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &prev);
    if (!e)
        return refuse(r, -SP_ESYNTAX, "the text is not YAML", NULL);
    r->line = e->line > 0 ? (uint32_t)e->line : r->line;
    r->column = e->column > 0 ? (uint32_t)e->column : r->column;
    return refuse(r, -SP_ESYNTAX, e->msg, NULL);
}

static int read_events(struct reader *r, struct fy_parser *parser, struct fy_diag *diag)
{
    for (;;) {
        struct fy_event *e = fy_parser_parse(parser);
        if (!e)
            return fy_parser_get_stream_error(parser) ? syntax_error(r, diag) : 0;
        int result = on_event(r, e);
        fy_parser_event_free(parser, e);
        if (result < 0)
            return result;
    }
}

static int read_text(struct reader *r, struct slice text)
{
    /* Nothing is printed: messages are collected. */
    struct fy_diag *diag = fy_diag_create(&(struct fy_diag_cfg){.level = FYET_ERROR, .module_mask = ~0u});
    if (!diag)
        return -ENOMEM;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.search_path = "", .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    int result = -ENOMEM;
    if (parser && fy_parser_set_string(parser, (const char *)text.p, text.len) == 0)
        result = read_events(r, parser, diag);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return result;
}

static void reader_free(struct reader *r)
{
    while (r->depth) {
        jv_free(r->stack[--r->depth].container);
        jv_free(r->stack[r->depth].key);
    }
    while (r->n_anchors) {
        struct anchor *a = &r->anchors[--r->n_anchors];
        free(a->name);
        jv_free(a->value);
        jv_free(a->text);
    }
    free(r);
}

void flow_document_free(struct flow_document *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < d->n_places; i++)
        jv_free(d->places[i].key);
    free(d->places);
    jv_free(d->value);
    free(d);
}

jv flow_document_value(const struct flow_document *d)
{
    return jv_copy(d->value);
}

int flow_document_parse(struct slice text, struct flow_document **ret, struct diag *reterr)
{
    int result = document_check(&text, reterr);
    if (result < 0)
        return result;
    struct flow_document *d = calloc(1, sizeof *d);
    struct reader *r = calloc(1, sizeof *r);
    if (!d || !r) {
        free(d);
        free(r);
        return -ENOMEM;
    }
    d->value = jv_null();
    *r = (struct reader){.d = d, .reterr = reterr, .line = 1, .column = 1};
    result = text.len ? read_text(r, text) : 0;
    if (result == 0 && d->n_places == 0) {
        uint32_t place;
        result = begin_node(r, &place);
    }
    reader_free(r);
    if (result < 0) {
        flow_document_free(d);
        return result;
    }
    *ret = d;
    return 0;
}
