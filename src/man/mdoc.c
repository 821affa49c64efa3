/* mdoc: the escapes and the few macros that the pages need. Must hold: no text can become a request or a
 * macro. Called by the pages. */
#include "man/mdoc.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/pages.h"

#define LINE_LEN 72

/* What roff would take for something else: its escape, quotes, and hyphens that have to stay what a shell
 * takes. */
static const char *escape_of(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '"':
        return "\\(dq";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '-':
        return "\\-";
    default:
        return NULL;
    }
}

static void put(const char *text, size_t len)
{
    if (len && text[0] == '.')
        (void)fputs("\\&", stdout);
    for (size_t i = 0; i < len; i++) {
        const char *escape = escape_of(text[i]);
        if (escape)
            (void)fputs(escape, stdout);
        else
            (void)putchar(text[i]);
    }
}

/* As one argument of a macro. */
static void put_argument(const char *text)
{
    (void)putchar('"');
    put(text, strlen(text));
    (void)putchar('"');
}

void mdoc_macro(const char *macro, const char *argument)
{
    (void)printf(".%s ", macro);
    put_argument(argument);
    (void)putchar('\n');
}

void mdoc_begin(const char *name, const char *section, const char *about)
{
    (void)printf(".Dd " SALLYPORT_RELEASED "\n.Dt ");
    for (const char *at = name; *at; at++)
        (void)putchar(toupper((unsigned char)*at));
    (void)printf(" %s\n.Os\n", section);
    mdoc_section("NAME");
    mdoc_macro("Nm", name);
    mdoc_macro("Nd", about);
}

void mdoc_section(const char *title)
{
    (void)printf(".Sh %s\n", title);
}

void mdoc_subsection(const char *title)
{
    (void)printf(".Ss ");
    put_argument(title);
    (void)printf("\\&\n"); /* or the dots of "FILE..." would end a sentence */
}

void mdoc_paragraph(void)
{
    (void)printf(".Pp\n");
}

/* The length up to the end of the sentence that begins at `text`. */
static size_t sentence_len(const char *text)
{
    for (size_t i = 0; text[i]; i++)
        if (text[i] == '.' && isspace((unsigned char)text[i + 1]) && !islower((unsigned char)text[i + 2]))
            return i + 1;
    return strlen(text);
}

/* In lines of LINE_LEN at most; a word that is longer has a line to itself. */
static void put_filled(const char *text, size_t len)
{
    size_t column = 0;
    while (len) {
        size_t word = strcspn(text, " \n");
        word = word > len ? len : word;
        bool is_next_line = column + 1 + word > LINE_LEN;
        if (word && column)
            (void)putchar(is_next_line ? '\n' : ' ');
        column = word && is_next_line ? word : column + word + 1;
        put(text, word);
        text += word + (word < len);
        len -= word + (word < len);
    }
    (void)putchar('\n');
}

void mdoc_text(const char *text)
{
    while (*text) {
        size_t len = sentence_len(text);
        put_filled(text, len);
        text += len;
        text += strspn(text, " \n");
    }
}

void mdoc_list_begin(void)
{
    (void)printf(".Bl -tag -width Ds\n");
}

void mdoc_item(const char *macro, const char *tag, const char *text)
{
    (void)printf(".It %s ", macro);
    put_argument(tag);
    (void)putchar('\n');
    mdoc_text(text);
}

void mdoc_option(const char *name, const char *value, const char *text)
{
    (void)printf(".It Fl Fl ");
    put_argument(name);
    if (value) {
        (void)fputs(" Ar ", stdout);
        put_argument(value);
    }
    (void)putchar('\n');
    mdoc_text(text);
}

void mdoc_list_end(void)
{
    (void)printf(".El\n");
}

void mdoc_table(const char *macro, const struct mdoc_row *rows)
{
    mdoc_list_begin();
    for (; rows->tag; rows++)
        mdoc_item(macro, rows->tag, rows->text);
    mdoc_list_end();
}

void mdoc_literal(const char *lines)
{
    (void)printf(".Bd -literal -offset indent\n");
    for (const char *at = lines; *at;) {
        size_t len = strcspn(at, "\n");
        put(at, len);
        (void)putchar('\n');
        at += len + (at[len] == '\n');
    }
    (void)printf(".Ed\n");
}

void mdoc_see_also(const char *self)
{
    static const char *const pages[][2] = {
#define P(ID, name, section, about) {name, section},
        MANUAL_PAGES(P)
#undef P
    };
    const char *comma = "";
    mdoc_section("SEE ALSO");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(pages[i][0], self) != 0) {
            (void)printf("%s.Xr %s %s", comma, pages[i][0], pages[i][1]);
            comma = " ,\n";
        }
    (void)putchar('\n');
}
