/* sallyportd: reads the configuration, opens what the roles may not open themselves, and supervises them.
 * Must hold: it parses nothing that comes from the network or from a workflow. */
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"
#include "supervisor/passphrase.h"
#include "supervisor/settings.h"
#include "supervisor/supervisor.h"

struct daemon {
    struct ev_loop *loop;
    struct options options;
    struct settings settings;
    struct buffer passphrase;
    struct supervisor *supervisor;
    ev_signal on_term, on_int, on_hup;
    ev_timer watchdog;
    int status;
};

static int complain(const struct diag *d)
{
    char line[LIMIT_LOG_LINE];
    int n = snprintf(line, sizeof line, "sallyportd: %s%s%s%s", d->text, *d->hint ? " (" : "", d->hint, *d->hint ? ")" : "");
    log_write(LOG_LEVEL_ERROR, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    return d->code < -1000 ? error_exit_code(d->code) : 4;
}

/* --- what the supervisor reports --------------------------------------------------------------------------------------- */

static void on_ready(void *user)
{
    struct daemon *d = user;
    for (unsigned i = 0; i < d->settings.n_listeners; i++) {
        char name[LISTEN_NAME_MAX];
        bool is_local;
        listen_describe(d->settings.listeners[i], name, &is_local);
        log_event(LOG_LEVEL_INFO, "supervisor.listening", "address", name, NULL);
    }
    log_event(LOG_LEVEL_INFO, "supervisor.ready", "version", SALLYPORT_VERSION, NULL);
    notify_send("READY=1");
}

static void on_failed(enum role role, int code, struct slice text, void *user)
{
    (void)user;
    char *copy = slice_dup(text);
    log_event(LOG_LEVEL_ERROR, "supervisor.failed", "role", role_name(role), "error", error_slug(code), "text", copy, NULL);
    free(copy);
}

static void on_stopped(int status, void *user)
{
    struct daemon *d = user;
    d->status = status;
    ev_break(d->loop, EVBREAK_ALL);
}

static const struct supervisor_handlers handlers = {.ready = on_ready, .failed = on_failed, .stopped = on_stopped};

/* --- signals ---------------------------------------------------------------------------------------------------------- */

static void on_stop_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)loop;
    (void)events;
    struct daemon *d = w->data;
    log_event(LOG_LEVEL_INFO, "supervisor.stopping", "signal", sigabbrev_np(w->signum), NULL);
    notify_send("STOPPING=1");
    supervisor_stop(d->supervisor);
}

static void on_reload_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)loop;
    (void)events;
    struct daemon *d = w->data;
    struct settings fresh;
    struct diag why = {0};
    char reloading[64];
    (void)snprintf(reloading, sizeof reloading, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_ms() * 1000);
    notify_send(reloading);
    int r = settings_load(&d->options, &fresh, &why);
    if (r >= 0 && d->passphrase.len)
        fresh.passphrase = &d->passphrase;
    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, "supervisor.reload-refused", "text", why.text, "hint", why.hint, NULL);
    } else {
        r = settings_give(&fresh, d->supervisor, false);
        if (r >= 0)
            r = supervisor_reload(d->supervisor);
        settings_free(&fresh);
        log_event(r < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "supervisor.reloaded", r < 0 ? "error" : NULL,
                  error_text(r), NULL);
    }
    notify_send("READY=1");
}

static void on_watchdog(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)w;
    (void)events;
    notify_send("WATCHDOG=1");
}

static void watch(struct daemon *d)
{
    ev_signal_init(&d->on_term, on_stop_signal, SIGTERM);
    ev_signal_init(&d->on_int, on_stop_signal, SIGINT);
    ev_signal_init(&d->on_hup, on_reload_signal, SIGHUP);
    d->on_term.data = d->on_int.data = d->on_hup.data = d;
    ev_signal_start(d->loop, &d->on_term);
    ev_signal_start(d->loop, &d->on_int);
    ev_signal_start(d->loop, &d->on_hup);
    int64_t ms = notify_watchdog_ms();
    ev_timer_init(&d->watchdog, on_watchdog, (double)ms / 1000., (double)ms / 1000.);
    if (ms > 0)
        ev_timer_start(d->loop, &d->watchdog);
}

static int serve(struct daemon *d)
{
    struct diag why = {0};
    const struct supervisor_options o = {
        .libexec_dir = d->settings.libexec_dir,
        .data_dir = d->settings.data_dir,
        .n_workers = d->settings.n_workers,
        .roles = 1u << ROLE_GATEWAY | 1u << ROLE_ENGINE | 1u << ROLE_VAULT | 1u << ROLE_EGRESS | 1u << ROLE_WORKER |
                 1u << ROLE_CHECKER,
        .verbose_log = true,
        .log_level = d->settings.log_level,
    };
    d->loop = ev_default_loop(EVFLAG_NOENV);
    int r = d->loop ? supervisor_new(d->loop, &o, &handlers, d, &d->supervisor) : -ENOMEM;
    if (r >= 0)
        r = settings_give(&d->settings, d->supervisor, true);
    if (r < 0)
        return complain(&(struct diag){.code = r, .text = "it cannot be set up"});
    watch(d);
    r = supervisor_start(d->supervisor, &why);
    if (r < 0)
        return complain(&why);
    ev_run(d->loop, 0);
    return d->status;
}

static int unlock(struct daemon *d, struct diag *reterr)
{
    const char *credential = config_text(&d->settings.config, CONFIG_ROOT_KEY_PASSPHRASE);
    d->passphrase = BUFFER_MAX(PASSPHRASE_MAX);
    d->passphrase.secret = true;
    if (d->options.check_only || (!credential && !d->options.ask_passphrase))
        return 0;
    int r = passphrase_read(d->options.ask_passphrase ? NULL : credential, &d->passphrase, reterr);
    if (r >= 0)
        d->settings.passphrase = &d->passphrase;
    return r;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    struct diag why = {0};
    must_set_role("sallyportd");
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_priorities(notify_is_journal(STDERR_FILENO));
    int r = options_parse(argc, argv, &d.options, &why);
    if (r == 1)
        return 0;
    if (r >= 0)
        r = settings_load(&d.options, &d.settings, &why);
    if (r >= 0)
        r = unlock(&d, &why);
    if (r < 0)
        return complain(&why);
    log_set_level(d.settings.log_level);
    r = d.options.check_only ? settings_check_listen(&d.settings, &why) : settings_listen(&d.settings, &why);
    int status = r < 0 ? complain(&why) : d.options.check_only ? 0 : serve(&d);
    supervisor_free(d.supervisor);
    settings_free(&d.settings);
    buffer_free(&d.passphrase);
    return status;
}
