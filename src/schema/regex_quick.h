/* The plain beginning of a regular expression, which decides most matches without PCRE2: `^x-`, `^[a-z]+$`,
 * `title`. */
#ifndef SCHEMA_REGEX_QUICK_H
#define SCHEMA_REGEX_QUICK_H

#include "base/slice.h"

#define REGEX_QUICK_ITEMS 8

struct regex_quick {
    bool is_anchored; /* begins with ^ */
    bool is_whole;    /* ends with $ */
    bool is_complete; /* the items are the whole pattern, and not a beginning of it */
    uint8_t n;
    struct regex_quick_item {
        uint64_t bits[2]; /* the ASCII characters that it takes */
        uint16_t min, max;
    } items[REGEX_QUICK_ITEMS];
};

/* What of a valid pattern of ECMA-262 is plain: perhaps nothing. */
void regex_quick_read(struct slice pattern, struct regex_quick *ret);

enum regex_quick_answer { REGEX_NO, REGEX_YES, REGEX_ASK };

/* REGEX_ASK: only the full engine can tell. Takes time in proportion to the text. */
enum regex_quick_answer regex_quick_match(const struct regex_quick *quick, struct slice text);

#endif
