/* decimal: exact `multipleOf`. 0.0075 is 75 times 0.0001 as they are written, though not as binary fractions, so both are
 * turned back into the shortest decimals and divided as integers, the powers of ten modulo the divisor. */
#include "schema/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

/* Above this, not every integer is a double, and fmod would divide another number than the one written. */
#define EXACT 9007199254740992.0

/* Reads what "%.*e" has written. */
static struct decimal parsed(const char *text)
{
    struct decimal d = {0};
    int fraction = -1; /* digits behind the point, which is there; its character depends on the locale */
    for (; *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9') {
            d.digits = d.digits * 10 + (uint64_t)(*text - '0');
            fraction += fraction >= 0;
        } else if (*text != '-') {
            fraction = 0;
        }
    }
    d.exponent = (int)strtol(text + 1, NULL, 10) - fraction;
    while (d.digits && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

struct decimal decimal_of(double number)
{
    char text[40];
    int precision = 14;
    do {
        must(precision <= 16); /* 17 digits give every double back */
        snprintf(text, sizeof text, "%.*e", precision++, number);
    } while (strtod(text, NULL) != number);
    return parsed(text);
}

bool number_is_integer(double number)
{
    return isfinite(number) && floor(number) == number;
}

static uint64_t power_modulo(int exponent, uint64_t modulus)
{
    __uint128_t result = 1 % modulus, base = 10 % modulus;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = result * base % modulus;
        base = base * base % modulus;
    }
    return (uint64_t)result;
}

/* Prices and the like, without turning the number into text: if m / 10^k, rounded once, is the number, and m has at most 15
 * digits, then the number was written as m * 10^-k. False: not known. */
static bool is_short(double number, int places, uint64_t *ret_m)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    if (places < 0 || places > 12)
        return false;
    double m = nearbyint(fabs(number) * powers[places]);
    if (!(m < 1e15) || m / powers[places] != fabs(number))
        return false;
    *ret_m = (uint64_t)m;
    return true;
}

bool number_is_multiple(double number, double divisor, struct decimal divisor_decimal)
{
    if (!isfinite(number))
        return false;
    if (number == 0)
        return true;
    if (fabs(number) < EXACT && fabs(divisor) < EXACT && floor(number) == number && floor(divisor) == divisor)
        return fmod(number, divisor) == 0;
    must(divisor_decimal.digits > 0);
    uint64_t m;
    if (is_short(number, -divisor_decimal.exponent, &m))
        return m % divisor_decimal.digits == 0;
    struct decimal n = decimal_of(number);
    int shift = n.exponent - divisor_decimal.exponent;
    if (shift >= 0) {
        uint64_t modulus = divisor_decimal.digits;
        return (__uint128_t)(n.digits % modulus) * power_modulo(shift, modulus) % modulus == 0;
    }
    if (shift < -17) /* the scaled divisor has more digits than the number */
        return false;
    __uint128_t scaled = divisor_decimal.digits;
    for (; shift < 0; shift++)
        scaled *= 10;
    return n.digits % scaled == 0;
}
