/* fold: breaks text for a terminal. Called for --help of the command and of sallyportd. Must hold: every word
 * is printed whole, also one that is wider than the line; no line ends with a space. Errors of standard
 * output stay in its error indicator, for whoever flushes it. */
#include "base/fold.h"

#include <stdio.h>
#include <string.h>

#define MARGIN 2

static void print_spaces(size_t n)
{
    for (; n > 0; n--)
        (void)putchar(' ');
}

void fold_print(size_t column, size_t indent, const char *text)
{
    static const char gaps[] = " \n";
    const char *before = "";
    size_t len;
    for (text += strspn(text, gaps); (len = strcspn(text, gaps)) > 0;
         text += len, text += strspn(text, gaps)) {
        if (*before && column + strlen(before) + len > FOLD_WIDTH) {
            (void)putchar('\n');
            print_spaces(indent);
            column = indent;
            before = "";
        }
        (void)fputs(before, stdout);
        (void)fwrite(text, 1, len, stdout);
        column += strlen(before) + len;
        before = " ";
    }
    (void)putchar('\n');
}

void fold_fact(size_t width, const char *name, const char *text)
{
    const size_t len = strlen(name), indent = MARGIN + width + 1;
    print_spaces(MARGIN);
    (void)printf("%s%s", name, len > width ? "\n" : "");
    print_spaces(len > width ? indent : indent - MARGIN - len);
    fold_print(indent, indent, text);
}
