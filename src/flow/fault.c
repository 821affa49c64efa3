/* fault: the problem object of a run that faulted before its first task. Called by the worker. */
#include "base/json_writer.h"
#include "base/problem.h"
#include "flow/error_type.h"
#include "flow/flow.h"

void flow_fault_json(struct buffer *b, const struct diag *diag)
{
    struct json_writer w = JSON_WRITER(b);
    json_object_begin(&w);
    json_key_text(&w, "type", flow_error_type_uri(FLOW_ERROR_VALIDATION));
    json_key_text(&w, "title", "The input is not JSON");
    json_key_i64(&w, "status", flow_error_type_status(FLOW_ERROR_VALIDATION));
    json_key_text(&w, "instance", PROBLEM_AT_INPUT);
    json_key_text(&w, "detail", diag->text);
    json_object_end(&w);
}
