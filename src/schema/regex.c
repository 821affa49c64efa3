/* regex: PCRE2 with what ECMA-262 needs and limits on compiling and matching. Patterns and subjects are hostile. Called by
 * compile.c, the evaluation of strings and objects, and the `regex` format. */
#include "schema/regex.h"

#include <errno.h>

#include "base/error.h"
#include "base/limits.h"

static const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP |
                                PCRE2_MATCH_UNSET_BACKREF;

static int compiled(struct slice text, pcre2_code **ret, int *ret_error)
{
    PCRE2_SIZE at = 0;
    *ret = pcre2_compile(text.p, text.len, options, ret_error, &at, NULL);
    if (*ret)
        return 0;
    return *ret_error == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : -SP_EINVALID;
}

int regex_compile(struct slice pattern, pcre2_code **ret, char ret_why[REGEX_WHY])
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_SCHEMA_PATTERN);
    int error = 0, r = regex_translate(pattern, &text, ret_why);
    if (r < 0)
        return r;
    r = compiled(buffer_slice(&text), ret, &error);
    if (r == -SP_EINVALID && pcre2_get_error_message(error, (PCRE2_UCHAR *)ret_why, REGEX_WHY) < 0)
        ret_why[0] = 0;
    return r;
}

int regex_is_valid(struct slice pattern)
{
    char why[REGEX_WHY];
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_SCHEMA_PATTERN);
    int error = 0, r = regex_translate(pattern, &text, why);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    pcre2_code *code = NULL;
    r = compiled(buffer_slice(&text), &code, &error);
    pcre2_code_free(code);
    if (r == -ENOMEM)
        return r;
    return r == 0 || error == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH || error == PCRE2_ERROR_LOOKBEHIND_TOO_COMPLICATED;
}

pcre2_match_context *regex_context_new(uint32_t match_limit)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    if (context) {
        pcre2_set_match_limit(context, match_limit);
        pcre2_set_depth_limit(context, LIMIT_REGEX_DEPTH);
        pcre2_set_heap_limit(context, LIMIT_REGEX_HEAP_KIB);
    }
    return context;
}

int regex_match(const pcre2_code *code, struct slice subject, pcre2_match_data *data, pcre2_match_context *context)
{
    int r = pcre2_match(code, subject.p, subject.len, 0, 0, data, context);
    if (r >= 0)
        return 1;
    if (r == PCRE2_ERROR_NOMATCH)
        return 0;
    return r == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -SP_EBUDGET;
}
