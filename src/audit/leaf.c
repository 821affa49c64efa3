/* leaf: writes the canonical JSON of one event. Holds: the keys are in ascending order (AUDIT_FIELDS is; a test holds it), what
 * is absent is left out, and no text from outside can make a leaf larger than LIMIT_LEAF or break its structure: a leaf that
 * cannot be written would stop its run [I1]. Called by store for each event; must never log. */
#include "audit/leaf.h"

#include "audit/leaf_fields.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/json_writer.h"

#define NUMBER_MAX ((1ull << 53) - 1) /* beyond it JSON numbers are not exact (RFC 8785, 3.2.2.3) */

static const struct {
    const char *text;
    size_t len;
} action_slugs[] = {
    [AUDIT_ACTION_NONE] = {"?", 1},
#define A(NAME, slug) [NAME] = {slug, sizeof slug - 1},
    AUDIT_ACTIONS(A)
#undef A
};

static const char *const outcome_slugs[] = {
#define O(NAME, slug) [NAME] = slug,
    AUDIT_OUTCOMES(O)
#undef O
};

const struct leaf_field leaf_fields[] = {
#define F(kind, member, key) {LEAF_##kind, sizeof key - 1, key, offsetof(struct audit_event, member)},
    AUDIT_FIELDS(F)
#undef F
};
const size_t leaf_fields_n = sizeof leaf_fields / sizeof leaf_fields[0];

const char *audit_action_slug(enum audit_action action)
{
    return (unsigned)action < AUDIT_ACTION_COUNT ? action_slugs[action].text : "?";
}

const char *audit_outcome_slug(enum audit_outcome outcome)
{
    return (unsigned)outcome < AUDIT_OUTCOME_COUNT ? outcome_slugs[outcome] : "?";
}

enum audit_action audit_action_parse(struct slice slug)
{
    for (unsigned a = AUDIT_ACTION_NONE + 1; a < AUDIT_ACTION_COUNT; a++)
        if (slug.len == action_slugs[a].len && memcmp(slug.p, action_slugs[a].text, slug.len) == 0)
            return (enum audit_action)a;
    return AUDIT_ACTION_NONE;
}

bool leaf_has_effect(enum audit_action action)
{
    return action == AUDIT_EFFECT_INTENDED || action == AUDIT_EFFECT_COMPLETED || action == AUDIT_EFFECT_FAILED ||
           action == AUDIT_EFFECT_UNKNOWN;
}

/* A text of any length and any bytes, as one of at most AUDIT_TEXT_MAX bytes. What is not UTF-8 is repaired by the writer, which
 * may double it: so less of it is taken. */
static struct slice cut(struct slice s, uint8_t place[AUDIT_TEXT_MAX])
{
    static const uint8_t ellipsis[] = {0xE2, 0x80, 0xA6};
    if (s.len <= AUDIT_TEXT_MAX && slice_is_utf8(s))
        return s;
    size_t len = AUDIT_TEXT_MAX - sizeof ellipsis;
    if (s.len < len)
        len = s.len;
    while (len > 0 && len < s.len && (s.p[len] & 0xC0) == 0x80)
        len--;
    if (!slice_is_utf8(slice_of(s.p, len)))
        return slice_of(s.p, s.len < AUDIT_TEXT_MAX / 4 ? s.len : AUDIT_TEXT_MAX / 4);
    memcpy(place, s.p, len);
    memcpy(place + len, ellipsis, sizeof ellipsis);
    return slice_of(place, len + sizeof ellipsis);
}

static void put_text(struct json_writer *w, struct slice s)
{
    uint8_t place[AUDIT_TEXT_MAX];
    json_slice(w, cut(s, place));
}

static void put_list(struct json_writer *w, struct slice rest)
{
    struct slice name;
    json_array_begin(w);
    for (unsigned n = 0; n < LIMIT_SECRETS && slice_split(&rest, ',', &name);)
        if (name.len > 0) {
            put_text(w, name);
            n++;
        }
    json_array_end(w);
}

static void put_digest(struct json_writer *w, struct slice digest)
{
    uint8_t bytes[48];
    struct buffer text = {.p = bytes, .capacity = sizeof bytes, .max = sizeof bytes};
    (void)buffer_append_base64(&text, digest);
    json_slice(w, buffer_slice(&text));
}

static uint64_t clamp(uint64_t n)
{
    return n < NUMBER_MAX ? n : NUMBER_MAX;
}

static bool is_absent(const struct leaf_field *f, struct slice s)
{
    if (f->kind == LEAF_list)
        while (s.len > 0 && s.p[s.len - 1] == ',')
            s.len--;
    return s.len == 0;
}

static void put_slice_field(struct json_writer *w, const struct leaf_field *f, struct slice s)
{
    if (is_absent(f, s))
        return;
    json_key(w, f->key);
    if (f->kind == LEAF_list)
        put_list(w, s);
    else if (f->kind == LEAF_digest)
        put_digest(w, s);
    else
        put_text(w, s);
}

static void put_run(struct json_writer *w, const struct leaf_field *f, struct run_id run)
{
    char text[RUN_ID_LEN + 1];
    if (run.n == 0)
        return;
    run_id_text(run, text);
    json_key_text(w, f->key, text);
}

static void put_field(struct json_writer *w, const struct leaf_field *f, const struct audit_event *e)
{
    const void *at = (const char *)e + f->offset;
    switch (f->kind) {
    case LEAF_text:
    case LEAF_list:
    case LEAF_digest:
        put_slice_field(w, f, *(const struct slice *)at);
        break;
    case LEAF_number:
        if (*(const uint64_t *)at)
            json_key_u64(w, f->key, clamp(*(const uint64_t *)at));
        break;
    case LEAF_effect:
        if (leaf_has_effect(e->action))
            json_key_u64(w, f->key, *(const uint32_t *)at);
        break;
    case LEAF_run:
        put_run(w, f, *(const struct run_id *)at);
        break;
    case LEAF_time:
        json_key_u64(w, f->key, e->time_ms > 0 ? clamp((uint64_t)e->time_ms) : 0);
        break;
    case LEAF_action:
        json_key_text(w, f->key, audit_action_slug(e->action));
        break;
    case LEAF_outcome:
        json_key_text(w, f->key, audit_outcome_slug(e->outcome));
        break;
    }
}

static bool is_digest_or_absent(struct slice s)
{
    return s.len == 0 || s.len == 32;
}

int audit_leaf_encode(const struct audit_event *e, struct buffer *ret)
{
    if (e->action == AUDIT_ACTION_NONE || (unsigned)e->action >= AUDIT_ACTION_COUNT ||
        (unsigned)e->outcome >= AUDIT_OUTCOME_COUNT || !is_digest_or_absent(e->definition) ||
        !is_digest_or_absent(e->digest) || !is_digest_or_absent(e->request) || !is_digest_or_absent(e->response))
        return -SP_EINVALID;
    struct json_writer w = JSON_WRITER(ret);
    json_object_begin(&w);
    for (size_t i = 0; i < leaf_fields_n; i++)
        put_field(&w, &leaf_fields[i], e);
    json_object_end(&w);
    return buffer_error(ret);
}

#define COPY_text(member)   copy.member = arena_copy(memory, copy.member, ok);
#define COPY_digest(member) COPY_text(member)
#define COPY_list(member)   COPY_text(member)
#define COPY_number(member)
#define COPY_effect(member)
#define COPY_run(member)
#define COPY_time(member)
#define COPY_action(member)
#define COPY_outcome(member)

struct audit_event audit_event_copy(const struct audit_event *e, struct arena *memory, bool *ok)
{
    struct audit_event copy = *e;
#define F(kind, member, key) COPY_##kind(member)
    AUDIT_FIELDS(F)
#undef F
    return copy;
}
