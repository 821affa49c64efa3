/* flood: one kind of flood against a server on this machine, from many addresses of 127.0.0.0/8: slow, idle,
 * large, endless, forged or guessing clients. The scenario of load tests that asks what is left for the
 * others.
 *
 *   bench-flood KIND PORT      until its standard input ends; then says in one line of JSON what the answers
 * were
 *
 * One thread. Slow kinds send a byte in each second and come back a second after they were cut; the others
 * send as fast as they are answered. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 10000
#define STATUS_MAX      600
#define LARGE           (4u << 20) /* the largest body that is taken */
#define FILL            65536      /* bytes of a body in one write */
#define ANSWER_MAX      4096
#define HEAD            " HTTP/1.1\r\nHost: flood.test\r\nContent-Type: application/json\r\n"
#define FORGED                                                                                               \
    "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n"

enum pace {
    HOLD,   /* sends its text and waits */
    DRIP,   /* then a byte in each second */
    STREAM, /* then `body` bytes, or without end */
    IGNORE, /* sends its text again and again, and never reads */
};

static const struct kind {
    const char *name;
    unsigned connections, addresses;
    enum pace pace;
    const char *text;
    size_t body;
    bool is_repeated; /* the next request follows the answer */
} kinds[] = {
    {"idle", 10000, 40, HOLD, "", 0, false},
    {"slow-headers", 6000, 40, DRIP, "POST /hooks/bench/w1" HEAD "X-Slow: ", 0, false},
    {"slow-bodies", 6000, 40, DRIP, "POST /hooks/bench/w1" HEAD "Content-Length: 100000\r\n\r\n", 0, false},
    {"slow-reading", 2000, 40, IGNORE, "GET /api/v1/runs" HEAD "\r\n", 0, false},
    {"endless-bodies", 32, 32, STREAM,
     "POST /hooks/bench/w1" HEAD "Transfer-Encoding: chunked\r\n\r\n40000000\r\n", SIZE_MAX, false},
    {"large", 16, 16, STREAM, "POST /hooks/bench/w1" HEAD FORGED "Content-Length: 4194304\r\n\r\n", LARGE,
     true},
    {"signatures", 64, 64, STREAM, "POST /hooks/bench/w1" HEAD FORGED "Content-Length: 300\r\n\r\n", 300,
     true},
    {"signatures-of-one", 64, 1, STREAM, "POST /hooks/bench/w1" HEAD FORGED "Content-Length: 300\r\n\r\n",
     300, true},
    {"unknown-hooks", 64, 64, STREAM, "POST /hooks/bench/nobody" HEAD "Content-Length: 300\r\n\r\n", 300,
     true},
    {"guesses", 64, 64, HOLD,
     "GET /api/v1/runs" HEAD "Authorization: Bearer spt_00000000000000000000000000000000\r\n\r\n", 0, true},
    {"connects", 64, 64, HOLD, "GET /healthz" HEAD "Connection: close\r\n\r\n", 0, true},
};

struct client {
    int fd;
    unsigned index;
    size_t sent, body_left;
    char answer[ANSWER_MAX];
    size_t len;
};

static const struct kind *kind;
static struct client *clients;
static int epoll_fd;
static struct sockaddr_in server;
static char fill[FILL];
static struct {
    unsigned long answers[STATUS_MAX], without_retry_after, cut;
} seen;

static void die(const char *what)
{
    perror(what);
    exit(4);
}

/* --- one client --------------------------------------------------------------------------------------- */

static void begin_request(struct client *c)
{
    c->sent = 0;
    c->body_left = kind->body;
}

static void connect_again(struct client *c)
{
    unsigned address = c->index % kind->addresses;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + (address << 8))};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* The port is chosen at connect, where the pair of addresses may repeat one that is still winding up. */
    (void)setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    if (kind->pace == IGNORE) {
        int small = 4096;
        (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind");
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        die("connect");
    c->len = 0;
    begin_request(c);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
        die("epoll_ctl");
}

static void disconnect(struct client *c)
{
    /* No TIME_WAIT: a flood has no lack of ports. */
    struct linger now = {.l_onoff = 1};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
}

static void send_all(struct client *c)
{
    size_t text_len = strlen(kind->text);
    for (;;) {
        bool is_body = c->sent >= text_len;
        const char *p = is_body ? fill : kind->text + c->sent;
        size_t len = is_body ? (c->body_left < FILL ? c->body_left : FILL) : text_len - c->sent;
        if (len == 0 && kind->pace == IGNORE && text_len) {
            begin_request(c);
            continue;
        }
        ssize_t n = len ? send(c->fd, p, len, MSG_NOSIGNAL | (is_body || !c->body_left ? 0 : MSG_MORE)) : 0;
        if (n <= 0)
            return;
        c->sent += is_body ? 0 : (size_t)n;
        c->body_left -= is_body && kind->body != SIZE_MAX ? (size_t)n : 0;
    }
}

/* Takes one whole answer out of the buffer; false if there is none yet. */
static bool take_answer(struct client *c)
{
    c->answer[c->len] = 0;
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end)
        return false;
    char *field = strcasestr(c->answer, "content-length:");
    size_t total = (size_t)(end - c->answer) + 4 + (field && field < end ? strtoul(field + 15, NULL, 10) : 0);
    if (c->len < total)
        return false;
    unsigned long status = c->len > 12 ? strtoul(c->answer + 9, NULL, 10) : 0;
    seen.answers[status < STATUS_MAX ? status : 0]++;
    field = strcasestr(c->answer, "retry-after:");
    if ((status == 429 || status == 503) && (!field || field > end))
        seen.without_retry_after++;
    memmove(c->answer, c->answer + total, c->len - total);
    c->len -= total;
    return true;
}

static void receive_all(struct client *c)
{
    while (kind->pace != IGNORE) {
        ssize_t n = recv(c->fd, c->answer + c->len, sizeof c->answer - 1 - c->len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            seen.cut++;
            disconnect(c);
            if (kind->is_repeated)
                connect_again(c);
            return;
        }
        c->len += (size_t)n;
        while (c->fd >= 0 && take_answer(c))
            if (kind->is_repeated) {
                begin_request(c);
                send_all(c);
            }
    }
}

static void on_event(struct client *c, uint32_t events)
{
    if (c->fd >= 0 && events & (EPOLLOUT | EPOLLIN))
        send_all(c);
    if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (kind->pace == IGNORE && events & (EPOLLHUP | EPOLLERR)) {
            seen.cut++;
            disconnect(c);
        } else {
            receive_all(c);
        }
    }
}

/* --- all of them -------------------------------------------------------------------------------------- */

static void on_second(void)
{
    for (unsigned i = 0; i < kind->connections; i++) {
        struct client *c = &clients[i];
        if (c->fd < 0)
            connect_again(c);
        else if (kind->pace == DRIP && c->sent == strlen(kind->text))
            (void)!send(c->fd, "a", 1, MSG_NOSIGNAL);
    }
}

static time_t now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void run(void)
{
    time_t last = 0;
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, 200);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return;
            on_event(events[i].data.ptr, events[i].events);
        }
        if (now_s() != last)
            on_second();
        last = now_s();
    }
}

static void report(void)
{
    printf("{\"kind\":\"%s\",\"cut\":%lu,\"without_retry_after\":%lu,\"answers\":{", kind->name, seen.cut,
           seen.without_retry_after);
    const char *comma = "";
    for (unsigned i = 0; i < STATUS_MAX; i++)
        if (seen.answers[i]) {
            printf("%s\"%u\":%lu", comma, i, seen.answers[i]);
            comma = ",";
        }
    printf("}}\n");
}

static void prepare(const char *port)
{
    struct rlimit files = {CONNECTIONS_MAX + 100, CONNECTIONS_MAX + 100};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        die("setrlimit");
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    memset(fill, 'a', sizeof fill);
    clients = calloc(kind->connections, sizeof *clients);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN | EPOLLHUP};
    if (!clients || epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
        die("prepare");
    for (unsigned i = 0; i < kind->connections; i++)
        clients[i] = (struct client){.fd = -1, .index = i};
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (argc == 3 && strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    if (!kind) {
        fprintf(stderr, "usage: bench-flood KIND PORT\n");
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            fprintf(stderr, "  %s\n", kinds[i].name);
        return 2;
    }
    prepare(argv[2]);
    run();
    report();
    return 0;
}
