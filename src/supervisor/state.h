/* What the files of the supervisor share: its state, and the members, one for each process. Included only in this folder. */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <ev.h>
#include <sys/types.h>

#include "supervisor/child.h"
#include "supervisor/supervisor.h"

#define SUPERVISOR_FILES   32                  /* files that are kept for the roles */
#define SUPERVISOR_MEMBERS (ROLE_COUNT + LIMIT_WORKERS)

/* IDLE → RUNNING → STOPPING → STOPPED */
enum supervisor_state {
    SUPERVISOR_IDLE,
    SUPERVISOR_RUNNING,
    SUPERVISOR_STOPPING,
    SUPERVISOR_STOPPED,
};

/* A process of a role. It is gone when it has been reaped and its control channel has been read to the end: its last words
 * come before its restart. */
struct member {
    struct supervisor *s;
    enum role role;
    uint16_t index;
    pid_t pid;               /* 0 when reaped */
    struct channel *control; /* NULL when closed */
    ev_child child;
    ev_timer restart;
    ev_timer grace;          /* between the end of its control channel and its own */
    int wait_status;
    int page_fd;             /* a worker's struct worker_page; -1 without */
    bool is_ready, has_failed, was_told_to_stop, was_asked_to_restart;
    int64_t started_ms;
    int64_t lived_ms; /* since its last death, orderly ends not counted */
    unsigned backoff_ms;
    int64_t log_second;      /* the second that log_lines counts in */
    unsigned log_lines;
};

struct kept_file {
    enum role role;
    enum control_file_kind kind;
    uint16_t index;
    int fd;
    bool is_new; /* given since the role started */
};

struct supervisor {
    struct ev_loop *loop;
    struct supervisor_options options;
    char *libexec_dir, *data_dir;
    const struct supervisor_handlers *handlers;
    void *user;
    enum supervisor_state state;
    enum role plays; /* ROLE_ANY: none */
    struct member members[SUPERVISOR_MEMBERS];
    unsigned n_members;
    struct buffer config[ROLE_COUNT];
    struct kept_file files[SUPERVISOR_FILES];
    unsigned n_files;
    bool was_ready;
    int status;
    unsigned stop_stage;
    ev_timer stop_timer, end_timer;
};

/* member.c */
[[gnu::warn_unused_result]] int member_spawn(struct member *m, struct diag *reterr);
void member_go(struct member *m);           /* CONTROL_START */
void member_tell_stop(struct member *m);
void member_kill(struct member *m);
void member_release(struct member *m);      /* kills, reaps and frees; for the end of the supervisor */
int member_send_file(struct member *m, const struct kept_file *f);
bool member_is_gone(const struct member *m);

/* link.c */
void link_connect(struct member *m, bool to_later_members_only);

/* supervisor.c: what the members report. */
void supervisor_member_ready(struct member *m);
void supervisor_member_failed(struct member *m, int code, struct slice text);
void supervisor_member_gone(struct member *m);

/* report.c: log lines about members, and those of the members themselves. */
void report_started(const struct member *m);
void report_ended(const struct member *m, unsigned restart_ms);
void report_line(struct member *m, enum log_level level, struct slice line);
void report_problem(const struct member *m, const char *event, const char *text);

#endif
