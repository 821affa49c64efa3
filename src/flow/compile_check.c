/* compile_check: where the compiler stands, and the checks that every object of the DSL gets: unknown,
 * missing and mistyped properties. Called by all compile_*.c files. What must hold: a name of the document
 * reaches a message only as text. */
#include <stdarg.h>

#include "base/must.h"
#include "flow/compile.h"

static size_t enter_raw(struct compiler *c, struct slice s)
{
    size_t mark = c->path.len;
    (void)buffer_append_byte(&c->path, '/');
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] == '~')
            (void)buffer_append_text(&c->path, "~0");
        else if (s.p[i] == '/')
            (void)buffer_append_text(&c->path, "~1");
        else
            (void)buffer_append_byte(&c->path, s.p[i]);
    return mark;
}

size_t enter(struct compiler *c, const char *key)
{
    return enter_raw(c, slice_text(key));
}

size_t enter_name(struct compiler *c, struct slice key)
{
    return enter_raw(c, key);
}

size_t enter_item(struct compiler *c, unsigned i)
{
    size_t mark = c->path.len;
    (void)buffer_append_byte(&c->path, '/');
    (void)buffer_append_u64(&c->path, i);
    return mark;
}

void leave(struct compiler *c, size_t mark)
{
    buffer_truncate(&c->path, mark);
}

const char *here(struct compiler *c)
{
    const char *text = buffer_text(&c->path);
    return text ? text : "";
}

static void complain_va(struct compiler *c, enum finding_level level, const char *rule, bool of_key,
                        const char *hint, const char *format, va_list args)
{
    char message[1024];
    (void)vsnprintf(message, sizeof message, format, args);
    findings_add(&c->f, level, rule, here(c), of_key, message, hint);
}

void complain(struct compiler *c, const char *rule, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_va(c, FINDING_ERROR, rule, false, hint, format, args);
    va_end(args);
}

void advise(struct compiler *c, const char *rule, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_va(c, FINDING_WARNING, rule, false, hint, format, args);
    va_end(args);
}

void note(struct compiler *c, const char *rule, const char *hint, const char *message)
{
    findings_add(&c->f, FINDING_NOTE, rule, here(c), false, message, hint);
}

/* Levenshtein's distance of words of at most 31 bytes; more is as good as unlike. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned row[32];
    if (a.len > 31 || b.len > 31)
        return 99;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

const char *nearest(struct slice word, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = word.len < 4 ? 2 : 3; /* less than this is near */
    for (size_t i = 0; i < n; i++) {
        unsigned d =
            slice_equal_nocase(word, slice_text(names[i])) ? 0 : distance(word, slice_text(names[i]));
        if (d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

static const char *const kind_names[] = {
    [JV_KIND_INVALID] = "nothing", [JV_KIND_NULL] = "null",        [JV_KIND_FALSE] = "a boolean",
    [JV_KIND_TRUE] = "a boolean",  [JV_KIND_NUMBER] = "a number",  [JV_KIND_STRING] = "a text",
    [JV_KIND_ARRAY] = "a list",    [JV_KIND_OBJECT] = "an object",
};

bool check_kind(struct compiler *c, jv v, unsigned kinds)
{
    if (kinds & 1u << jv_get_kind(v))
        return true;
    char wanted[128] = "";
    size_t len = 0;
    for (int k = JV_KIND_FALSE; k <= JV_KIND_OBJECT; k++)
        if ((kinds & 1u << k) && k != JV_KIND_FALSE && len < sizeof wanted)
            len +=
                (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s", len ? " or " : "", kind_names[k]);
    complain(c, "wrong-type", NULL, "this is %s, but must be %s", kind_names[jv_get_kind(v)], wanted);
    return false;
}

static const struct property *find_property(const struct property *table, struct slice name)
{
    for (; table && table->name; table++)
        if (slice_is(name, table->name))
            return table;
    return NULL;
}

static void complain_unknown(struct compiler *c, struct slice key, const struct property *table,
                             const struct property *more)
{
    const char *names[64];
    size_t n = 0;
    for (; table && table->name && n < 64; table++)
        names[n++] = table->name;
    for (; more && more->name && n < 64; more++)
        names[n++] = more->name;
    char hint[256], message[256];
    const char *near = nearest(key, names, n);
    if (near)
        (void)snprintf(hint, sizeof hint, "did you mean `%s`?", near);
    size_t len = near ? strlen(hint) : 0;
    if (!near)
        for (size_t i = 0; i < n && len < sizeof hint - 40; i++)
            len += (size_t)snprintf(hint + len, sizeof hint - len, "%s`%s`",
                                    i ? ", " : "known here: ", names[i]);
    (void)snprintf(message, sizeof message, "the property `%.*s` is unknown here",
                   key.len > 100 ? 100 : (int)key.len, (const char *)key.p);
    findings_add(&c->f, FINDING_ERROR, "unknown-property", here(c), true, message, len ? hint : NULL);
}

bool check_properties(struct compiler *c, jv object, const struct property *table,
                      const struct property *more)
{
    if (!check_kind(c, object, P_OBJECT))
        return false;
    for (int i = jv_object_iter(object); jv_object_iter_valid(object, i);
         i = jv_object_iter_next(object, i)) {
        jv key = jv_object_iter_key(object, i);
        const struct property *p = find_property(table, text_of(key));
        if (!p)
            p = find_property(more, text_of(key));
        size_t mark = enter_name(c, text_of(key));
        if (!p)
            complain_unknown(c, text_of(key), table, more);
        else
            (void)check_kind(c, peek(object, p->name), p->kinds);
        leave(c, mark);
        jv_free(key);
    }
    for (int t = 0; t < 2; t++)
        for (const struct property *p = t ? more : table; p && p->name; p++)
            if (p->is_required && is_kind(peek(object, p->name), JV_KIND_INVALID))
                complain(c, "missing-property", NULL, "the property `%s` is missing", p->name);
    return true;
}

jv property(jv object, const char *key, unsigned kinds)
{
    jv v = peek(object, key);
    return kinds & 1u << jv_get_kind(v) ? v : jv_invalid();
}

bool is_name(struct slice s)
{
    if (s.len == 0 || s.len > LIMIT_NAME)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_semver_number(struct slice s)
{
    if (s.len == 0 || s.len > 9 || (s.p[0] == '0' && s.len > 1))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

bool is_semver(struct slice s)
{
    size_t core = 0;
    if (s.len > LIMIT_NAME)
        return false;
    while (core < s.len && s.p[core] != '-' && s.p[core] != '+')
        core++;
    for (size_t i = core; i < s.len; i++) {
        uint8_t b = s.p[i];
        if (!((b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '-' ||
              b == '.' || b == '+'))
            return false;
    }
    if (core < s.len && core + 1 == s.len)
        return false;
    struct slice rest = slice_of(s.p, core), part;
    unsigned n = 0;
    while (slice_split(&rest, '.', &part))
        if (++n > 3 || !is_semver_number(part))
            return false;
    return n == 3;
}
