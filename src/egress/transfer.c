/* transfer: one exchange through libcurl. What must hold: no byte is sent to an address that `may_connect` did not allow,
 * on new and on reused connections [I7]; what comes back is bounded while it comes: headers, decoded body, and how much a
 * compressed byte may swell [I6]. Called by call.c; must never follow a redirect. */
#include "egress/transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/error.h"
#include "base/must.h"
#include "wire/codec.h"

#define FREE_INFLATION (64u << 10) /* before the ratio counts */

struct transfer {
    struct net *net;
    CURL *easy;
    bool is_added;
    const struct transfer_handlers *handlers;
    void *user;
    struct buffer headers;
    struct buffer body;
    unsigned n_headers;
    bool headers_are_complete; /* lines that follow are trailers */
    bool is_encoded;           /* the response has a Content-Encoding that libcurl takes off */
    bool was_sent;
    bool was_refused;          /* by may_connect */
    int code;                  /* why a callback broke off */
    char reason[384];
    char curl_error[CURL_ERROR_SIZE];
};

static int give_up(struct transfer *t, int code, const char *reason)
{
    t->code = code;
    snprintf(t->reason, sizeof t->reason, "%s", reason);
    return code;
}

/* --- addresses ---------------------------------------------------------------------------------------------------------- */

/* The address here is the one that connect(2) gets: a second lookup, which could answer differently, does not happen. */
static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = user;
    must(purpose == CURLSOCKTYPE_IPCXN); /* the other kind is FTP's */
    if (!t->handlers->may_connect(&address->addr, t->reason, sizeof t->reason, t->user)) {
        t->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool address_parse(const char *text, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        ret->ss_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        ret->ss_family = AF_INET6;
        return true;
    }
    return false;
}

/* A connection that is used again was opened for another call, perhaps with other grants: judge it for this one. */
static int on_before_request(void *user, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *t = user;
    struct sockaddr_storage address;
    if (!address_parse(peer, &address) ||
        !t->handlers->may_connect((const struct sockaddr *)&address, t->reason, sizeof t->reason, t->user)) {
        t->was_refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->was_refused = false;
    t->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

/* --- what comes back ---------------------------------------------------------------------------------------------------- */

static struct slice trim(struct slice s)
{
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_of(s.p + 1, s.len - 1);
    while (s.len && strchr(" \t\r\n", s.p[s.len - 1]) && s.p[s.len - 1])
        s.len--;
    return s;
}

/* RFC 9110, section 7.6.1: these speak of the connection. The length and coding of what was sent say nothing of `body`. */
static bool is_dropped(struct slice name)
{
    static const char *const names[] = {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer",
                                        "transfer-encoding", "upgrade", "content-encoding", "alt-svc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

static int header_add(struct transfer *t, struct slice line)
{
    struct slice value = line;
    struct slice name;
    uint8_t lower[LIMIT_NAME];
    (void)slice_split(&value, ':', &name);
    if (!value.p || name.len == 0 || name.len > sizeof lower ||
        memchr(line.p, 0, line.len))
        return give_up(t, -SP_EPROTOCOL, "the server sent a malformed header");
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (uint8_t)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
    name = slice_of(lower, name.len);
    if (slice_is(name, "content-encoding"))
        t->is_encoded = true;
    if (is_dropped(name))
        return 0;
    if (++t->n_headers > LIMIT_HEADER_COUNT)
        return give_up(t, -SP_ELIMIT, "the server sent too many headers");
    wire_pairs_put(&t->headers, name, trim(value));
    return buffer_error(&t->headers) == 0 ? 0 : give_up(t, buffer_error(&t->headers), "the server sent too long headers");
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    struct slice line = slice_of(p, size * n);
    if (slice_starts(line, "HTTP/")) { /* a new response: after 1xx, or after a Digest challenge */
        buffer_clear(&t->headers);
        buffer_clear(&t->body);
        t->n_headers = 0;
        t->headers_are_complete = t->is_encoded = false;
        return line.len;
    }
    if (t->headers_are_complete)
        return line.len;
    if (trim(line).len == 0) {
        t->headers_are_complete = true;
        return line.len;
    }
    return header_add(t, line) < 0 ? 0 : line.len;
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    size_t len = size * n;
    curl_off_t received = 0;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    if (t->is_encoded && t->body.len + len > FREE_INFLATION + (uint64_t)received * LIMIT_DECOMPRESSION_RATIO) {
        (void)give_up(t, -SP_ELIMIT, "the response inflates beyond reason");
        return 0;
    }
    if (buffer_append(&t->body, p, len) < 0) {
        (void)give_up(t, buffer_error(&t->body), "the response is too long");
        return 0;
    }
    return len;
}

/* --- beginning and end -------------------------------------------------------------------------------------------------- */

static bool set_request(CURL *easy, const struct transfer_request *request)
{
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
    SET(CURLOPT_URL, request->uri);
    SET(CURLOPT_HTTPHEADER, request->headers);
    SET(CURLOPT_CONNECT_TO, request->connect_to);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (request->has_body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        SET(CURLOPT_POSTFIELDS, request->body.len ? (const char *)request->body.p : "");
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    }
    if (request->is_fresh)
        SET(CURLOPT_FRESH_CONNECT, 1L);
    if (request->username) {
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_DIGEST);
        SET(CURLOPT_USERNAME, request->username);
        SET(CURLOPT_PASSWORD, request->password);
    }
    return ok;
}

static bool set_callbacks(CURL *easy, struct transfer *t)
{
    bool ok = true;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->curl_error);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
#undef SET
    return ok;
}

int transfer_start(struct net *net, const struct transfer_request *request, const struct transfer_handlers *handlers,
                   void *user, struct transfer **ret)
{
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    *t = (struct transfer){.net = net, .handlers = handlers, .user = user, .headers = BUFFER_MAX(LIMIT_HEADERS),
                           .body = BUFFER_MAX(LIMIT_BODY)};
    t->headers.secret = t->body.secret = true; /* not scrubbed yet */
    t->easy = net_easy(net);
    if (!t->easy || !set_callbacks(t->easy, t) || !set_request(t->easy, request) || net_add(net, t->easy) < 0) {
        transfer_free(t);
        return -ENOMEM;
    }
    t->is_added = true;
    *ret = t;
    return 0;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    if (t->is_added)
        net_remove(t->net, t->easy);
    if (t->easy)
        curl_easy_cleanup(t->easy);
    buffer_free(&t->headers);
    buffer_free(&t->body);
    free(t);
}

void transfer_peek(const struct transfer *t, struct transfer_reply *ret)
{
    *ret = (struct transfer_reply){.was_sent = t->was_sent};
    curl_off_t up = 0, down = 0;
    long head_out = 0, head_in = 0;
    const char *address = "";
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &head_out);
    curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &head_in);
    curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &address);
    ret->bytes_out = (uint64_t)up + (uint64_t)head_out;
    ret->bytes_in = (uint64_t)down + (uint64_t)head_in;
    snprintf(ret->address, sizeof ret->address, "%s", address);
}

static int result_code(const struct transfer *t, CURLcode result)
{
    if (result == CURLE_OK)
        return 0;
    if (t->code < 0)
        return t->code;
    if (t->was_refused && !t->was_sent)
        return -SP_EDENIED;
    if (result == CURLE_OPERATION_TIMEDOUT)
        return -SP_ETIMEOUT;
    return result == CURLE_OUT_OF_MEMORY ? -ENOMEM : -SP_EUNAVAILABLE;
}

void transfer_on_done(CURL *easy, CURLcode result, void *private)
{
    struct transfer *t = private;
    t->is_added = false;
    struct transfer_reply reply;
    transfer_peek(t, &reply);
    reply.code = result_code(t, result);
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (reply.code == 0) {
        reply.status = (uint16_t)status;
        reply.headers = buffer_slice(&t->headers);
        reply.body = buffer_slice(&t->body);
    } else {
        bool is_ours = t->code < 0 || reply.code == -SP_EDENIED;
        snprintf(reply.reason, sizeof reply.reason, "%s",
                 is_ours ? t->reason : t->curl_error[0] ? t->curl_error : curl_easy_strerror(result));
    }
    t->handlers->done(t, &reply, t->user);
}
