/* No text leaves the parentheses it is put in: if the lint accepts one and jq compiles it between two others, those give what they
 * would have given without it, and it has reached nothing outside. The text itself is not evaluated: it may run for ever. */
#include <stdlib.h>

#include "base/must.h"
#include "flow/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(struct flow_program *p, int index, const char *expected)
{
    jv value;
    struct diag diag;
    jv vars = jv_object_set(jv_object(), jv_string("a"), jv_string("<a>"));
    must(flow_program_eval(p, index, jv_string("<dot>"), vars, 0, &value, &diag) == 0);
    must(jv_get_kind(value) == JV_KIND_STRING && strcmp(jv_string_value(value), expected) == 0);
    jv_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const scope[] = {"a", "b", NULL};
    struct flow_program *p;
    struct diag diag;
    int failed;
    must(flow_program_new(&p) == 0);
    must(flow_program_add(p, SLICE_LITERAL("\"first \\($a)\""), scope, &diag) == 0);
    if (flow_program_add(p, slice_of(data, size), scope, &diag) == 1) {
        must(flow_program_add(p, SLICE_LITERAL(". + \" last\""), scope, &diag) == 2);
        if (flow_program_compile(p, &failed, &diag) == 0) {
            expect(p, 0, "first <a>");
            expect(p, 2, "<dot> last");
        } else {
            /* jq may refuse the text, but only that one. */
            must(failed == 1 || failed == -1);
        }
    }
    flow_program_free(p);
    return 0;
}
