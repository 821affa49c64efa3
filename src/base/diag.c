/* diag: fills what a person should read. Never fails: what is too long is cut. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts a text that vsnprintf truncated back to the border of a UTF-8 character. */
static void cut_at_character(char *text, size_t size, int wanted)
{
    if (wanted < 0) {
        text[0] = 0;
        return;
    }
    if ((size_t)wanted < size)
        return;
    size_t at = size - 1;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at > 0 && (unsigned char)text[at - 1] >= 0xC0)
        at--;
    text[at] = 0;
}

#define FORMAT_INTO(field)                                                                                       \
    do {                                                                                                         \
        va_list args;                                                                                            \
        va_start(args, format);                                                                                  \
        cut_at_character(field, sizeof field, vsnprintf(field, sizeof field, format, args));                     \
        va_end(args);                                                                                            \
    } while (0)

int diag_set(struct diag *diag, int code, const char *format, ...)
{
    if (diag) {
        *diag = (struct diag){.code = code};
        FORMAT_INTO(diag->text);
    }
    return code;
}

void diag_hint(struct diag *diag, const char *format, ...)
{
    if (diag)
        FORMAT_INTO(diag->hint);
}

void diag_place(struct diag *diag, uint32_t line, uint32_t column)
{
    if (diag) {
        diag->line = line;
        diag->column = column;
    }
}

void diag_pointer(struct diag *diag, const char *format, ...)
{
    if (diag)
        FORMAT_INTO(diag->pointer);
}
