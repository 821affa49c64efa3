/* scrub: one pass over the text with all forms of all values; at each place the longest form that matches wins. Called by
 * call.c for everything that leaves egress. What must hold: patterns are wiped with the scrubber; a form that could not be
 * added is an error and never a gap [I2]. */
#include "egress/scrub.h"

#include <errno.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"
#include "egress/handle.h"

#define MAX_FORMS    (HANDLE_SLOTS * 80)
#define SHORT_VALUE  8
#define MIN_ENCODED  8
#define MAX_FORM_LEN (4 * (LIMIT_CREDENTIAL + 64) * 3)

struct form {
    uint8_t *p;
    size_t len;
    uint32_t next; /* of the same first byte, longest first; 0 ends */
};

/* forms[0] is not used, so that 0 can end a list. */
struct scrub {
    uint32_t first[256];
    size_t n, capacity;
    struct form *forms;
};

int scrub_new(struct scrub **ret)
{
    struct scrub *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->n = 1;
    *ret = s;
    return 0;
}

void scrub_free(struct scrub *s)
{
    if (!s)
        return;
    for (size_t i = 1; i < s->n; i++) {
        explicit_bzero(s->forms[i].p, s->forms[i].len);
        free(s->forms[i].p);
    }
    free(s->forms);
    free(s);
}

static bool is_known(const struct scrub *s, struct slice form)
{
    for (uint32_t i = s->first[form.p[0]]; i; i = s->forms[i].next)
        if (slice_equal(form, slice_of(s->forms[i].p, s->forms[i].len)))
            return true;
    return false;
}

static int form_add(struct scrub *s, struct slice form)
{
    if (form.len == 0 || is_known(s, form))
        return 0;
    if (s->n >= MAX_FORMS)
        return -SP_ELIMIT;
    if (s->n >= s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 64;
        struct form *forms = realloc(s->forms, capacity * sizeof *forms); /* lengths and pointers: nothing to wipe */
        if (!forms)
            return -ENOMEM;
        s->forms = forms;
        s->capacity = capacity;
    }
    uint8_t *copy = malloc(form.len);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, form.p, form.len);
    uint32_t *place = &s->first[form.p[0]];
    while (*place && s->forms[*place].len > form.len)
        place = &s->forms[*place].next;
    s->forms[s->n] = (struct form){copy, form.len, *place};
    *place = (uint32_t)s->n++;
    return 0;
}

/* Adds what is in `b` from `from` on, as it is, and empties it. */
static int form_take(struct scrub *s, struct buffer *b, size_t from, size_t to)
{
    int r = buffer_error(b);
    if (r == 0 && to > from)
        r = form_add(s, slice_of(b->p + from, to - from));
    buffer_truncate(b, 0);
    return r;
}

static void to_url_alphabet(struct buffer *b)
{
    for (size_t i = 0; i < b->len; i++)
        b->p[i] = b->p[i] == '+' ? '-' : b->p[i] == '/' ? '_' : b->p[i];
}

/* The characters of base64 that depend on the value alone, when it begins `shift` bytes into a group of three. */
static int base64_add(struct scrub *s, struct slice value, size_t shift)
{
    static const size_t skip[] = {0, 2, 3};
    _cleanup_buffer_ struct buffer plain = BUFFER_MAX(MAX_FORM_LEN);
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(MAX_FORM_LEN);
    plain.secret = b.secret = true;
    (void)buffer_append(&plain, "\0\0", shift);
    (void)buffer_append_slice(&plain, value);
    size_t end = (shift + value.len) * 8 / 6;
    must(end >= skip[shift] + MIN_ENCODED);
    for (int url = 0; url < 2; url++) {
        (void)buffer_append_base64(&b, buffer_slice(&plain));
        if (url && buffer_error(&b) == 0)
            to_url_alphabet(&b);
        int r = buffer_error(&plain) < 0 ? buffer_error(&plain) : form_take(s, &b, skip[shift], end);
        if (r < 0)
            return r;
    }
    return 0;
}

static int hex_add(struct scrub *s, struct slice value)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(MAX_FORM_LEN);
    b.secret = true;
    for (int upper = 0; upper < 2; upper++) {
        (void)buffer_append_hex(&b, value);
        for (size_t i = 0; upper && i < b.len; i++)
            b.p[i] = b.p[i] >= 'a' ? (uint8_t)(b.p[i] - 32) : b.p[i];
        int r = form_take(s, &b, 0, b.len);
        if (r < 0)
            return r;
    }
    return 0;
}

/* How writers of JSON and HTML escape beyond what they must. */
static const struct style {
    const char *escaped; /* these become \uXXXX */
    bool non_ascii;      /* and so do all others */
    bool upper;          /* in capital digits */
    bool slash;          /* '/' becomes "\/" */
} styles[] = {
    {"", false, false, false},
    {"", true, false, false},           /* Python */
    {"", true, false, true},            /* PHP */
    {"<>&", false, false, false},       /* Go */
    {"\"&'+<>`", true, true, false},    /* .NET */
    {"\"&'<>", false, true, true},      /* PHP with its JSON_HEX flags */
};

static void unit_append(struct buffer *out, uint32_t unit, bool upper)
{
    (void)buffer_printf(out, upper ? "\\u%04X" : "\\u%04x", unit);
}

/* The character at the front of well-formed UTF-8, as UTF-16; its length in bytes. */
static size_t character_append(struct buffer *out, struct slice s, bool upper)
{
    size_t n = s.p[0] >= 0xF0 ? 4 : s.p[0] >= 0xE0 ? 3 : 2;
    uint32_t c = s.p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (s.p[i] & 0x3Fu);
    if (c >= 0x10000) {
        unit_append(out, 0xD800 + ((c - 0x10000) >> 10), upper);
        c = 0xDC00 + ((c - 0x10000) & 0x3FF);
    }
    unit_append(out, c, upper);
    return n;
}

static void escape_style(struct buffer *out, struct slice s, const struct style *style)
{
    bool non_ascii = style->non_ascii && slice_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (c >= 0x80 && non_ascii)
            i += character_append(out, slice_of(s.p + i, s.len - i), style->upper) - 1;
        else if (c && c < 0x80 && strchr(style->escaped, c))
            unit_append(out, c, style->upper);
        else if (c == '/' && style->slash)
            (void)buffer_append_text(out, "\\/");
        else
            escape_json(out, slice_of(&c, 1));
    }
}

/* What writers of HTML make of the two quotes. */
static const char *const quotes[][2] = {{"&quot;", "&#39;"}, {"&#34;", "&#39;"}, {"&quot;", "&#x27;"}, {"&quot;", "&apos;"}};

static void escape_html(struct buffer *out, struct slice s, const char *const quote[2])
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        const char *entity = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? quote[0] : c == '\'' ? quote[1] : NULL;
        if (entity)
            (void)buffer_append_text(out, entity);
        else
            (void)buffer_append_byte(out, c);
    }
}

static void escape_form(struct buffer *out, struct slice s)
{
    struct slice part;
    bool is_first = true;
    while (slice_split(&s, ' ', &part)) {
        if (!is_first)
            (void)buffer_append_byte(out, '+');
        escape_percent(out, part, true);
        is_first = false;
    }
}

/* Each style of JSON, and each once more, for a server that echoes a JSON body inside JSON escapes what is escaped: in its own
 * style, or as we sent it. */
static int json_add(struct scrub *s, struct slice value)
{
    _cleanup_buffer_ struct buffer once = BUFFER_MAX(MAX_FORM_LEN);
    _cleanup_buffer_ struct buffer sent = BUFFER_MAX(MAX_FORM_LEN);
    _cleanup_buffer_ struct buffer twice = BUFFER_MAX(2 * MAX_FORM_LEN);
    once.secret = sent.secret = twice.secret = true;
    escape_json(&sent, value);
    int r = buffer_error(&sent);
    for (size_t i = 0; r == 0 && i < sizeof styles / sizeof *styles; i++) {
        escape_style(&twice, buffer_slice(&sent), &styles[i]);
        r = form_take(s, &twice, 0, twice.len);
        escape_style(&once, value, &styles[i]);
        escape_style(&twice, buffer_slice(&once), &styles[i]);
        if (r == 0)
            r = form_take(s, &twice, 0, twice.len);
        if (r == 0)
            r = form_take(s, &once, 0, once.len);
    }
    return r;
}

static int html_add(struct scrub *s, struct slice value)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(MAX_FORM_LEN);
    b.secret = true;
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof quotes / sizeof *quotes; i++) {
        escape_html(&b, value, quotes[i]);
        r = form_take(s, &b, 0, b.len);
    }
    return r;
}

/* Once, as in a URL, and twice, as in a URL that stands in another's query. */
static int percent_add(struct scrub *s, struct slice value)
{
    _cleanup_buffer_ struct buffer once = BUFFER_MAX(MAX_FORM_LEN);
    _cleanup_buffer_ struct buffer twice = BUFFER_MAX(2 * MAX_FORM_LEN);
    once.secret = twice.secret = true;
    int r = 0;
    for (int upper = 0; r == 0 && upper < 2; upper++) {
        escape_percent(&once, value, upper);
        escape_percent(&twice, buffer_slice(&once), upper);
        r = form_take(s, &twice, 0, twice.len);
        if (r == 0)
            r = form_take(s, &once, 0, once.len);
    }
    escape_form(&once, value);
    return r < 0 ? r : form_take(s, &once, 0, once.len);
}

static int escaped_add(struct scrub *s, struct slice value)
{
    int r = percent_add(s, value);
    if (r == 0)
        r = html_add(s, value);
    return r < 0 ? r : json_add(s, value);
}

int scrub_add(struct scrub *s, struct slice value)
{
    int r = form_add(s, value);
    if (r == 0)
        r = escaped_add(s, value);
    if (r < 0 || value.len < SHORT_VALUE)
        return r;
    for (size_t shift = 0; shift < 3 && r == 0; shift++)
        r = base64_add(s, value, shift);
    return r < 0 ? r : hex_add(s, value);
}

int scrub_add_header(struct scrub *s, struct slice value)
{
    int r = scrub_add(s, value);
    const uint8_t *space = value.len ? memchr(value.p, ' ', value.len) : NULL;
    if (r < 0 || !space)
        return r;
    struct slice scheme = slice_of(value.p, (size_t)(space - value.p));
    struct slice token = slice_of(space + 1, value.len - scheme.len - 1);
    r = scrub_add(s, token);
    if (r < 0 || !slice_equal_nocase(scheme, SLICE_LITERAL("basic")))
        return r;
    _cleanup_buffer_ struct buffer pair = BUFFER_MAX(MAX_FORM_LEN);
    pair.secret = true;
    if (buffer_append_base64_decoded(&pair, token) < 0)
        return buffer_error(&pair);
    struct slice password = buffer_slice(&pair);
    r = scrub_add(s, password);
    struct slice username;
    /* Without a password the user name is the secret. */
    if (r == 0 && slice_split(&password, ':', &username))
        r = scrub_add(s, password.len ? password : username);
    return r;
}

static size_t match_len(const struct scrub *s, struct slice text)
{
    for (uint32_t i = s->first[text.p[0]]; i; i = s->forms[i].next)
        if (s->forms[i].len <= text.len && memcmp(s->forms[i].p, text.p, s->forms[i].len) == 0)
            return s->forms[i].len;
    return 0;
}

int scrub_apply(const struct scrub *s, struct slice text, struct buffer *out)
{
    size_t from = 0;
    size_t at = 0;
    int found = 0;
    while (at < text.len) {
        size_t n = match_len(s, slice_of(text.p + at, text.len - at));
        if (n == 0) {
            at++;
            continue;
        }
        found = 1;
        (void)buffer_append(out, text.p + from, at - from);
        (void)buffer_append_text(out, "***");
        at += n;
        from = at;
    }
    if (from < text.len)
        (void)buffer_append(out, text.p + from, text.len - from);
    return buffer_error(out) < 0 ? buffer_error(out) : found;
}

bool scrub_finds(const struct scrub *s, struct slice text)
{
    for (size_t at = 0; at < text.len; at++)
        if (match_len(s, slice_of(text.p + at, text.len - at)))
            return true;
    return false;
}
