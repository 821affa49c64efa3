/* echo: a bare libmicrohttpd server that echoes the body of a POST: one thread, its own epoll loop, no checks. The baseline of load
 * tests: what it reaches on the same machine in the same minute is what the library can do.
 *
 *   bench-echo [PORT [TOKEN]]      says "port N"; ends with its standard input
 *
 * With a TOKEN it plays the upstream of a workflow: a request that does not carry it is answered with 401. */
#include <microhttpd.h>

#include "base/buffer.h"
#include "base/limits.h"

static bool is_authorized(struct MHD_Connection *connection, const char *token)
{
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    return !token || (given && strncmp(given, "Bearer ", 7) == 0 && strcmp(given + 7, token) == 0);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **of_request)
{
    (void)url, (void)method, (void)version;
    struct buffer *body = *of_request;
    if (!body) {
        body = calloc(1, sizeof *body);
        if (!body)
            return MHD_NO;
        *body = BUFFER_MAX(LIMIT_BODY);
        *of_request = body;
        return MHD_YES;
    }
    if (*len) {
        int r = buffer_append(body, data, *len);
        *len = 0;
        return r == 0 ? MHD_YES : MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(body->len, body->p, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result =
        MHD_queue_response(connection, is_authorized(connection, user) ? MHD_HTTP_OK : MHD_HTTP_UNAUTHORIZED, response);
    MHD_destroy_response(response);
    return result;
}

static void on_completed(void *user, struct MHD_Connection *connection, void **of_request, enum MHD_RequestTerminationCode how)
{
    (void)user, (void)connection, (void)how;
    struct buffer *body = *of_request;
    if (body)
        buffer_free(body);
    free(body);
    *of_request = NULL;
}

int main(int argc, char **argv)
{
    uint64_t port = 0;
    if (argc > 1 && (slice_parse_u64(slice_text(argv[1]), &port) < 0 || port > 65535))
        return 2;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL, NULL, on_request, argc > 2 ? argv[2] : NULL,
                         MHD_OPTION_CONNECTION_LIMIT, LIMIT_CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                         MHD_OPTION_END);
    if (!daemon)
        return 4;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("port %u\n", info ? info->port : 0u);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    MHD_stop_daemon(daemon);
    return 0;
}
