/* Starts roles, connects them, restarts the ones that die. Linked by sallyportd and by `sallyport run`/`check`, which
 * supervise a few roles of their own and speak as a role that they do not start (gateway or engine). */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "base/diag.h"
#include "base/log.h"
#include "wire/channel.h"

struct supervisor;

struct supervisor_options {
    const char *libexec_dir;   /* where the executables sallyport-ROLE are */
    const char *data_dir;      /* for the engine; NULL: the engine keeps everything in memory */
    unsigned n_workers;        /* at least 1 */
    uint32_t roles;            /* bit 1 << enum role: which to start */
    bool verbose_log;          /* log lines of the roles, and about them, to standard error */
    enum log_level log_level;  /* with verbose_log: the lowest that is shown */
};

struct supervisor_handlers {
    /* All roles said CONTROL_READY, for the first time. */
    void (*ready)(void *user);
    /* A role will not serve (bad key, foreign database…): `text` says why. The supervisor stops. */
    void (*failed)(enum role role, int code, struct slice text, void *user);
    /* Our own end of a channel for the role that the caller itself plays: see supervisor_play. */
    int (*connect)(enum role peer, uint16_t index, int fd, void *user);
    /* All roles have ended after supervisor_stop or failed. */
    void (*stopped)(int status, void *user);
};

[[gnu::warn_unused_result]] int supervisor_new(struct ev_loop *loop /* the default one */, const struct supervisor_options *options,
                                               const struct supervisor_handlers *handlers, void *user,
                                               struct supervisor **ret);
void supervisor_free(struct supervisor *s);

/* The caller speaks as `self`: for each channel of the table between `self` and a role that is started, `connect` is called
 * with our end, and again whenever that role was restarted. */
int supervisor_play(struct supervisor *s, enum role self);

/* Kept and sent to the role at each of its starts. `json` is copied; `fd` is duplicated. A file of the same kind and index
 * replaces the one before. */
int supervisor_configure(struct supervisor *s, enum role role, struct slice json);
int supervisor_give_file(struct supervisor *s, enum role role, enum control_file_kind kind, uint16_t index, int fd);

[[gnu::warn_unused_result]] int supervisor_start(struct supervisor *s, struct diag *reterr);
/* Sends the configuration, and the files that were given since the role started, then CONTROL_RELOAD. */
int supervisor_reload(struct supervisor *s);
/* The gateway first, then the engine, then the rest; kills what does not end in time, and everything when called twice. */
void supervisor_stop(struct supervisor *s);

#endif
