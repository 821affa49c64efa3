/* json_reader: notes on each thread that jansson was refused memory. Set before main, so that no thread reads without it.
 * Must hold: who was refused memory within a text gets no more of it for that text. jansson's lexer keeps the bytes of a token in a
 * buffer that it may fail to grow, then copies from there up to a quote that it has not kept: beyond what it allocated. */
#include "base/json_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

static _Thread_local bool is_reading, no_memory;

void *json_read_malloc(size_t size)
{
    void *p = no_memory ? NULL : malloc(size);
    no_memory = is_reading && !p;
    return p;
}

[[gnu::constructor]] static void set_malloc(void)
{
    json_set_alloc_funcs(json_read_malloc, free);
}

static void refuse_nul(json_error_t *reterr)
{
    if (!reterr)
        return;
    *reterr = (json_error_t){.line = 1, .column = 1};
    (void)snprintf(reterr->text, sizeof reterr->text, "a NUL byte in the text");
    reterr->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_null_character; /* where jansson keeps the code */
}

json_t *json_read(struct slice text, size_t flags, json_error_t *reterr)
{
    if (text.len && memchr(text.p, 0, text.len)) {
        refuse_nul(reterr);
        return NULL;
    }
    is_reading = true;
    json_t *value = json_loadb(text.len ? (const char *)text.p : "", text.len, flags | JSON_REJECT_DUPLICATES, reterr);
    bool is_whole = !no_memory;
    is_reading = no_memory = false;
    if (is_whole)
        return value;
    json_decref(value);
    if (reterr)
        reterr->text[0] = 0;
    return NULL;
}

int json_read_failure(const json_error_t *error)
{
    return error->text[0] ? -SP_ESYNTAX : -ENOMEM;
}
