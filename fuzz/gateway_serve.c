/* The whole gateway, libmicrohttpd included, between two clients and an engine, all three of whom may lie:
 * bytes of clients in pieces, hang-ups, and frames of the engine. It is started once and lives on. Must hold:
 * what reaches the engine is a request that two readers cannot read differently, with headers of the table
 * alone; what reaches a client is HTTP with the fixed headers, whatever the engine says; nothing that either
 * says ends the gateway.
 *
 * The input is a list of pieces: u8 who (two clients, one who hangs up, the engine), u8 which, u16 length,
 * bytes. A first u64 below 8 in a frame of the engine's means the tag of the n-th last request. */
int gateway_main(int argc, char **argv);
#define main gateway_main
#include "gateway/main.c"
#undef main

#include <ev.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/must.h"
#include "far_end.h"
#include "gateway/headers.h"
#include "gateway/validate.h"
#include "stand_in_role.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLIENTS 2
#define RECENT  8
#define ROUNDS  6

static struct ev_loop *loop;
static struct far_end engine;
static struct sockaddr_un address;
static socklen_t address_len = sizeof address;
static uint64_t recent[RECENT];
static struct client {
    int fd; /* -1 */
    struct buffer heard;
} clients[CLIENTS];

/* --- what the engine hears ---------------------------------------------------------------------------- */

static void look_at_header(struct slice name, struct slice value, struct slice all)
{
    uint8_t scratch[HEADER_NAME_MAX];
    struct header_match match = request_header_find(name, scratch);
    struct slice rest = all, other, unused;
    unsigned n = 0;
    must(is_token(name) && is_field_value(value) && slice_equal(match.name, name)); /* in lower case */
    must(match.use == HEADER_PASS || match.use == HEADER_LIST);
    while (wire_pairs_next(&rest, &other, &unused) > 0)
        n += slice_equal(other, name);
    must(n == 1 || match.use == HEADER_LIST);
}

static void on_request(struct far_end *f, uint16_t type, struct slice payload)
{
    struct msg_http_request m;
    struct slice rest, name, value;
    struct target target;
    int r;
    if (type != WIRE_HTTP_REQUEST)
        return;
    must(wire_decode_http_request(payload, &m) == 0 && http_method_text(m.method));
    must(target_parse(m.path, &target) == 0 && slice_equal(target.path, m.path) && m.body.len <= LIMIT_BODY);
    for (rest = m.headers; (r = wire_pairs_next(&rest, &name, &value)) > 0;)
        look_at_header(name, value, m.headers);
    must(r == 0);
    memmove(recent + 1, recent, (RECENT - 1) * sizeof recent[0]);
    recent[0] = m.tag;
}

/* --- what a client hears ------------------------------------------------------------------------------ */

static bool has_line(struct slice head, const char *line)
{
    return memmem(head.p, head.len, line, strlen(line));
}

/* The first answer's head: lines of a name and a value, and what every answer has. */
static void look_at_head(struct slice heard)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    while (slice_starts(heard, go_on))
        heard = slice_of(heard.p + sizeof go_on - 1, heard.len - (sizeof go_on - 1));
    const uint8_t *end = heard.len ? memmem(heard.p, heard.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return;
    struct slice head = slice_of(heard.p, (size_t)(end - heard.p) + 2), line;
    must(slice_starts(head, "HTTP/1.1 ") || slice_starts(head, "HTTP/1.0 "));
    /* What the library itself answers to what is no HTTP at all has no more than a length. */
    bool is_error = head.p[9] == '4' || head.p[9] == '5';
    must(is_error || has_line(head, "X-Content-Type-Options: nosniff\r\n"));
    (void)slice_split(&head, '\n', &line);
    while (head.len && slice_split(&head, '\n', &line)) {
        struct slice value = line, name;
        must(line.len > 1 && line.p[line.len - 1] == '\r');
        value.len--;
        must(slice_split(&value, ':', &name) && is_token(name) && value.len &&
             is_field_value(slice_of(value.p + 1, value.len - 1)));
    }
}

static void hear(struct client *c)
{
    uint8_t block[16384];
    ssize_t n;
    while (c->fd >= 0 && (n = recv(c->fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        (void)buffer_append(&c->heard, block, (size_t)n);
}

/* --- everybody ---------------------------------------------------------------------------------------- */

static void connect_engine(void)
{
    far_end_close(&engine);
    must(stand_in_role->connect(ROLE_ENGINE, 0, far_end_open(&engine, ROLE_ENGINE, ROLE_GATEWAY)) == 0);
}

static void settle(void)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        ev_run(loop, EVRUN_NOWAIT);
    far_end_read(&engine, on_request);
    if (engine.fd < 0)
        connect_engine();
    for (size_t i = 0; i < CLIENTS; i++)
        hear(&clients[i]);
}

static void leave(struct client *c)
{
    hear(c);
    look_at_head(buffer_slice(&c->heard));
    closep(&c->fd);
    c->fd = -1;
    buffer_free(&c->heard);
}

static void say(struct client *c, struct slice bytes)
{
    if (c->fd < 0) {
        c->heard = BUFFER_MAX(1u << 20);
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        must(c->fd >= 0 && connect(c->fd, (struct sockaddr *)&address, address_len) == 0);
    }
    (void)!send(c->fd, bytes.p, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Answers that are held go out now, whatever the clock says. */
static void let_go(void)
{
    while (connections_oldest(CONNECTION_HELD))
        server_resume(connections_oldest(CONNECTION_HELD));
}

static void answer(uint8_t which, struct slice payload)
{
    let_go();
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_FRAME);
    must(buffer_append_slice(&b, payload) == 0);
    if (payload.len >= sizeof recent[0]) {
        struct wire_reader r = WIRE_READER(payload);
        uint64_t n = wire_get_u64(&r);
        if (n < RECENT)
            memcpy(b.p, &recent[n], sizeof recent[0]);
    }
    far_end_send(&engine, far_end_type(&engine, which), buffer_slice(&b));
}

static void start(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sun_family = AF_UNIX;
    /* The kernel chooses an abstract name. */
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) == 0 &&
         listen(fd, 16) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
    loop = stand_in_role_begin(gateway_main);
    engine.fd = -1;
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    must(stand_in_role->file(CONTROL_FILE_LISTENER, 0, fd) == 0);
    connect_engine();
    must(stand_in_role->start() == 0 && stand_in_role_is_ready);
}

/* Inputs of an odd length are of clients whose address had much refused before: each refusal is held. */
static void set_patience(bool is_out)
{
    struct connection before = {.problem = PROBLEM_FRAMING, .received = 20 * LIMIT_BODY_SMALL};
    gateway_config.refusals_per_s = is_out ? 1 : LIMIT_SETTING;
    (void)!patience_ends(&before, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct far_end_frame piece;
    if (!stand_in_role)
        start();
    set_patience(size % 2);
    while (far_end_next(&rest, &piece)) {
        if (piece.who % 4 < CLIENTS)
            say(&clients[piece.who % 4], piece.payload);
        else if (piece.who % 4 == 2)
            leave(&clients[piece.type % CLIENTS]);
        else
            answer(piece.type, piece.payload);
        settle();
    }
    for (size_t i = 0; i < CLIENTS; i++)
        leave(&clients[i]);
    let_go();
    connect_engine(); /* what the last one owed is answered by its end */
    settle();
    must(connections_count(CONNECTION_FREE) == 0);
    return 0;
}
