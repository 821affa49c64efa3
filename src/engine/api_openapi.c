/* api_openapi: answers with the description of the API. */
#include "engine/openapi.h"
#include "engine/request.h"

/* Made when somebody first asks, and kept: it is the same as long as the server runs. */
void api_openapi(struct request *r)
{
    static struct buffer document = BUFFER_MAX(LIMIT_OPENAPI);
    if (document.len == 0)
        openapi_write(&document);
    respond_json(r, 200, &document);
    if (buffer_error(&document))
        buffer_clear(&document);
}
