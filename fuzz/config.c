/* The configuration file, from bytes to the JSON of every role. */
#include "supervisor/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config = {0};
    struct diag why = {0};
    if (config_parse(&config, slice_of(data, size), &why) >= 0)
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
            (void)config_role_json(&config, (enum role)role, &b);
            buffer_free(&b);
        }
    config_free(&config);
    return 0;
}
