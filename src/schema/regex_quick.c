/* regex_quick: a pattern as a row of characters and classes, each with a count. Must hold: an answer that is
 * not REGEX_ASK is the full engine's. So a row is kept only as far as matching it greedily, without a way
 * back, finds what backtracking would: an item of variable count takes nothing that the items behind it could
 * need. Only ASCII is decided here; where another character stands in the way, the engine is asked. Called by
 * compile.c and validate.c through their patterns. */
#include "schema/regex_quick.h"

#define COUNT_MAX  1000 /* of characters of one item; a larger one is left to the engine */
#define ENDLESS    UINT16_MAX
#define SEARCH_MAX 64 /* characters compared at each place, for a pattern without ^ */

struct reader {
    const uint8_t *at, *end;
};

static int peek(const struct reader *r, size_t ahead)
{
    return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : -1;
}

static void add_range(struct regex_quick_item *item, int from, int to)
{
    for (int c = from; c <= to; c++)
        item->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static void invert(struct regex_quick_item *item)
{
    item->bits[0] = ~item->bits[0];
    item->bits[1] = ~item->bits[1];
}

static bool takes(const struct regex_quick_item *item, uint8_t c)
{
    return item->bits[c >> 6] >> (c & 63) & 1;
}

static bool are_disjoint(const struct regex_quick_item *a, const struct regex_quick_item *b)
{
    return !(a->bits[0] & b->bits[0]) && !(a->bits[1] & b->bits[1]);
}

static bool is_punctuation(int c)
{
    return c > 0 && c < 0x80 && strchr("^$\\.*+?()[]{}|/-_~!@#%&=:;,<>\"'` ", c);
}

/* The part of `\d`, `\w`, `\s` that is ASCII, or of their opposites. */
static bool add_named(struct regex_quick_item *item, int letter)
{
    struct regex_quick_item named = {};
    switch (letter | 0x20) {
    case 'w':
        add_range(&named, 'A', 'Z');
        add_range(&named, 'a', 'z');
        add_range(&named, '_', '_');
        [[fallthrough]];
    case 'd':
        add_range(&named, '0', '9');
        break;
    case 's':
        add_range(&named, '\t', '\r');
        add_range(&named, ' ', ' ');
        break;
    default:
        return false;
    }
    if (letter < 'a')
        invert(&named);
    item->bits[0] |= named.bits[0];
    item->bits[1] |= named.bits[1];
    return true;
}

/* One character of a class, perhaps escaped; -1: none that is plain. */
static int class_character(struct reader *r)
{
    int c = peek(r, 0);
    if (c == '\\') {
        c = peek(r, 1);
        if (!is_punctuation(c))
            return -1;
        r->at += 2;
        return c;
    }
    if (c < 0 || c >= 0x80)
        return -1;
    r->at++;
    return c;
}

/* What stands behind "[", and the bracket that ends it. */
static bool read_class(struct reader *r, struct regex_quick_item *item)
{
    bool is_negated = peek(r, 0) == '^';
    r->at += is_negated;
    while (peek(r, 0) != ']') {
        if (peek(r, 0) == '\\' && add_named(item, peek(r, 1))) {
            r->at += 2;
            if (peek(r, 0) == '-' && peek(r, 1) != ']')
                return false;
            continue;
        }
        int from = class_character(r), to = from;
        if (peek(r, 0) == '-' && peek(r, 1) != ']') {
            r->at++;
            to = class_character(r);
        }
        if (from < 0 || to < from)
            return false;
        add_range(item, from, to);
    }
    r->at++;
    if (is_negated)
        invert(item);
    return true;
}

static bool read_atom(struct reader *r, struct regex_quick_item *item)
{
    int c = peek(r, 0);
    if (c < 0 || c >= 0x80 || strchr("^$*+?()]{}|", c))
        return false;
    r->at++;
    if (c == '[')
        return read_class(r, item);
    if (c == '.') {
        add_range(item, '\n', '\n');
        add_range(item, '\r', '\r');
        invert(item);
        return true;
    }
    if (c == '\\') {
        c = peek(r, 0);
        r->at += c >= 0;
        if (c >= 0 && add_named(item, c))
            return true;
        if (!is_punctuation(c))
            return false;
    }
    add_range(item, c, c);
    return true;
}

static bool read_count(struct reader *r, uint16_t *ret)
{
    unsigned n = 0;
    const uint8_t *start = r->at;
    for (int c; (c = peek(r, 0)) >= '0' && c <= '9' && n <= COUNT_MAX; r->at++)
        n = n * 10 + (unsigned)(c - '0');
    *ret = (uint16_t)n;
    return r->at > start && n <= COUNT_MAX;
}

static bool read_braces(struct reader *r, struct regex_quick_item *item)
{
    if (!read_count(r, &item->min))
        return false;
    item->max = item->min;
    if (peek(r, 0) == ',') {
        r->at++;
        item->max = ENDLESS;
        if (peek(r, 0) != '}' && !read_count(r, &item->max))
            return false;
    }
    return *r->at++ == '}';
}

static bool read_quantifier(struct reader *r, struct regex_quick_item *item)
{
    int c = peek(r, 0);
    item->min = item->max = 1;
    if (c < 0 || !strchr("*+?{", c))
        return true;
    r->at++;
    if (c == '{' ? !read_braces(r, item) : false)
        return false;
    if (c != '{')
        item->min = c == '+';
    if (c == '*' || c == '+')
        item->max = ENDLESS;
    return peek(r, 0) != '?'; /* a lazy one */
}

/* Alternatives outside of all groups: what stands first is no beginning of the pattern then. */
static bool has_alternatives(struct slice pattern)
{
    unsigned depth = 0;
    bool in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.p[i];
        if (c == '\\')
            i++;
        else if (in_class)
            in_class = c != ']';
        else if (c == '[')
            in_class = true;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        else if (c == '|' && depth == 0)
            return true;
    }
    return false;
}

/* Of what stands at `n` and behind it nothing is known but that its first item comes `min` times. */
static void cut(struct regex_quick *q, uint8_t n)
{
    q->items[n].max = q->items[n].min;
    q->n = (uint8_t)(n + 1);
    q->is_complete = q->is_whole = false;
}

/* True if taking as many as there are at `i` leaves the items behind it what they need. */
static bool is_safe(const struct regex_quick *q, uint8_t i)
{
    if (q->items[i].min == q->items[i].max)
        return true;
    if (!q->is_anchored)
        return false; /* at each place anew, that could take time in the square of the text */
    for (uint8_t k = (uint8_t)(i + 1); k < q->n; k++) {
        if (!are_disjoint(&q->items[i], &q->items[k]))
            return false;
        if (q->items[k].min > 0)
            return true;
    }
    return q->is_complete;
}

static void settle(struct regex_quick *q)
{
    unsigned searched = 0;
    if (q->is_complete && !q->is_whole && q->n)
        q->items[q->n - 1].max = q->items[q->n - 1].min; /* what comes behind does not matter */
    for (uint8_t i = 0; i < q->n; i++) {
        if (!is_safe(q, i))
            cut(q, i);
        searched += q->items[i].min;
        if (!q->is_anchored && searched > SEARCH_MAX) {
            *q = (struct regex_quick){};
            return;
        }
    }
}

void regex_quick_read(struct slice pattern, struct regex_quick *ret)
{
    struct reader r = {pattern.p, pattern.p + pattern.len};
    struct regex_quick q = {};
    if (!pattern.len || has_alternatives(pattern)) {
        *ret = q;
        return;
    }
    q.is_anchored = peek(&r, 0) == '^';
    r.at += q.is_anchored;
    bool is_plain = true;
    while (is_plain && q.n < REGEX_QUICK_ITEMS && peek(&r, 0) >= 0 && peek(&r, 0) != '$') {
        struct regex_quick_item *item = &q.items[q.n];
        is_plain = read_atom(&r, item) && read_quantifier(&r, item);
        q.n += is_plain;
    }
    q.is_whole = is_plain && peek(&r, 0) == '$' && peek(&r, 1) < 0;
    q.is_complete = q.is_whole || (is_plain && peek(&r, 0) < 0);
    settle(&q);
    *ret = q;
}

static enum regex_quick_answer match_at(const struct regex_quick *q, struct slice text, size_t at)
{
    for (uint8_t i = 0; i < q->n; i++) {
        const struct regex_quick_item *item = &q->items[i];
        size_t left = text.len - at, most = item->max == ENDLESS || item->max > left ? left : item->max,
               count = 0;
        while (count < most && text.p[at + count] < 0x80 && takes(item, text.p[at + count]))
            count++;
        if (count < most && text.p[at + count] >= 0x80)
            return REGEX_ASK;
        if (count < item->min)
            return REGEX_NO;
        at += count;
    }
    if (!q->is_complete)
        return REGEX_ASK;
    return !q->is_whole || at == text.len ? REGEX_YES : REGEX_NO;
}

enum regex_quick_answer regex_quick_match(const struct regex_quick *q, struct slice text)
{
    if (q->n == 0 && !q->is_complete)
        return REGEX_ASK;
    if (q->is_anchored)
        return match_at(q, text, 0);
    for (size_t at = 0; at <= text.len; at++) {
        enum regex_quick_answer answer = match_at(q, text, at);
        if (answer != REGEX_NO)
            return answer;
    }
    return REGEX_NO;
}
