/* format_time: dates and times of RFC 3339, and its durations (appendix A). */
#include "schema/format.h"
#include "schema/format_text.h"

int format_date(struct slice text)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (text.len != 10 || text.p[4] != '-' || text.p[7] != '-' || !text_digits(text, 0, 4, &year) ||
        !text_digits(text, 5, 2, &month) || !text_digits(text, 8, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

/* A leap second is the last one of a day in UTC. */
static bool is_possible(unsigned hour, unsigned minute, unsigned second, int offset)
{
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    int utc = ((int)(hour * 60 + minute) - offset + 2 * 1440) % 1440;
    return second < 60 || utc == 1439;
}

int format_time(struct slice text)
{
    unsigned hour, minute, second, by_hours = 0, by_minutes = 0;
    if (text.len < 9 || text.p[2] != ':' || text.p[5] != ':' || !text_digits(text, 0, 2, &hour) ||
        !text_digits(text, 3, 2, &minute) || !text_digits(text, 6, 2, &second))
        return false;
    size_t i = 8;
    if (text.p[i] == '.') {
        size_t start = ++i;
        while (i < text.len && text_is_digit(text.p[i]))
            i++;
        if (i == start)
            return false;
    }
    struct slice zone = slice_of(text.p + i, text.len - i);
    if (slice_is(zone, "Z") || slice_is(zone, "z"))
        return is_possible(hour, minute, second, 0);
    if (zone.len != 6 || (zone.p[0] != '+' && zone.p[0] != '-') || zone.p[3] != ':' ||
        !text_digits(zone, 1, 2, &by_hours) || !text_digits(zone, 4, 2, &by_minutes) || by_hours > 23 || by_minutes > 59)
        return false;
    int offset = (int)(by_hours * 60 + by_minutes);
    return is_possible(hour, minute, second, zone.p[0] == '+' ? offset : -offset);
}

int format_date_time(struct slice text)
{
    return text.len > 11 && (text.p[10] == 'T' || text.p[10] == 't') && format_date(slice_of(text.p, 10)) &&
           format_time(slice_of(text.p + 11, text.len - 11));
}

/* Numbers with the units of `units`, each the next one in their order; none may be left out between two. */
static bool units_in_order(struct slice *rest, const char *units)
{
    const char *next = NULL;
    while (rest->len && text_is_digit(rest->p[0])) {
        size_t i = 0;
        while (i < rest->len && text_is_digit(rest->p[i]))
            i++;
        const char *unit = i < rest->len && rest->p[i] ? strchr(units, rest->p[i]) : NULL;
        if (!unit || (next && unit != next))
            return false;
        next = unit + 1;
        *rest = slice_of(rest->p + i + 1, rest->len - i - 1);
    }
    return next != NULL;
}

int format_duration(struct slice text)
{
    if (text.len < 2 || text.p[0] != 'P')
        return false;
    struct slice rest = slice_of(text.p + 1, text.len - 1), weeks = rest;
    if (units_in_order(&weeks, "W") && weeks.len == 0)
        return true;
    if (rest.p[0] != 'T' && !units_in_order(&rest, "YMD"))
        return false;
    if (rest.len == 0)
        return true;
    rest = slice_of(rest.p + 1, rest.len - 1);
    return rest.p[-1] == 'T' && units_in_order(&rest, "HMS") && rest.len == 0;
}
