/* options: parses a role's command line, which only the supervisor writes. Called by role_main. */
#include "role/options.h"

#include "base/error.h"
#include "base/limits.h"

static int parse_index(const char *text, uint16_t *ret)
{
    uint64_t n;
    if (slice_parse_u64(slice_text(text), &n) < 0 || n >= LIMIT_WORKERS)
        return -SP_EINVALID;
    *ret = (uint16_t)n;
    return 0;
}

static int parse_level(const char *text, enum log_level *ret)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return -SP_EINVALID;
}

int role_options_parse(int argc, char **argv, struct role_options *ret)
{
    struct role_options o = {.level = LOG_LEVEL_INFO};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        int r = -SP_EINVALID;
        if (value && strcmp(argv[i], "--data") == 0) {
            o.data_dir = value;
            r = 0;
        } else if (value && strcmp(argv[i], "--index") == 0) {
            r = parse_index(value, &o.index);
        } else if (value && strcmp(argv[i], "--log") == 0) {
            r = parse_level(value, &o.level);
        }
        if (r < 0)
            return r;
    }
    *ret = o;
    return 0;
}
