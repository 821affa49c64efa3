/* print_openapi: writes the description of the API to standard output. Run by the build. */
#include <stdio.h>

#include "base/limits.h"
#include "engine/openapi.h"

int main(void)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_OPENAPI);
    openapi_write(&b);
    return buffer_error(&b) || fwrite(b.p, 1, b.len, stdout) != b.len || fflush(stdout) != 0;
}
