/* options: parses the command line of sallyportd. */
#include "supervisor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/error.h"
#include "base/fold.h"
#include "supervisor/daemon.h"

enum {
#define O(ID, ...) OPTION_##ID,
    DAEMON_OPTIONS(O)
#undef O
        OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
};

static const struct {
    const char *name, *value, *help;
} table[OPTION_COUNT] = {
#define O(ID, name, value, help) [OPTION_##ID] = {name, value, help},
    DAEMON_OPTIONS(O)
#undef O
        [OPTION_HELP] = {"help", NULL, "show this help"},
    [OPTION_VERSION] = {"version", NULL, "show the version"},
};

#define NAME_WIDTH 28
#define KEY_INDENT 6

static void print_fact(const char *name, const char *text)
{
    fold_fact(NAME_WIDTH, name, text);
}

static void print_keys(void)
{
    static const struct {
        const char *group, *key, *value, *standard, *meaning;
    } keys[] = {
#define K(ID, group, key, form, role, json, value, standard, meaning) {group, key, value, standard, meaning},
        CONFIG_KEYS(K)
#undef K
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int n = printf("  %s%s%s: ", keys[i].group, *keys[i].group ? "." : "", keys[i].key);
        char form[256];
        (void)snprintf(form, sizeof form, "%s (default: %s)", keys[i].value, keys[i].standard);
        fold_print(n > 0 ? (size_t)n : 0, KEY_INDENT, form);
        (void)printf("%*s", KEY_INDENT, "");
        fold_print(KEY_INDENT, KEY_INDENT, keys[i].meaning);
    }
}

static void print_help(void)
{
    (void)printf("Usage: sallyportd [OPTION]...\n");
    fold_print(0, 0, DAEMON_ABOUT);
    (void)printf("\nOptions:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[48];
        (void)snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value ? " " : "",
                       table[i].value ? table[i].value : "");
        print_fact(left, table[i].help);
    }
    (void)printf("\nConfiguration (lists where several may stand):\n");
    print_keys();
#define F(name, text) print_fact(name, text);
    (void)printf("\nSignals:\n");
    DAEMON_SIGNALS(F)
    (void)printf("\nEnvironment:\n");
    DAEMON_VARIABLES(F)
    (void)printf("\nExit status:\n");
    DAEMON_EXIT_STATUSES(F)
#undef F
    (void)printf("\nSee also sallyport(1), sallyport.yaml(5).\n");
}

static void fill_long_options(struct option ret[OPTION_COUNT + 1])
{
    for (int i = 0; i < OPTION_COUNT; i++)
        ret[i] = (struct option){table[i].name, table[i].value ? required_argument : no_argument, NULL, i};
    ret[OPTION_COUNT] = (struct option){0};
}

static int take(struct options *o, int option, const char *value, struct diag *reterr)
{
    const char **const texts[OPTION_COUNT] = {
        [OPTION_CONFIG] = &o->config_file, [OPTION_DATA] = &o->data,     [OPTION_ROOT_KEY] = &o->root_key,
        [OPTION_WORKERS] = &o->workers,    [OPTION_LOG] = &o->log_level, [OPTION_LIBEXEC] = &o->libexec,
    };
    if (texts[option])
        *texts[option] = value;
    else if (option == OPTION_PASSPHRASE)
        o->ask_passphrase = true;
    else if (option == OPTION_CHECK)
        o->check_only = true;
    else if (o->n_listen == CONFIG_LIST_MAX)
        return diag_set(reterr, -SP_ELIMIT, "too many --listen");
    else
        o->listen[o->n_listen++] = value;
    return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct diag *reterr)
{
    struct option known[OPTION_COUNT + 1];
    struct options o = {0};
    fill_long_options(known);
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == '?')
            return diag_set(reterr, -SP_EINVALID, "%s: unknown, or its value is missing; see --help",
                            argv[optind - 1]);
        if (c == OPTION_HELP)
            print_help();
        else if (c == OPTION_VERSION)
            (void)printf("sallyportd " SALLYPORT_VERSION "\n");
        if (c == OPTION_HELP || c == OPTION_VERSION)
            return fflush(stdout) == 0 && !ferror(stdout) ? 1 : diag_set(reterr, -EIO, "standard output cannot be written");
        int r = take(&o, c, optarg, reterr);
        if (r < 0)
            return r;
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
