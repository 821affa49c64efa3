/* A lexer of jq's language that cuts a text into the same tokens as jq 1.6 to 1.8 do, or refuses it. Where the versions
 * differ (carriage returns, comments that end in a backslash, unknown escapes) the text is refused, so that what was
 * checked here is what jq reads. */
#ifndef FLOW_LEXER_H
#define FLOW_LEXER_H

#include "base/diag.h"
#include "base/slice.h"

#define FLOW_LEXER_DEPTH 200 /* brackets, interpolations and `if … end` within one another */

enum flow_token_kind {
    FLOW_TOKEN_END,
    FLOW_TOKEN_IDENT,    /* a word: keyword or function */
    FLOW_TOKEN_FIELD,    /* .name */
    FLOW_TOKEN_VARIABLE, /* $name; the text is the name alone */
    FLOW_TOKEN_FORMAT,   /* @name */
    FLOW_TOKEN_NUMBER,
    FLOW_TOKEN_STRING, /* a string, or the part of one that ends at an interpolation or begins after it */
    FLOW_TOKEN_OPEN,   /* ( [ { or an interpolation's \( */
    FLOW_TOKEN_CLOSE,
    FLOW_TOKEN_OPERATOR, /* any other punctuation; the text is the whole operator */
};

struct flow_token {
    enum flow_token_kind kind;
    struct slice text; /* borrowed from the expression */
    size_t at;         /* its offset */
    bool before_colon; /* a word that a colon follows */
};

struct flow_lexer {
    struct slice text;
    size_t at;
    unsigned depth;
    bool in_string;                /* the next token continues a string after an interpolation */
    char open[FLOW_LEXER_DEPTH];   /* what is open: ( [ { " (an interpolation) or i (an if) */
};

/* Begins; -SP_ESYNTAX for NUL, control bytes or malformed UTF-8, -SP_ELIMIT beyond LIMIT_EXPRESSION. */
[[gnu::warn_unused_result]] int flow_lexer_begin(struct flow_lexer *lexer, struct slice text, struct diag *reterr);

/* The next token. Brackets and `if … end` are matched on the way; at FLOW_TOKEN_END nothing is open. -SP_ESYNTAX or
 * -SP_ELIMIT with line and column. */
[[gnu::warn_unused_result]] int flow_lexer_next(struct flow_lexer *lexer, struct flow_token *ret, struct diag *reterr);

/* What is innermost open after the last token: ( [ { " i, or 0. */
char flow_lexer_open(const struct flow_lexer *lexer);

/* Line and column, from 1, of an offset. */
void flow_text_place(struct slice text, size_t at, struct diag *diag);

bool flow_text_is_keyword(struct slice word);

#endif
