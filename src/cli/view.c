/* view: tables, fields and indented JSON on standard output. Called by the remote commands. Must hold: cells are escaped before
 * they are measured, so that a name can neither move the cursor nor forge a row. */
#include "cli/view.h"

#include <stdio.h>

#include "base/error.h"
#include "cli/cli.h"

#define CELL_MAX  1024
#define LABEL_LEN 12
#define JSON_MAX  ((size_t)64 << 20) /* indented; a longer one is shown as it came */

void view_append(struct buffer *b, const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    for (size_t len = strlen(text); len;) {
        size_t n = cli_control_len(p, len);
        if (n)
            (void)buffer_printf(b, "\\x%02X", p[n - 1]);
        else
            (void)buffer_append_byte(b, *p);
        n = n ? n : 1;
        p += n;
        len -= n;
    }
}

static void append_value(struct buffer *b, const json_t *v)
{
    size_t i;
    const json_t *item;
    if (json_is_string(v))
        view_append(b, json_string_value(v));
    else if (json_is_integer(v))
        (void)buffer_append_i64(b, json_integer_value(v));
    else if (json_is_boolean(v))
        (void)buffer_append_text(b, json_is_true(v) ? "yes" : "no");
    else if (json_is_array(v))
        json_array_foreach(v, i, item) if (json_is_string(item))
        {
            (void)buffer_append_text(b, i ? " " : "");
            view_append(b, json_string_value(item));
        }
}

void view_append_member(struct buffer *b, const json_t *object, const char *key)
{
    append_value(b, json_object_get(object, key));
}

/* --- tables ------------------------------------------------------------------------------------------------------------ */

/* The cell, and how many columns of a terminal it takes: characters, for what names are made of. */
static size_t render(const struct view_column *c, const json_t *row, struct buffer *cell)
{
    size_t width = 0;
    buffer_clear(cell);
    if (c->cell)
        c->cell(row, cell);
    else
        view_append_member(cell, row, c->key);
    for (size_t i = 0; i < cell->len; i++)
        width += (cell->p[i] & 0xC0) != 0x80;
    return width;
}

static void print_cell(struct slice text, size_t width, size_t wanted, bool is_last)
{
    cli_out(text);
    for (; !is_last && width < wanted + 2; width++)
        cli_out_text(" ");
    if (is_last)
        cli_out_text("\n");
}

void view_table(const json_t *rows, const struct view_column *columns, unsigned n, const char *nothing)
{
    size_t widths[VIEW_COLUMNS_MAX], i;
    const json_t *row;
    if (json_array_size(rows) == 0) {
        cli_out_text(nothing);
        cli_out_text("\n");
        return;
    }
    for (unsigned c = 0; c < n; c++) {
        widths[c] = strlen(columns[c].title);
        json_array_foreach(rows, i, row)
        {
            _cleanup_buffer_ struct buffer cell = BUFFER_MAX(CELL_MAX);
            size_t width = render(&columns[c], row, &cell);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (unsigned c = 0; c < n; c++)
        print_cell(slice_text(columns[c].title), strlen(columns[c].title), widths[c], c + 1 == n);
    json_array_foreach(rows, i, row) for (unsigned c = 0; c < n; c++)
    {
        _cleanup_buffer_ struct buffer cell = BUFFER_MAX(CELL_MAX);
        size_t width = render(&columns[c], row, &cell);
        print_cell(width ? buffer_slice(&cell) : SLICE_LITERAL("-"), width ? width : 1, widths[c], c + 1 == n);
    }
}

/* --- fields ------------------------------------------------------------------------------------------------------------ */

void view_field(const char *label, const char *text)
{
    if (text && *text)
        (void)printf("%s:%*s%s\n", label, (int)(strlen(label) < LABEL_LEN ? LABEL_LEN - strlen(label) : 1), "", text);
}

void view_field_of(const char *label, const json_t *object, const char *key)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_FRAME);
    view_append_member(&text, object, key);
    view_field(label, buffer_text(&text));
}

/* --- JSON -------------------------------------------------------------------------------------------------------------- */

static void new_line(struct buffer *b, size_t indent)
{
    (void)buffer_append_byte(b, '\n');
    for (size_t i = 0; i < indent; i++)
        (void)buffer_append_byte(b, ' ');
}

/* A string of JSON has no raw C0; DEL and C1 are legal in it, and are escaped here without changing what it means. */
static size_t copy_string(struct buffer *b, struct slice s)
{
    (void)buffer_append_byte(b, '"');
    for (size_t i = 1; i < s.len;) {
        size_t n = cli_control_len(s.p + i, s.len - i);
        if (n) {
            (void)buffer_printf(b, "\\u00%02x", s.p[i + n - 1]);
        } else {
            n = s.p[i] == '\\' && i + 1 < s.len ? 2 : 1;
            (void)buffer_append(b, s.p + i, n);
        }
        if (s.p[i] == '"')
            return i + 1;
        i += n;
    }
    return s.len;
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c && strchr(set, c);
}

static size_t skip_space(struct slice s, size_t i)
{
    while (i < s.len && is_one_of(s.p[i], " \t\r\n"))
        i++;
    return i;
}

void view_json(struct slice json, unsigned indent)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(JSON_MAX);
    size_t depth = indent;
    for (size_t i = skip_space(json, 0); i < json.len; i = skip_space(json, i)) {
        uint8_t c = json.p[i];
        if (c == '"') {
            i += copy_string(&b, slice_of(json.p + i, json.len - i));
            continue;
        }
        size_t next = skip_space(json, i + 1);
        bool is_empty = is_one_of(c, "{[") && next < json.len && is_one_of(json.p[next], "}]");
        if (is_one_of(c, "}]"))
            new_line(&b, depth -= depth >= indent + 2 ? 2 : 0);
        (void)buffer_append_byte(&b, c);
        if (is_empty)
            (void)buffer_append_byte(&b, json.p[i = next]);
        else if (is_one_of(c, "{["))
            new_line(&b, depth += 2);
        else if (c == ',')
            new_line(&b, depth);
        else if (c == ':')
            (void)buffer_append_byte(&b, ' ');
        i++;
    }
    (void)buffer_append_byte(&b, '\n');
    cli_out(buffer_error(&b) ? json : buffer_slice(&b));
}
