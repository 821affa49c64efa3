/* Numbers as JSON Schema sees them: decimals that libjq holds as doubles. */
#ifndef SCHEMA_DECIMAL_H
#define SCHEMA_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* digits * 10^exponent, with the fewest digits that give the double back; no trailing zeros in `digits`. */
struct decimal {
    uint64_t digits; /* below 10^17; the sign is dropped */
    int exponent;
};

/* A finite number's decimal. */
struct decimal decimal_of(double number);

/* True for a finite number without a fraction (1.0 is one). */
bool number_is_integer(double number);

/* True if `number` is an integer times `divisor`, both taken as the decimals that they were written as; `divisor_decimal`
 * is decimal_of(divisor), and neither is zero in it. False for a number that is not finite. */
bool number_is_multiple(double number, double divisor, struct decimal divisor_decimal);

#endif
