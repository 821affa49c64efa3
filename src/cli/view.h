/* What a person reads of a server's answer: tables, fields, indented JSON. Everything printed here was written by somebody
 * else; no control character of it reaches the terminal. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <jansson.h>

#include "base/buffer.h"

#define VIEW_COLUMNS_MAX 12

/* A column shows the member `key` of a row, or what `cell` appends. */
struct view_column {
    const char *title, *key;
    void (*cell)(const json_t *row, struct buffer *ret);
};

/* Appends `text` with control characters as \xNN. */
void view_append(struct buffer *b, const char *text);

/* Appends a member as text: a string, a number, "yes" or "no", a list joined by spaces; nothing when it is absent. */
void view_append_member(struct buffer *b, const json_t *object, const char *key);

/* Aligned columns below a line of titles; `nothing` instead of an empty table. Ends the command when output fails. */
void view_table(const json_t *rows, const struct view_column *columns, unsigned n, const char *nothing);

/* "Label:   text", unless the text is empty. */
void view_field(const char *label, const char *text);
void view_field_of(const char *label, const json_t *object, const char *key);

/* JSON text with line breaks and indentation, its numbers and strings byte for byte. */
void view_json(struct slice json, unsigned indent);

#endif
