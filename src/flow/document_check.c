/* document_check: size, encoding and control characters of a document (YAML 1.2.2, section 5.1). Called by document.c alone. */
#include "flow/document_check.h"

#include "base/error.h"
#include "flow/lexer.h"

int document_check(struct slice *text, struct diag *reterr)
{
    if (text->len > LIMIT_DEFINITION)
        return diag_set(reterr, -SP_ELIMIT, "the document is longer than %u bytes", LIMIT_DEFINITION);
    if (!slice_is_utf8(*text))
        return diag_set(reterr, -SP_ESYNTAX, "the document is not well-formed UTF-8");
    if (slice_starts(*text, "\xEF\xBB\xBF"))
        *text = slice_of(text->p + 3, text->len - 3);
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->p[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
            diag_set(reterr, -SP_ESYNTAX, "control character U+%04X", c);
            flow_text_place(*text, i, reterr);
            return -SP_ESYNTAX;
        }
    }
    return 0;
}
