/* Templates and URIs: an expanded value adds no structure, and a checked URI has its parts within itself. */
#include "base/must.h"
#include "flow/duration.h"
#include "flow/error_type.h"
#include "flow/uri_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(struct slice s, const char *bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.p[i] && strchr(bytes, s.p[i]);
    return n;
}

/* The value is the text itself; the template is all before its first newline. */
static void fuzz_template(struct slice text)
{
    struct slice rest = text, template;
    struct diag diag;
    if (!slice_split(&rest, '\n', &template) || flow_uri_template_check(template, &diag) < 0)
        return;
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(LIMIT_URI);
    jv vars = jv_object_set(jv_object(), jv_string("a"), jv_string_sized((const char *)text.p, (int)text.len));
    if (flow_uri_expand(template, vars, &uri, &diag) == 0)
        must(count(buffer_slice(&uri), "/?#&@:\r\n {}\\") <= count(template, "/?#&@:\r\n {}\\"));
    jv_free(vars);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct flow_uri u;
    struct diag diag;
    int64_t ms;
    fuzz_template(text);
    if (flow_uri_check(text, &u, &diag) == 0) {
        must(u.host.len > 0 && u.port > 0 && count(u.host, "@/?#\\ ") == 0);
        must(u.path.p + u.path.len <= data + size && u.host.p >= data);
        must(u.path.len == 0 || u.path.p[0] == '/');
    }
    if (flow_duration_parse(text, &ms, &diag) == 0)
        must(ms >= 0 && ms <= LIMIT_DURATION_MS);
    must(flow_error_type_equal(text, text));
    return 0;
}
