/* jcs_text: strings of canonical JSON (RFC 8785, 3.2.2.2), which json_writer writes. */
#include "audit/jcs_text.h"

#include "base/json_writer.h"

int jcs_put_text(struct buffer *b, struct slice text)
{
    struct json_writer w = JSON_WRITER(b);
    json_slice(&w, text);
    return buffer_error(b);
}
