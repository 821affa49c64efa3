/* remote: HTTP to the server by libcurl. Must hold: the token goes to the server that was named and nowhere else (redirects are
 * not followed), and in clear only to this machine. */
#include "cli/remote.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "cli/file.h"
#include "cli/json_part.h"
#include "supervisor/files.h"
#include "supervisor/paths.h"

#define DEFAULT_URL "http://127.0.0.1:8700"
#define TIMEOUT_S   150L
#define TOKEN_MAX   512

static void curlp(CURL **p)
{
    curl_easy_cleanup(*p);
}

static void listp(struct curl_slist **p)
{
    curl_slist_free_all(*p);
}

/* --- the token --------------------------------------------------------------------------------------------------------- */

int remote_read_secret(const char *prompt, struct buffer *ret)
{
    struct termios old, quiet;
    struct diag why = {0};
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
    if (is_terminal) {
        (void)fprintf(stderr, "%s: ", prompt);
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    int r = 0;
    char c = 0;
    if (!is_terminal)
        r = file_read("-", ret, &why);
    while (is_terminal && r == 0 && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        r = buffer_append_byte(ret, (uint8_t)c);
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        (void)fprintf(stderr, "\n");
    }
    while (ret->len && (ret->p[ret->len - 1] == '\n' || ret->p[ret->len - 1] == '\r'))
        buffer_truncate(ret, ret->len - 1);
    return r < 0 ? cli_fail(r, "%s: %s", prompt, error_text(r)) : CLI_DONE;
}

static int read_token_file(const char *path, bool must_exist, struct buffer *ret)
{
    struct diag why = {0};
    _cleanup_close_ int fd = -1;
    int r = files_open_secret(path, &fd, &why);
    if (r == -ENOENT && !must_exist)
        return CLI_DONE;
    if (r < 0)
        return cli_fail_diag(&why);
    uint8_t chunk[TOKEN_MAX];
    ssize_t n = read(fd, chunk, sizeof chunk);
    while (n > 0 && (chunk[n - 1] == '\n' || chunk[n - 1] == '\r' || chunk[n - 1] == ' '))
        n--;
    if (n > 0)
        (void)buffer_append(ret, chunk, (size_t)n);
    explicit_bzero(chunk, sizeof chunk);
    return n > 0 ? CLI_DONE : cli_fail(-SP_EINVALID, "%s holds no token", path);
}

static int find_token(const struct cli_args *args, struct buffer *ret)
{
    char path[PATHS_MAX];
    const char *file = cli_value(args, "token-file");
    int status = CLI_DONE;
    if (file)
        status = read_token_file(file, true, ret);
    else if (paths_config("token", path) == 0)
        status = read_token_file(path, false, ret);
    if (status == CLI_DONE && ret->len == 0 && isatty(STDIN_FILENO))
        status = remote_read_secret("Token", ret);
    if (status == CLI_DONE && ret->len == 0)
        return cli_fail(-SP_EUNAUTHENTICATED, "there is no token: put it into a file of mode 0600 and give --token-file");
    for (size_t i = 0; i < ret->len && status == CLI_DONE; i++)
        if (ret->p[i] <= 0x20 || ret->p[i] >= 0x7F)
            return cli_fail(-SP_EINVALID, "the token has a character that no token has");
    return status;
}

/* --- the request ------------------------------------------------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
    struct buffer *b = user;
    return buffer_append(b, p, size * n) < 0 ? 0 : size * n;
}

static bool is_local_url(const char *url)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        size_t n = strlen(local[i]);
        /* What stands before an "@" is a user's name, and the host comes after it. */
        if (strncmp(url, local[i], n) == 0 && !strchr(url, '@') && (url[n] == 0 || url[n] == ':' || url[n] == '/'))
            return true;
    }
    return false;
}

static int find_url(const struct cli_args *args, const char *path, struct buffer *ret)
{
    const char *base = cli_value(args, "server"), *from_environment = getenv("SALLYPORT_URL");
    base = base ? base : from_environment && *from_environment ? from_environment : DEFAULT_URL;
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    if (!strstr(base, "://"))
        return cli_fail(-SP_EINVALID, "%s: write https://HOST[:PORT], or http://127.0.0.1:PORT for this machine", base);
    if (strncmp(base, "https://", 8) != 0 && !is_local_url(base))
        return cli_fail(-SP_EDENIED, "%s: the token would go over the network in clear; use https://", base);
    (void)buffer_append(ret, base, len);
    return buffer_append_text(ret, path) < 0 ? cli_fail(-SP_ELIMIT, "the address is too long") : CLI_DONE;
}

static void add_header(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer)
        *list = longer;
}

static int explain(long status, const char *url, struct slice body)
{
    _cleanup_(json_decrefp) json_t *root = json_read(body, 0, NULL);
    const char *detail = json_string_value(json_object_get(root, "detail")),
               *title = json_string_value(json_object_get(root, "title"));
    int code = status == 401 || status == 403 || status == 429 ? -SP_EDENIED : status >= 500 ? -SP_EUNAVAILABLE : -SP_EINVALID;
    /* Findings say it all, with their places; who deployed prints them. */
    if (json_array_size(json_object_get(root, "findings")))
        return error_exit_code(code);
    if (!detail && !title)
        return cli_fail(code, "%s: %ld: this is no answer of a sallyport; is the address right?", url, status);
    /* The server's words are for who writes the header himself. */
    if (status == 401)
        return cli_fail(code, "401: the server does not know this token; give the file with its owner's: --token-file");
    return cli_fail(code, "%ld: %s", status, detail ? detail : title);
}

static int perform(CURL *curl, const struct cli_args *args, const char *url, struct buffer *ret)
{
    char text[CURL_ERROR_SIZE] = "";
    long status = 0;
    const char *ca = cli_value(args, "cacert");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (ca)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, (char *)NULL);
    if (code != CURLE_OK)
        return cli_fail(-SP_EUNAVAILABLE, "%s: %s%s", url, *text ? text : curl_easy_strerror(code),
                        code == CURLE_COULDNT_CONNECT ? " (is it running? see sallyport serve --help)" : "");
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300 ? CLI_DONE : explain(status, url, buffer_slice(ret));
}

int remote_request(const struct cli_args *args, const char *method, const char *path, const char *content_type,
                   struct slice body, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer url = BUFFER_MAX(LIMIT_URI), token = BUFFER_MAX(TOKEN_MAX), line = BUFFER_MAX(2 * TOKEN_MAX);
    _cleanup_(listp) struct curl_slist *headers = NULL;
    token.secret = line.secret = true;
    int status = find_url(args, path, &url);
    if (status == CLI_DONE)
        status = find_token(args, &token);
    if (status)
        return status;
    _cleanup_(curlp) CURL *curl = curl_easy_init();
    if (!curl)
        return cli_fail(-ENOMEM, "%s", error_text(-ENOMEM));
    (void)buffer_printf(&line, "Authorization: Bearer %.*s", SLICE_ARGS(buffer_slice(&token)));
    add_header(&headers, buffer_text(&line));
    buffer_clear(&line);
    (void)buffer_printf(&line, "Content-Type: %s", content_type ? content_type : "");
    add_header(&headers, buffer_text(&line));
    add_header(&headers, "Expect:");
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body.p || strcmp(method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p ? (const char *)body.p : "");
    }
    return perform(curl, args, buffer_text(&url), ret);
}

void remote_append_escaped(struct buffer *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        uint8_t c = (uint8_t)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (plain)
            (void)buffer_append_byte(b, c);
        else
            (void)buffer_printf(b, "%%%02X", c);
    }
}

/* To a file byte for byte; on a terminal what could steer it becomes a space. */
static void print_as_it_is(struct slice s)
{
    if (!isatty(STDOUT_FILENO)) {
        cli_out(s);
        return;
    }
    for (size_t i = 0, n; i < s.len; i += n) {
        size_t control = s.p[i] == '\n' ? 0 : cli_control_len(s.p + i, s.len - i);
        n = control ? control : 1;
        cli_out(control ? SLICE_LITERAL(" ") : slice_of(s.p + i, 1));
    }
}

int remote_answer(const struct cli_args *args, struct slice answer, remote_show *show)
{
    bool is_raw = !show || cli_flag(args, "json");
    json_t *root = is_raw ? NULL : json_read(answer, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!root && !is_raw) /* somebody's data may have an integer beyond 64 bits; none of ours are */
        root = json_read(answer, JSON_DECODE_ANY | JSON_OF_DATA, NULL);
    if (!root && !is_raw) /* nor may it reach the terminal as it is */
        return cli_fail(-SP_EUNAVAILABLE, "the server's answer is not JSON; is there a sallyport at this address?");
    if (root) {
        show(root);
    } else {
        print_as_it_is(answer);
        /* A checkpoint ends in a newline, and another would be a part of it. */
        if (answer.len && answer.p[answer.len - 1] != '\n')
            cli_out_text("\n");
    }
    json_decref(root);
    return CLI_DONE;
}

int remote_print(const struct cli_args *args, const char *method, const char *path, remote_show *show)
{
    _cleanup_buffer_ struct buffer answer = BUFFER_MAX(LIMIT_FRAME);
    int status = remote_request(args, method, path, NULL, (struct slice){NULL, 0}, &answer);
    return status ? status : remote_answer(args, buffer_slice(&answer), show);
}
