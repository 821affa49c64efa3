/* Writes mdoc(7) to standard output: what is text stays text, whatever it holds. */
#ifndef MAN_MDOC_H
#define MAN_MDOC_H

/* The name, the section and what the page is about; then the section DESCRIPTION and so on are the caller's.
 */
void mdoc_begin(const char *name, const char *section, const char *about);
void mdoc_section(const char *title);    /* .Sh */
void mdoc_subsection(const char *title); /* .Ss */
void mdoc_paragraph(void);

/* Text of one or more sentences, each of which gets a line of its own. Newlines are spaces. */
void mdoc_text(const char *text);

/* A macro with one argument, which is taken as it is: mdoc_macro("Cm", "workflows deploy"). */
void mdoc_macro(const char *macro, const char *argument);

/* A list of tags and texts. */
void mdoc_list_begin(void);
void mdoc_item(const char *macro, const char *tag, const char *text);
void mdoc_option(const char *name, const char *value, const char *text); /* `value` may be NULL */
void mdoc_list_end(void);

/* A list of the rows of a table F(tag, text): MDOC_TABLE("Ev", CLI_VARIABLES). */
struct mdoc_row {
    const char *tag, *text;
};
void mdoc_table(const char *macro, const struct mdoc_row *rows); /* up to one without a tag */
#define MDOC_ROW(tag, text)      {tag, text},
#define MDOC_TABLE(macro, TABLE) mdoc_table(macro, (const struct mdoc_row[]){TABLE(MDOC_ROW){NULL, NULL}})

/* Lines as they are, such as commands or a file. */
void mdoc_literal(const char *lines);

/* SEE ALSO: every page but `self`. */
void mdoc_see_also(const char *self);

#endif
