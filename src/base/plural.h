/* The noun that goes with a number: "1 leaf", "2 leaves", "0 leaves". */
#ifndef BASE_PLURAL_H
#define BASE_PLURAL_H

#define PLURAL(n, one, many) ((n) == 1 ? (one) : (many))

#endif
