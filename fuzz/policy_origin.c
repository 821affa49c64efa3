/* The text of an origin: what is accepted has one canonical text, which is read as the same origin. */
#include "base/must.h"
#include "policy/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_origin origin, again;
    struct diag diag = {0};
    char text[POLICY_ORIGIN_TEXT], text_again[POLICY_ORIGIN_TEXT];
    if (policy_origin_parse(slice_of(data, size), &origin, &diag) < 0) {
        must(diag.text[0]);
        return 0;
    }
    policy_origin_text(&origin, text);
    must(policy_origin_parse(slice_text(text), &again, NULL) == 0);
    must(policy_origin_equal(&origin, &again) && origin.is_address == again.is_address);
    policy_origin_text(&again, text_again);
    must(strcmp(text, text_again) == 0);
    return 0;
}
