/* options: parses the command line of sallyportd. */
#include "supervisor/options.h"

#include <errno.h>
#include <getopt.h>

#include "base/error.h"

static const char help[] =
    "Usage: sallyportd [OPTION]...\n"
    "Runs Sallyport: starts its roles, locks each of them down, and starts again the ones that die.\n"
    "\n"
    "  --config FILE     configuration (default: /etc/sallyport/sallyport.yaml, or ~/.config/sallyport/sallyport.yaml)\n"
    "  --listen ADDRESS  listen here instead of what the file says; may be repeated (default: 127.0.0.1:8700)\n"
    "  --data DIR        the data folder\n"
    "  --root-key FILE   the root key\n"
    "  --passphrase      ask for the root key's passphrase, or read it from standard input\n"
    "  --workers N       how many workers (default: one for each processor)\n"
    "  --log LEVEL       debug, info, warn or error\n"
    "  --libexec DIR     where the executables of the roles are\n"
    "  --check           check the configuration and exit\n"
    "  --help, --version\n"
    "\n"
    "SIGHUP reads configuration and TLS files again; SIGTERM stops in order, a second one at once.\n";

int options_parse(int argc, char **argv, struct options *ret, struct diag *reterr)
{
    static const struct option table[] = {
        {"config", required_argument, NULL, 'c'},  {"listen", required_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'd'},    {"root-key", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'w'}, {"log", required_argument, NULL, 'L'},
        {"libexec", required_argument, NULL, 'x'}, {"check", no_argument, NULL, 'C'},
        {"passphrase", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},          {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {0};
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 'h' || c == 'V')
            return printf("%s", c == 'h' ? help : "sallyportd " SALLYPORT_VERSION "\n") < 0 ? -EIO : 1;
        if (c == '?')
            return diag_set(reterr, -SP_EINVALID, "%s: unknown, or its value is missing; see --help", argv[optind - 1]);
        if (c == 'l' && o.n_listen == CONFIG_LIST_MAX)
            return diag_set(reterr, -SP_ELIMIT, "too many --listen");
        if (c == 'l')
            o.listen[o.n_listen++] = optarg;
        o.config_file = c == 'c' ? optarg : o.config_file;
        o.data = c == 'd' ? optarg : o.data;
        o.root_key = c == 'r' ? optarg : o.root_key;
        o.workers = c == 'w' ? optarg : o.workers;
        o.log_level = c == 'L' ? optarg : o.log_level;
        o.libexec = c == 'x' ? optarg : o.libexec;
        o.ask_passphrase = o.ask_passphrase || c == 'p';
        o.check_only = o.check_only || c == 'C';
    }
    if (optind < argc)
        return diag_set(reterr, -SP_EINVALID, "%s: not expected; see --help", argv[optind]);
    *ret = o;
    return 0;
}

static int apply_workers(const struct options *o, struct config *c, struct diag *reterr)
{
    uint64_t n;
    if (!o->workers)
        return 0;
    if (slice_parse_u64(slice_text(o->workers), &n) < 0)
        return diag_set(reterr, -SP_EINVALID, "--workers: %s is no number", o->workers);
    int r = config_set_text(c, CONFIG_WORKERS, o->workers);
    c->values[CONFIG_WORKERS].number = n;
    return r;
}

int options_apply(const struct options *o, struct config *c, struct diag *reterr)
{
    int r = apply_workers(o, c, reterr);
    if (r >= 0 && o->data)
        r = config_set_text(c, CONFIG_DATA_DIR, o->data);
    if (r >= 0 && o->log_level)
        r = config_set_text(c, CONFIG_LOG_LEVEL, o->log_level);
    if (r >= 0 && o->root_key) {
        config_clear(c, CONFIG_ROOT_KEY_CREDENTIAL);
        r = config_set_text(c, CONFIG_ROOT_KEY_FILE, o->root_key);
    }
    if (r >= 0 && o->n_listen)
        config_clear(c, CONFIG_LISTEN);
    for (unsigned i = 0; i < o->n_listen && r >= 0; i++)
        r = config_add(c, CONFIG_LISTEN, o->listen[i]);
    return r;
}
