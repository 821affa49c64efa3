/* The checks of a request's parts, on bytes of any kind: the first byte chooses the check. What passes must hold what the check
 * promises, as seen by a second, slower look. */
#include <stdint.h>

#include "base/limits.h"
#include "base/must.h"
#include "gateway/address.h"
#include "gateway/config.h"
#include "gateway/head.h"
#include "gateway/headers.h"
#include "gateway/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(struct slice s, const char *text)
{
    return s.len && memmem(s.p, s.len, text, strlen(text));
}

static void fuzz_target(struct slice s)
{
    struct target t;
    if (target_parse(s, &t) < 0)
        return;
    must(t.path.len >= 1 && t.path.len <= LIMIT_PATH && t.query.len <= LIMIT_QUERY && t.path.p[0] == '/');
    must(!holds(t.path, "//") && !holds(t.path, "/../") && !holds(t.path, "/./") && !holds(t.path, "%00") &&
         !holds(t.path, "%2f") && !holds(t.path, "%2F") && !holds(t.path, "%2e") && !holds(t.path, "\\"));
    for (size_t i = 0; i < t.path.len; i++)
        must(t.path.p[i] > 0x20 && t.path.p[i] < 0x7f);
    for (size_t i = 0; i < t.query.len; i++)
        must(t.query.p[i] > 0x20 && t.query.p[i] < 0x7f);
}

static void fuzz_forwarded(enum forwarded_kind kind, struct slice s)
{
    struct network trusted[2];
    struct address client, start;
    must(network_parse(SLICE_LITERAL("10.0.0.0/8"), &trusted[0]) == 0 && network_parse(SLICE_LITERAL("fd00::/8"), &trusted[1]) == 0);
    must(address_parse(SLICE_LITERAL("10.0.0.1"), &start) == 0);
    client = start;
    int r = forwarded_walk(kind, s, trusted, 2, &client);
    must(networks_have(trusted, 2, &client) == (r != 1));
}

static void fuzz_header(struct slice s)
{
    uint8_t scratch[HEADER_NAME_MAX];
    struct header_match m = request_header_find(s, scratch);
    must(m.use == HEADER_DROP || (m.name.len == s.len && m.index < HEADER_TABLE_MAX));
    (void)response_header_find(s);
    if (is_token(s))
        must(is_field_value(s));
    if (is_host(s))
        must(is_field_value(s) && !holds(s, "/") && !holds(s, "@") && !holds(s, ","));
}

/* Offsets from the input stand for pointers into the head: the walk must stay inside whatever they are. */
static void fuzz_head(struct slice s)
{
    if (s.len < 8 || s.len > 4096)
        return;
    struct slice head = slice_of(s.p + 6, s.len - 6);
    char *copy = malloc(head.len + 1);
    must(copy);
    memcpy(copy, head.p, head.len);
    copy[head.len] = 0;
    struct head_walk w = head_begin(copy, head.len, copy + s.p[0] % head.len, s.p[1] % 64, copy + s.p[2] % head.len);
    for (size_t i = 3; i < 6; i++)
        head_field(&w, copy + s.p[i] % head.len, s.p[i] % 8, copy + s.p[i] % head.len + s.p[i] % 8 + 1, s.p[i] % 16);
    if (head_end(&w))
        must(w.at >= copy && w.at + 2 == copy + head.len);
    free(copy);
}

static void fuzz_config(struct slice s)
{
    struct gateway_config c;
    struct diag why;
    if (gateway_config_parse(s, &c, &why) == 0)
        must(c.max_body >= 1 && c.max_body <= LIMIT_BODY && c.connections >= 1 && c.connections <= LIMIT_CONNECTIONS &&
             c.n_trusted <= LIMIT_TRUSTED_PROXIES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice rest = slice_of(data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        fuzz_target(rest);
        break;
    case 1:
        fuzz_forwarded(FORWARDED_X_FOR, rest);
        break;
    case 2:
        fuzz_forwarded(FORWARDED_RFC7239, rest);
        break;
    case 3:
        fuzz_header(rest);
        break;
    case 4:
        fuzz_head(rest);
        break;
    default:
        fuzz_config(rest);
        break;
    }
    return 0;
}
