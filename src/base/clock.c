/* clock: the system's clocks, and RFC 3339 both ways (days from civil: H. Hinnant's public-domain algorithms). */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/error.h"

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int *m, int *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

#define FIRST_MS (-62167219200000ll) /* 0000-01-01 */
#define LAST_MS  253402300799999ll   /* 9999-12-31 */

static void two_digits(char *p, int64_t v)
{
    p[0] = (char)('0' + v / 10 % 10);
    p[1] = (char)('0' + v % 10);
}

void clock_rfc3339(int64_t wall_ms, char ret[CLOCK_RFC3339_LEN + 1])
{
    if (wall_ms < FIRST_MS)
        wall_ms = FIRST_MS;
    if (wall_ms > LAST_MS)
        wall_ms = LAST_MS;
    int64_t days = wall_ms / 86400000, ms = wall_ms % 86400000;
    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    int64_t y;
    int m, d;
    civil_from_days(days, &y, &m, &d);
    memcpy(ret, "0000-00-00T00:00:00.000Z", CLOCK_RFC3339_LEN + 1);
    two_digits(ret, y / 100);
    two_digits(ret + 2, y % 100);
    two_digits(ret + 5, m);
    two_digits(ret + 8, d);
    two_digits(ret + 11, ms / 3600000);
    two_digits(ret + 14, ms / 60000 % 60);
    two_digits(ret + 17, ms / 1000 % 60);
    ret[20] = (char)('0' + ms / 100 % 10);
    two_digits(ret + 21, ms % 100);
}

/* Takes exactly `n` digits from the front of `*s`. */
static int take_digits(struct slice *s, size_t n, int *ret)
{
    if (s->len < n)
        return -SP_ESYNTAX;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return -SP_ESYNTAX;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = slice_of(s->p + n, s->len - n);
    *ret = v;
    return 0;
}

static int take_byte(struct slice *s, const char *allowed)
{
    if (s->len == 0 || s->p[0] == 0 || !strchr(allowed, s->p[0]))
        return -SP_ESYNTAX;
    int c = s->p[0];
    *s = slice_of(s->p + 1, s->len - 1);
    return c;
}

static int take_offset(struct slice *s, int *ret_minutes)
{
    int sign = take_byte(s, "Zz+-");
    int h = 0, m = 0;
    if (sign < 0)
        return sign;
    if (sign == '+' || sign == '-')
        if (take_digits(s, 2, &h) < 0 || take_byte(s, ":") < 0 || take_digits(s, 2, &m) < 0 || h > 23 || m > 59)
            return -SP_ESYNTAX;
    *ret_minutes = (h * 60 + m) * (sign == '-' ? -1 : 1);
    return 0;
}

static int take_fraction(struct slice *s, int *ret_ms)
{
    int scale = 100, ms = 0, digit;
    if (s->len == 0 || s->p[0] != '.')
        return 0;
    *s = slice_of(s->p + 1, s->len - 1);
    if (take_digits(s, 1, &digit) < 0)
        return -SP_ESYNTAX;
    do {
        ms += digit * scale;
        scale /= 10;
    } while (take_digits(s, 1, &digit) == 0);
    *ret_ms = ms;
    return 0;
}

int clock_parse_rfc3339(struct slice s, int64_t *ret_wall_ms)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, mo, d, h, mi, sec, ms = 0, offset;
    if (take_digits(&s, 4, &y) < 0 || take_byte(&s, "-") < 0 || take_digits(&s, 2, &mo) < 0 || take_byte(&s, "-") < 0 ||
        take_digits(&s, 2, &d) < 0 || take_byte(&s, "Tt ") < 0 || take_digits(&s, 2, &h) < 0 || take_byte(&s, ":") < 0 ||
        take_digits(&s, 2, &mi) < 0 || take_byte(&s, ":") < 0 || take_digits(&s, 2, &sec) < 0 ||
        take_fraction(&s, &ms) < 0 || take_offset(&s, &offset) < 0 || s.len)
        return -SP_ESYNTAX;
    if (mo < 1 || mo > 12 || d < 1 || d > month_days[mo - 1] || h > 23 || mi > 59 || sec > 60)
        return -SP_ESYNTAX;
    if (mo == 2 && d == 29 && (y % 4 || (y % 100 == 0 && y % 400)))
        return -SP_ESYNTAX;
    int64_t days = days_from_civil(y, mo, d);
    *ret_wall_ms = ((days * 24 + h) * 60 + mi - offset) * 60000 + (int64_t)sec * 1000 + ms;
    return 0;
}
