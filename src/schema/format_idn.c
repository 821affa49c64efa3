/* format_idn: host names, as letters, digits and hyphens (RFC 1123, section 2.1) and internationalised (IDNA 2008: RFC 5890
 * to 5893). A-labels ("xn--…") are decoded and their content is checked in both. That a label is in form NFC is not checked. */
#include "schema/format.h"
#include "schema/format_idn_table.h"
#include "schema/format_text.h"

#define LABEL 63

struct label {
    uint32_t c[LABEL];
    unsigned properties[LABEL];
    size_t n;
    bool ascii;
};

static unsigned properties_of(uint32_t c)
{
    if (c < 0x80) {
        if (text_is_digit(c))
            return IDN_PVALID | IDN_EN;
        return c == '-' ? IDN_PVALID | IDN_NEUTRAL : c >= 'a' && c <= 'z' ? IDN_PVALID : 0;
    }
    size_t low = 0, high = sizeof idn_rows / sizeof *idn_rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (idn_rows[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof idn_rows / sizeof *idn_rows || c < idn_rows[low].first ||
        (c - idn_rows[low].first) % idn_rows[low].step != 0)
        return 0;
    return idn_rows[low].properties;
}

/* Punycode (RFC 3492): base 36, tmin 1, tmax 26, skew 38, damp 700, initial bias 72 and n 128. */
static uint32_t adapted(uint32_t delta, uint32_t n, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / 700 : delta / 2;
    for (delta += delta / n; delta > 455; k += 36)
        delta /= 35;
    return k + 36 * delta / (delta + 38);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
    return k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
}

/* Of a letter or digit. */
static uint32_t digit_value(uint8_t c)
{
    return text_is_digit(c) ? c - '0' + 26u : (c | 0x20u) - 'a';
}

/* One variable-length integer; false at the end or an overflow. A digit on which it goes on is not 0, so that `*i` is never
 * below the weight, and no product overflows. */
static bool decode_delta(struct slice text, size_t *at, uint32_t bias, uint64_t *i)
{
    uint64_t weight = 1;
    for (uint32_t k = 36;; k += 36) {
        if (*at == text.len)
            return false;
        uint32_t digit = digit_value(text.p[(*at)++]), t = threshold(k, bias);
        *i += digit * weight;
        if (*i > UINT32_MAX)
            return false;
        if (digit < t)
            return true;
        weight *= 36 - t;
    }
}

/* `text` is of letters, digits and hyphens, and shorter than a label; behind its last hyphen stands something. */
static bool punycode_decode(struct slice text, struct label *ret)
{
    size_t basic = text.len, at = 0;
    while (basic > 0 && text.p[basic - 1] != '-')
        basic--;
    ret->n = 0;
    for (; basic > 0 && at < basic - 1; at++)
        ret->c[ret->n++] = text.p[at] >= 'A' && text.p[at] <= 'Z' ? text.p[at] | 0x20u : text.p[at];
    at = basic;
    uint64_t n = 128, i = 0;
    for (uint32_t bias = 72; at < text.len;) {
        uint64_t before = i;
        must(ret->n < LABEL); /* each took a byte of `text` at least */
        if (!decode_delta(text, &at, bias, &i))
            return false;
        uint32_t count = (uint32_t)ret->n + 1;
        bias = adapted((uint32_t)(i - before), count, before == 0);
        n += i / count;
        i %= count;
        if (n > 0x10FFFF)
            return false;
        memmove(&ret->c[i + 1], &ret->c[i], (ret->n - i) * sizeof *ret->c);
        ret->c[i++] = (uint32_t)n;
        ret->n++;
    }
    return true;
}

static void encode_delta(uint32_t delta, uint32_t bias, char *out, size_t *len)
{
    for (uint32_t k = 36;; k += 36) {
        uint32_t t = threshold(k, bias), digit = delta < t ? delta : t + (delta - t) % (36 - t);
        if (*len <= LABEL)
            out[(*len)++] = (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);
        if (delta < t)
            return;
        delta = (delta - t) / (36 - t);
    }
}

/* Writes the label's Punycode without "xn--"; what is too long for a label is cut after LABEL + 1 characters. */
static size_t punycode_encode(const struct label *label, char out[LABEL + 1])
{
    size_t len = 0;
    for (size_t j = 0; j < label->n; j++)
        if (label->c[j] < 0x80)
            out[len++] = (char)label->c[j];
    uint32_t done = (uint32_t)len, basic = done, bias = 72, delta = 0, n = 128;
    if (basic)
        out[len++] = '-';
    while (done < label->n) {
        uint32_t next = UINT32_MAX;
        for (size_t j = 0; j < label->n; j++)
            if (label->c[j] >= n && label->c[j] < next)
                next = label->c[j];
        delta += (next - n) * (done + 1);
        n = next;
        for (size_t j = 0; j < label->n; j++) {
            delta += label->c[j] < n;
            if (label->c[j] != n)
                continue;
            encode_delta(delta, bias, out, &len);
            bias = adapted(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        n++;
    }
    return len;
}

/* U+200C may stand between letters that join over it (RFC 5892, appendix A.1). */
static bool joins(const struct label *l, size_t i)
{
    size_t before = i, after = i + 1;
    while (before > 0 && l->properties[before - 1] & IDN_CLEAR)
        before--;
    while (after < l->n && l->properties[after] & IDN_CLEAR)
        after++;
    return before > 0 && l->properties[before - 1] & IDN_LEFT && after < l->n && l->properties[after] & IDN_RIGHT;
}

static bool has_between(const struct label *l, uint32_t low, uint32_t high)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->c[i] >= low && l->c[i] <= high)
            return true;
    return false;
}

/* The contextual rules of RFC 5892, appendix A. */
static bool fits_context(const struct label *l, size_t i)
{
    uint32_t c = l->c[i];
    unsigned before = i ? l->properties[i - 1] : 0, after = i + 1 < l->n ? l->properties[i + 1] : 0;
    if (c == 0x200C || c == 0x200D)
        return before & IDN_VIRAMA || (c == 0x200C && joins(l, i));
    if (c == 0xB7)
        return i && l->c[i - 1] == 'l' && i + 1 < l->n && l->c[i + 1] == 'l';
    if (c == 0x375)
        return after & IDN_GREEK;
    if (c == 0x5F3 || c == 0x5F4)
        return before & IDN_HEBREW;
    if (c >= 0x660 && c <= 0x669)
        return !has_between(l, 0x6F0, 0x6F9);
    if (c >= 0x6F0 && c <= 0x6F9)
        return !has_between(l, 0x660, 0x669);
    for (size_t j = 0; c == 0x30FB && j < l->n; j++)
        if (l->c[j] != 0x30FB && l->properties[j] & IDN_KANA)
            return true;
    return false;
}

static bool is_good_label(struct label *l)
{
    must(l->n > 0);
    if (l->c[0] == '-' || l->c[l->n - 1] == '-' || (l->n >= 4 && l->c[2] == '-' && l->c[3] == '-'))
        return false;
    for (size_t i = 0; i < l->n; i++)
        l->properties[i] = properties_of(l->c[i]);
    if (l->properties[0] & IDN_MARK)
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (!(l->properties[i] & IDN_PVALID) && !fits_context(l, i))
            return false;
    return true;
}

/* The Bidi rule (RFC 5893, section 2), for a label of a name in which some label runs from right to left. */
static bool obeys_bidi_rule(const struct label *l)
{
    const unsigned directions = IDN_R | IDN_AN | IDN_EN | IDN_NSM | IDN_NEUTRAL;
    unsigned all = 0;
    bool any_left = false;
    size_t last = l->n;
    for (size_t i = 0; i < l->n; i++) {
        all |= l->properties[i] & directions;
        any_left |= !(l->properties[i] & directions);
    }
    while (last > 1 && l->properties[last - 1] & IDN_NSM)
        last--;
    unsigned end = l->properties[last - 1] & directions, first = l->properties[0] & directions;
    if (first == IDN_R)
        return !any_left && end & (IDN_R | IDN_AN | IDN_EN) && !(all & IDN_AN && all & IDN_EN);
    return first == 0 && !(all & (IDN_R | IDN_AN)) && (end == 0 || end == IDN_EN);
}

static bool is_right_to_left(const struct label *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->properties[i] & (IDN_R | IDN_AN))
            return true;
    return false;
}

static bool is_ascii_label(struct slice s)
{
    if (!s.len || s.len > LABEL || s.p[0] == '-' || s.p[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!text_is_letter(s.p[i]) && !text_is_digit(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

/* An A-label must be what its content encodes to. It holds more than ASCII, since it does not end with a hyphen. */
static bool read_a_label(struct slice s, struct label *ret)
{
    char again[LABEL + 1];
    struct slice code = slice_of(s.p + 4, s.len - 4);
    if (!punycode_decode(code, ret) || !is_good_label(ret))
        return false;
    return slice_equal_nocase(slice_of(again, punycode_encode(ret, again)), code);
}

/* Reads one label of any kind; `*ret_len` is the length of its ASCII form. */
static bool read_label(struct slice s, struct label *ret, size_t *ret_len)
{
    struct slice rest = s;
    *ret_len = s.len;
    ret->n = 0;
    ret->ascii = true;
    while (rest.len) {
        uint32_t c = text_next(&rest);
        if (ret->n == LABEL)
            return false;
        ret->ascii &= c < 0x80;
        ret->properties[ret->n] = properties_of(c | (c >= 'A' && c <= 'Z' ? 0x20 : 0));
        ret->c[ret->n++] = c;
    }
    if (ret->ascii && s.len > 4 && slice_equal_nocase(slice_of(s.p, 4), SLICE_LITERAL("xn--")))
        return is_ascii_label(s) ? read_a_label(s, ret) : false;
    if (ret->ascii)
        return is_ascii_label(s);
    char encoded[LABEL + 1];
    *ret_len = 4 + punycode_encode(ret, encoded);
    return *ret_len <= LABEL && is_good_label(ret);
}

/* Cuts the next label off; with `wide`, also at the other full stops of RFC 3490, section 3.1. */
static bool next_label(struct slice *rest, bool wide, struct slice *ret)
{
    if (!rest->p)
        return false;
    struct slice at = *rest;
    while (at.len) {
        size_t len = (size_t)(at.p - rest->p);
        uint32_t c = text_next(&at);
        if (c == '.' || (wide && (c == 0x3002 || c == 0xFF0E || c == 0xFF61))) {
            *ret = slice_of(rest->p, len);
            *rest = at;
            return true;
        }
    }
    *ret = *rest;
    *rest = (struct slice){NULL, 0};
    return true;
}

static bool is_hostname(struct slice text, bool international)
{
    struct slice part;
    struct label label;
    size_t total = 0, len;
    bool bidi = false, rule = true;
    if (!text.len || text.len > 4 * 254)
        return false;
    while (next_label(&text, international, &part)) {
        if (!part.len || !read_label(part, &label, &len))
            return false;
        total += len + 1;
        bidi |= is_right_to_left(&label);
        rule &= obeys_bidi_rule(&label);
    }
    return total <= 254 && (!bidi || rule);
}

int format_hostname(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] >= 0x80)
            return false;
    return is_hostname(text, false);
}

int format_idn_hostname(struct slice text)
{
    return is_hostname(text, true);
}
