/* Definitions and JSON as an attacker writes them. What is accepted as JSON must be the same through both readers where both take it,
 * and every place that is asked for lies within the text. */
#include <stdlib.h>

#include "base/must.h"
#include "flow/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct flow_document *d = NULL;
    struct diag diag;
    jv json = jv_invalid();
    int is_json = flow_json_parse(text, &json, &diag) == 0;
    if (flow_document_parse(text, &d, &diag) == 0) {
        uint32_t line, column;
        flow_document_place(d, "/a/0/~1", true, &line, &column);
        must(line >= 1 && line <= size + 1 && column >= 1 && column <= size + 2);
        jv value = flow_document_value(d);
        if (is_json)
            must(jv_equal(jv_copy(json), jv_copy(value)));
        jv_free(value);
        flow_document_free(d);
    }
    jv_free(json);
    return 0;
}
