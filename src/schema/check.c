/* check: type, const and enum, numbers, strings. */
#include "base/plural.h"
#include "schema/run.h"

/* Called for a value of another type only. */
int check_type(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    static const struct {
        unsigned bits;
        const char *name;
    } names[] = {{TYPE_NULL, "null"}, {TYPE_BOOLEAN, "boolean"}, {TYPE_NUMBER, "number"}, {TYPE_INTEGER, "integer"},
                 {TYPE_STRING, "string"}, {TYPE_ARRAY, "array"}, {TYPE_OBJECT, "object"}};
    if (!r->errors)
        return INVALID;
    char list[80] = "";
    size_t len = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool implied = names[i].bits == TYPE_INTEGER && n->types & TYPE_NUMBER;
        if (n->types & names[i].bits && !implied)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? " or " : "", names[i].name);
    }
    return run_report(r, n, "type", at, "must be of type %s", list);
}

static int among(struct run *r, const struct value_rules *rules, struct view *v)
{
    uint32_t hash = 0;
    int e = view_hash((struct view_budget){&r->room, &r->steps}, v, &hash);
    if (e < 0)
        return e;
    size_t low = 0, high = rules->n_values;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules->values[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < rules->n_values && rules->values[low].hash == hash; low++)
        if ((e = view_equal((struct view_budget){&r->room, &r->steps}, v, &rules->values[low].value)) != 0)
            return e;
    return 0;
}

int check_values(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct value_rules *rules = n->rules[GROUP_VALUES];
    int result = VALID, found;
    if (rules->constant) {
        if ((found = view_equal((struct view_budget){&r->room, &r->steps}, v, rules->constant)) < 0)
            return found;
        if (!found)
            result = run_report(r, n, "const", at, "must be the constant that the schema gives");
    }
    if (rules->has_values) {
        if ((found = among(r, rules, v)) < 0)
            return found;
        if (!found)
            result = run_report(r, n, "enum", at, "must be one of the values that the schema lists");
    }
    return result;
}

/* Written so that NaN, which libjq can make, meets no bound. */
int check_number(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct number_rules *k = n->rules[GROUP_NUMBER];
    double x = v->number;
    int result = VALID;
    if (k->maximum.is_set && !(x <= k->maximum.limit))
        result = run_report(r, n, "maximum", at, "must be at most %.17g", k->maximum.limit);
    if (k->minimum.is_set && !(x >= k->minimum.limit))
        result = run_report(r, n, "minimum", at, "must be at least %.17g", k->minimum.limit);
    if (k->exclusive_maximum.is_set && !(x < k->exclusive_maximum.limit))
        result = run_report(r, n, "exclusiveMaximum", at, "must be below %.17g", k->exclusive_maximum.limit);
    if (k->exclusive_minimum.is_set && !(x > k->exclusive_minimum.limit))
        result = run_report(r, n, "exclusiveMinimum", at, "must be above %.17g", k->exclusive_minimum.limit);
    if (k->multiple.is_set && !number_is_multiple(x, k->multiple.limit, k->multiple_decimal))
        result = run_report(r, n, "multipleOf", at, "must be a multiple of %.17g", k->multiple.limit);
    return result;
}

int run_match(struct run *r, const struct pattern *pattern, struct slice text)
{
    int e = run_pay(r, 1 + text.len / 16);
    if (e < 0)
        return e;
    enum regex_quick_answer quick = regex_quick_match(&pattern->quick, text);
    if (quick != REGEX_ASK)
        return quick == REGEX_YES;
    if ((e = run_pay(r, 15)) < 0)
        return e;
    if (!r->match_data && !(r->match_data = pcre2_match_data_create(1, NULL)))
        return -ENOMEM;
    /* The few matches that backtrack much pay for it, so that many of them cannot take minutes. */
    int found = regex_match(pattern->code, text, r->match_data, r->schema->quick_context);
    if (found != -SP_EBUDGET)
        return found;
    e = run_pay(r, LIMIT_REGEX_MATCH / 20);
    return e < 0 ? e : regex_match(pattern->code, text, r->match_data, r->schema->match_context);
}

/* The number of code points of well-formed UTF-8. */
static size_t code_points(struct slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (text.p[i] & 0xC0) != 0x80;
    return n;
}

static int check_length(struct run *r, const struct node *n, struct slice text, const struct at *at)
{
    const struct string_rules *k = n->rules[GROUP_STRING];
    int result = VALID;
    /* A code point has one to four bytes, so most texts need no counting. */
    bool maybe_long = k->max_length.is_set && (double)text.len > k->max_length.limit;
    bool maybe_short = k->min_length.is_set && (double)(text.len / 4) < k->min_length.limit;
    if (!maybe_long && !maybe_short)
        return VALID;
    double length = (double)code_points(text);
    if (maybe_long && length > k->max_length.limit)
        result = run_report(r, n, "maxLength", at, "must have at most %.0f %s", k->max_length.limit,
                            PLURAL(k->max_length.limit, "character", "characters"));
    if (maybe_short && length < k->min_length.limit)
        result = run_report(r, n, "minLength", at, "must have at least %.0f %s", k->min_length.limit,
                            PLURAL(k->min_length.limit, "character", "characters"));
    return result;
}

int check_string(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct string_rules *k = n->rules[GROUP_STRING];
    int result = run_open(r, v);
    if (result < 0)
        return result;
    struct slice text = view_text(v);
    result = check_length(r, n, text, at);
    if (k->pattern && run_goes_on(r, result)) {
        int found = run_match(r, k->pattern, text);
        if (found < 0)
            return found;
        if (!found)
            result = run_report(r, n, "pattern", at, "must match the pattern that the schema gives");
    }
    if (k->format && run_goes_on(r, result)) {
        int found = run_pay(r, k->format == regex_is_valid ? 4096 : 1 + text.len / 16);
        if (found == 0)
            found = k->format(text);
        if (found < 0)
            return found;
        if (!found)
            result = run_report(r, n, "format", at, "must be a valid %.*s", SLICE_ARGS(k->format_name));
    }
    return result;
}
