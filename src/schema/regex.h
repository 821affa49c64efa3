/* Regular expressions of ECMA-262 (with the `u` flag), run by PCRE2. */
#ifndef SCHEMA_REGEX_H
#define SCHEMA_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buffer.h"

#define REGEX_WHY 160

/* Appends the PCRE2 pattern that means what `pattern` means; -SP_EINVALID with the reason in `ret_why` if it is not
 * ECMA-262. UTF-8 is assumed. */
[[gnu::warn_unused_result]] int regex_translate(struct slice pattern, struct buffer *out, char ret_why[REGEX_WHY]);

/* Compiles for PCRE2's interpreter (the sandbox forbids executable memory, so there is no JIT). The caller frees with
 * pcre2_code_free. -SP_EINVALID, -ENOMEM. */
[[gnu::warn_unused_result]] int regex_compile(struct slice pattern, pcre2_code **ret, char ret_why[REGEX_WHY]);

/* 1: it matches somewhere in `subject`; 0: nowhere; -SP_EBUDGET: the limits of `context` were met. */
[[gnu::warn_unused_result]] int regex_match(const pcre2_code *code, struct slice subject, pcre2_match_data *data,
                                            pcre2_match_context *context);

/* A context with this match limit and the other limits of limits.h; NULL without memory. */
pcre2_match_context *regex_context_new(uint32_t match_limit);

/* 1: the text is ECMA-262, also if PCRE2 could not run it (a look-behind of variable length); 0; -ENOMEM. */
int regex_is_valid(struct slice pattern);

#endif
