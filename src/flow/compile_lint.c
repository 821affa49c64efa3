/* compile_lint: credentials that were written into a definition. Called by compile.c for the whole document
 * and by compile_http.c where a credential belongs. What must hold: no finding repeats the value that it
 * warns of. */
#include "flow/compile.h"

/* Prefixes that issuers give their tokens so that scanners find them, and the length from which a text is
 * one. */
static const struct {
    const char *prefix;
    size_t len;
} tokens[] = {
    {"ghp_", 30},     {"gho_", 30},           {"ghu_", 30},     {"ghs_", 30},
    {"ghr_", 30},     {"github_pat_", 40},    {"glpat-", 20},   {"sk_live_", 20},
    {"rk_live_", 20}, {"whsec_", 30},         {"xoxb-", 20},    {"xoxp-", 20},
    {"xoxa-", 20},    {"xoxs-", 20},          {"xapp-", 20},    {"AKIA", 20},
    {"ASIA", 20},     {"AIza", 35},           {"npm_", 36},     {"dop_v1_", 40},
    {"SG.", 40},      {"sk-ant-", 30},        {"sk-proj-", 30}, {"hvs.", 24},
    {"shpat_", 30},   {"EAACEdEose0cBA", 20},
};

static bool is_token_byte(uint8_t b)
{
    return (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z') || b == '_' || b == '-' || b == '.';
}

static bool has_token(struct slice text)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        size_t n = strlen(tokens[i].prefix), at = 0;
        const uint8_t *p;
        while (at < text.len && (p = memmem(text.p + at, text.len - at, tokens[i].prefix, n))) {
            size_t start = (size_t)(p - text.p), end = start;
            while (end < text.len && is_token_byte(text.p[end]))
                end++;
            if (end - start >= tokens[i].len && (start == 0 || !is_token_byte(text.p[start - 1])))
                return true;
            at = start + n;
        }
    }
    return false;
}

static bool has_private_key(struct slice text)
{
    return memmem(text.p, text.len, "-----BEGIN ", 11) && memmem(text.p, text.len, "PRIVATE KEY-----", 16);
}

/* "https://user:password@host" anywhere in a text. */
static bool has_userinfo(struct slice text)
{
    const uint8_t *p = memmem(text.p, text.len, "://", 3);
    bool has_colon = false;
    for (p = p ? p + 3 : text.p + text.len; p < text.p + text.len && !strchr("/?# \"\\", *p); p++) {
        if (*p == '@')
            return has_colon;
        has_colon = has_colon || *p == ':';
    }
    return false;
}

static void lint_text(struct compiler *c, struct slice text)
{
    static const char *const hint = "store it as a secret, and name it in `use.secrets`";
    if (has_private_key(text))
        complain(c, "hardcoded-secret", hint, "a private key is written into the definition");
    else if (has_token(text))
        complain(c, "hardcoded-secret", hint, "a token is written into the definition");
    else if (has_userinfo(text))
        complain(c, "hardcoded-secret", hint, "a password is written into a URI");
}

/* A key's name that says that its value is a credential. */
static bool is_telling(struct slice key)
{
    static const char *const words[] = {"password",     "passwd",        "secret",       "apikey",
                                        "api_key",      "api-key",       "x-api-key",    "token",
                                        "access_token", "client_secret", "clientsecret", "private_key"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (slice_equal_nocase(key, slice_text(words[i])))
            return true;
    return false;
}

/* At least 20 bytes without spaces that mix letters and digits: what a person does not write as a word. */
static bool looks_random(struct slice s)
{
    unsigned letters = 0, digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_byte(s.p[i]) && !strchr("+/=", s.p[i]))
            return false;
        letters += (s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z';
        digits += s.p[i] >= '0' && s.p[i] <= '9';
    }
    return s.len >= 20 && letters >= 4 && digits >= 4;
}

void lint_credential(struct compiler *c, jv v, const char *what)
{
    if (!is_kind(v, JV_KIND_STRING) || text_of(v).len == 0 || flow_text_is_expression(text_of(v), NULL))
        return;
    struct slice text = text_of(v);
    if (!has_token(text) && !has_private_key(text)) /* lint_text tells of those */
        advise(c, "hardcoded-secret", "store it as a secret, and name it in `use.secrets`",
               "a literal %s is written into the definition", what);
}

/* Recursion is bounded: a document is at most LIMIT_YAML_DEPTH deep. */
void lint_secrets(struct compiler *c, jv v)
{
    if (is_kind(v, JV_KIND_STRING))
        lint_text(c, text_of(v));
    if (is_kind(v, JV_KIND_ARRAY))
        for (int i = 0, n = jv_array_length(jv_copy(v)); i < n; i++) {
            size_t mark = enter_item(c, (unsigned)i);
            lint_secrets(c, peek_item(v, i));
            leave(c, mark);
        }
    if (is_kind(v, JV_KIND_OBJECT))
        for (int i = jv_object_iter(v); jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
            jv key = jv_object_iter_key(v, i), item = jv_object_iter_value(v, i);
            size_t mark = enter_name(c, text_of(key));
            if (is_telling(text_of(key)) && is_kind(item, JV_KIND_STRING) && looks_random(text_of(item)))
                lint_credential(c, item, "credential");
            lint_secrets(c, item);
            leave(c, mark);
            jv_free(key);
            jv_free(item);
        }
}
