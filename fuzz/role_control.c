/* The control channel of a role, as whoever took the supervisor's place might use it: bytes, split anywhere,
 * with descriptors. Must hold: what reaches the role's handlers is within its enumerations, before the start
 * comes no reload, after the end comes nothing, and no descriptor is left behind. The input is a list of
 * frames: u8 how many descriptors, u8 which type, u16 length, payload. */
#include "role/role.c" /* with its state, which each input finds fresh */

#include "far_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct far_end supervisor;
static int watched, witness; /* a pipe: every copy of `watched` must be closed in the end */
static bool was_started;

/* --- the sandbox is another test's -------------------------------------------------------------------- */

int sandbox_enter(enum role self, const char *data_dir, struct diag *reterr)
{
    return 0;
}

/* --- a role ------------------------------------------------------------------------------------------- */

static int on_configured(struct slice json)
{
    must(!role.is_ending);
    return json.len && json.p[0] == '!' ? -SP_EINVALID : 0;
}

static int on_connected(enum role peer, uint16_t index, int fd)
{
    must(!role.is_ending && peer < ROLE_COUNT && index < LIMIT_WORKERS && fcntl(fd, F_GETFD) >= 0);
    close(fd);
    return index == 3 ? -SP_EPROTOCOL : 0;
}

static int on_given(enum control_file_kind kind, uint16_t index, int fd)
{
    must(!role.is_ending && fcntl(fd, F_GETFD) >= 0);
    close(fd);
    return 0;
}

static int on_begun(void)
{
    must(!was_started);
    was_started = true;
    role_ready();
    return 0;
}

static int on_reloaded(void)
{
    must(was_started);
    return 0;
}

/* --- the supervisor ----------------------------------------------------------------------------------- */

static void open_all(void)
{
    static const struct channel_handlers control = {.message = on_message, .closed = on_closed};
    static const struct role_handlers handlers = {.self = ROLE_WORKER,
                                                  .configure = on_configured,
                                                  .connect = on_connected,
                                                  .file = on_given,
                                                  .start = on_begun,
                                                  .reload = on_reloaded};
    struct ev_loop *loop = role.loop ? role.loop : ev_loop_new(EVFLAG_NOENV);
    int ends[2];
    memset(&role, 0, sizeof role);
    role.loop = loop;
    role.handlers = &handlers;
    was_started = false;
    must(pipe2(ends, O_CLOEXEC) == 0);
    witness = ends[0];
    watched = ends[1];
    must(channel_new(loop, far_end_open(&supervisor, ROLE_SUPERVISOR, ROLE_WORKER), ROLE_WORKER,
                     ROLE_SUPERVISOR, &control, NULL, &role.control) == 0);
}

static void close_all(void)
{
    struct pollfd p = {.fd = witness, .events = POLLIN};
    channel_free(role.control);
    role.control = NULL;
    far_end_close(&supervisor);
    close(watched);
    must(poll(&p, 1, 0) == 1 && p.revents & POLLHUP);
    close(witness);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct far_end_frame frame;
    open_all();
    while (far_end_next(&rest, &frame)) {
        const struct far_end_fds fds = {watched, frame.who % 4, frame.who % 4 > 0};
        far_end_send_fds(&supervisor, far_end_type(&supervisor, frame.type), frame.payload, &fds);
        far_end_rounds(role.loop);
        far_end_read(&supervisor, NULL);
    }
    far_end_rounds(role.loop);
    must(!role.is_ready || role.is_started);
    close_all();
    return 0;
}
