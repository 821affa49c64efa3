/* A role for the tests of the supervisor: a worker that answers WORKER_DEFINE as its text orders, and tells what the process
 * that it is in looks like. Compiled once for each role with FAKE_ROLE. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "role/role.h"

static char process_text[512];
static char config_text[256];
static char file_text[256];
static struct channel *peer_channel;

/* Before the lock-down, which would forbid most of the questions. */
static void describe_process(void)
{
    unsigned fds = 0;
    for (int fd = 0; fd < 256; fd++)
        fds |= fcntl(fd, F_GETFD) >= 0 ? (fd < 31 ? 1u << fd : 1u << 31) : 0;
    uid_t r, e, s;
    (void)getresuid(&r, &e, &s);
    struct stat null, in, out;
    bool is_null = stat("/dev/null", &null) == 0 && fstat(0, &in) == 0 && fstat(1, &out) == 0 && in.st_rdev == null.st_rdev &&
                   out.st_rdev == null.st_rdev;
    int death = 0;
    (void)prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    (void)snprintf(process_text, sizeof process_text,
                   "uid=%u/%u/%u gid=%u groups=%d env=%d fds=%x null=%d session=%d caps=%d death=%d", r, e, s, getgid(),
                   getgroups(0, NULL), environ && environ[0] ? 1 : 0, fds, is_null, getsid(0) == getpid(),
                   prctl(PR_CAPBSET_READ, 21, 0, 0, 0), death);
}

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)fd;
    (void)user;
    struct msg_worker_define order;
    if (type != WIRE_WORKER_DEFINE || wire_decode_worker_define(payload, &order) < 0)
        return -SP_EPROTOCOL;
    if (slice_is(order.text, "crash"))
        raise(SIGKILL);
    if (slice_is(order.text, "fail"))
        return role_fail(-SP_EKEY, "no more");
    if (slice_is(order.text, "no-exec"))
        _exit(127);
    if (slice_is(order.text, "budget"))
        _exit(86);
    if (slice_is(order.text, "end"))
        _exit(0);
    if (slice_is(order.text, "hang"))
        for (;;)
            (void)sleep(1);
    struct msg_worker_step answer = {.output = slice_text(process_text)};
    if (slice_is(order.text, "config"))
        answer.output = slice_text(config_text);
    if (slice_is(order.text, "file"))
        answer.output = slice_text(file_text);
    return CHANNEL_SEND(channel, WORKER_STEP, worker_step, &answer);
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)reason;
    (void)user;
    if (peer_channel == channel)
        peer_channel = NULL;
    channel_free(channel);
}

static int configure(struct slice json)
{
    (void)snprintf(config_text, sizeof config_text, "%.*s", SLICE_ARGS(json));
    return strstr(config_text, "refuse") ? role_fail(-SP_EKEY, "the key does not fit") : 0;
}

static int connect_peer(enum role peer, uint16_t index, int fd)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    (void)index;
    return channel_new(role_loop(), fd, FAKE_ROLE, peer, &handlers, NULL, &peer_channel);
}

static int take_file(enum control_file_kind kind, uint16_t index, int fd)
{
    const char *page = "no";
    if (kind == CONTROL_FILE_WORKER_PAGE) {
        void *p = mmap(NULL, sizeof(struct worker_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        page = p != MAP_FAILED ? "mapped" : "bad";
    }
    size_t used = strlen(file_text);
    (void)snprintf(file_text + used, sizeof file_text - used, "kind=%d index=%u page=%s;", kind, index, page);
    close(fd);
    return 0;
}

static int start(void)
{
    if (strstr(config_text, "die-at-start"))
        _exit(1);
    role_ready();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {
        .self = FAKE_ROLE, .configure = configure, .connect = connect_peer, .file = take_file, .start = start};
    describe_process();
    return role_main(argc, argv, &handlers);
}
