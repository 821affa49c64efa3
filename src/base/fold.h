/* Text for a person at a terminal: broken between words, so that no line is wider than the narrowest usual
 * one. */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include <stddef.h>

#define FOLD_WIDTH 80

/* Prints the words of `text` to standard output, the first at `column`, where the line already is, and those
 * that do not fit on lines of their own that begin at `indent`; ends the last line. A newline in `text` is a
 * space. */
void fold_print(size_t column, size_t indent, const char *text);

/* A line of a list: "  NAME   text", the text at the column behind `width` bytes of name; below a name that
 * is longer. */
void fold_fact(size_t width, const char *name, const char *text);

#endif
