/* Requests to a server: URL, token and certificate authorities come from options, the environment and files; a token never
 * comes from an argument. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <jansson.h>

#include "cli/cli.h"

/* The options of every remote command; put them last into its list. */
#define REMOTE_OPTIONS                                                                                           \
    {"server", "URL", "the server (default: SALLYPORT_URL, or http://127.0.0.1:8700)"},                          \
    {"token-file", "FILE", "holds the token, mode 0600 (default ~/.config/sallyport/token; else it is asked for)"},  \
    {"cacert", "FILE", "certificate authorities, PEM"},                                                          \
    {NULL, NULL, NULL}

/* One request. CLI_DONE, or the exit code after saying what is wrong; the answer's body in `ret` either way. `body` with
 * p == NULL: none. */
int remote_request(const struct cli_args *args, const char *method, const char *path, const char *content_type,
                   struct slice body, struct buffer *ret);

/* Appends `text` with everything outside of RFC 3986's unreserved characters percent-encoded. */
void remote_append_escaped(struct buffer *b, const char *text);

/* A secret from a terminal without echo, or from standard input if that is none. */
int remote_read_secret(const char *prompt, struct buffer *ret);

/* The answer as it is on standard output when JSON is wanted or `show` is NULL, else as `show` prints it; CLI_UNAVAILABLE when
 * it is not JSON and `show` would have to. */
typedef void remote_show(const json_t *answer);
int remote_answer(const struct cli_args *args, struct slice answer, remote_show *show);

/* remote_request without a body, and remote_answer. */
int remote_print(const struct cli_args *args, const char *method, const char *path, remote_show *show);

#endif
