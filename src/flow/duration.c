/* duration: the DSL's durations in milliseconds. What must hold: the result is 0 to LIMIT_DURATION_MS, computed without
 * floating point for texts, and no digit beyond the limit is ever multiplied. Called by the compiler and the interpreter. */
#include "flow/duration.h"

#include <math.h>

#include "base/error.h"

#define SECOND_MS 1000ll
#define DAY_MS    (86400 * SECOND_MS)

static int not_a_duration(struct diag *reterr)
{
    diag_set(reterr, -SP_EINVALID, "not a duration");
    diag_hint(reterr, "write ISO 8601 like PT15M or P1DT12H, or an object of days, hours, minutes, seconds, milliseconds");
    return -SP_EINVALID;
}

static int too_long(struct diag *reterr)
{
    return diag_set(reterr, -SP_ELIMIT, "the duration is longer than %lld days", LIMIT_DURATION_MS / DAY_MS);
}

/* The milliseconds of a designator in the date part or the time part; 0 if it is none. `rank` orders them. */
static int64_t unit_ms(uint8_t designator, bool in_time, int *ret_rank)
{
    static const struct {
        char designator;
        bool in_time;
        int64_t ms;
    } units[] = {{'Y', false, 365 * DAY_MS},       {'M', false, 30 * DAY_MS}, {'W', false, 7 * DAY_MS}, {'D', false, DAY_MS},
                 {'H', true, 3600 * SECOND_MS}, {'M', true, 60 * SECOND_MS}, {'S', true, SECOND_MS}};
    for (int i = 0; i < (int)(sizeof units / sizeof *units); i++) {
        if (units[i].designator == designator && units[i].in_time == in_time) {
            *ret_rank = i;
            return units[i].ms;
        }
    }
    return 0;
}

static bool is_digit(struct slice s, size_t at)
{
    return at < s.len && s.p[at] >= '0' && s.p[at] <= '9';
}

/* One number: whole part (at most 12 digits) and fraction in units of 10^-6, digits beyond the sixth ignored. */
static int read_number(struct slice s, size_t *at, int64_t *ret_whole, int64_t *ret_fraction, bool *ret_has_fraction)
{
    int64_t whole = 0, fraction = 0, scale = 100000;
    size_t start = *at;
    for (; is_digit(s, *at); ++*at) {
        if (*at - start >= 12)
            return -SP_ELIMIT;
        whole = whole * 10 + (s.p[*at] - '0');
    }
    if (*at == start)
        return -SP_EINVALID;
    *ret_has_fraction = *at < s.len && (s.p[*at] == '.' || s.p[*at] == ',');
    if (*ret_has_fraction) {
        ++*at;
        if (!is_digit(s, *at))
            return -SP_EINVALID;
        for (; is_digit(s, *at); ++*at, scale /= 10)
            fraction += (s.p[*at] - '0') * scale;
    }
    *ret_whole = whole;
    *ret_fraction = fraction;
    return 0;
}

/* Adds `whole` and `fraction` of a unit; false beyond the limit. */
static bool add(int64_t *ms, int64_t whole, int64_t fraction, int64_t unit)
{
    if (whole > LIMIT_DURATION_MS / unit)
        return false;
    *ms += whole * unit + fraction * (unit / 1000) / 1000;
    return *ms <= LIMIT_DURATION_MS;
}

int flow_duration_parse(struct slice text, int64_t *ret_ms, struct diag *reterr)
{
    int64_t ms = 0;
    bool in_time = false, is_last = false, has_any = false, has_any_time = false;
    int last_rank = -1;
    size_t at = 1;
    if (text.len < 3 || text.p[0] != 'P')
        return not_a_duration(reterr);
    while (at < text.len) {
        if (text.p[at] == 'T' && !in_time && !is_last) {
            in_time = true;
            at++;
            continue;
        }
        int64_t whole, fraction;
        int rank = 0, r = is_last ? -SP_EINVALID : read_number(text, &at, &whole, &fraction, &is_last);
        if (r == -SP_ELIMIT)
            return too_long(reterr);
        int64_t unit = r < 0 || at >= text.len ? 0 : unit_ms(text.p[at++], in_time, &rank);
        if (unit == 0 || rank <= last_rank)
            return not_a_duration(reterr);
        last_rank = rank;
        has_any = true;
        has_any_time |= in_time;
        if (!add(&ms, whole, fraction, unit))
            return too_long(reterr);
    }
    if (!has_any || (in_time && !has_any_time))
        return not_a_duration(reterr);
    *ret_ms = ms;
    return 0;
}

static int from_member(const char *key, jv value, double *ms, struct diag *reterr)
{
    static const struct {
        const char *key;
        double ms;
    } units[] = {{"days", DAY_MS}, {"hours", 3600000}, {"minutes", 60000}, {"seconds", 1000}, {"milliseconds", 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(key, units[i].key) != 0)
            continue;
        double n = jv_get_kind(value) == JV_KIND_NUMBER ? jv_number_value(value) : -1;
        if (!(n >= 0)) {
            diag_set(reterr, -SP_EINVALID, "`%s` must be a number that is not negative", key);
            diag_pointer(reterr, "/%s", key);
            return -SP_EINVALID;
        }
        *ms += n * units[i].ms;
        return 0;
    }
    return not_a_duration(reterr);
}

static int from_object(jv object, int64_t *ret_ms, struct diag *reterr)
{
    double ms = 0;
    int r = jv_object_length(jv_copy(object)) ? 0 : not_a_duration(reterr);
    for (int i = jv_object_iter(object); r == 0 && jv_object_iter_valid(object, i); i = jv_object_iter_next(object, i)) {
        jv key = jv_object_iter_key(object, i), value = jv_object_iter_value(object, i);
        r = from_member(jv_string_value(key), value, &ms, reterr);
        jv_free(key);
        jv_free(value);
    }
    if (r < 0)
        return r;
    if (!(ms <= (double)LIMIT_DURATION_MS))
        return too_long(reterr);
    *ret_ms = (int64_t)floor(ms);
    return 0;
}

int flow_duration_from_jv(jv v, int64_t *ret_ms, struct diag *reterr)
{
    int r;
    if (jv_get_kind(v) == JV_KIND_OBJECT)
        r = from_object(v, ret_ms, reterr);
    else if (jv_get_kind(v) == JV_KIND_STRING)
        r = flow_duration_parse(slice_of(jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v))), ret_ms, reterr);
    else
        r = not_a_duration(reterr);
    jv_free(v);
    return r;
}
