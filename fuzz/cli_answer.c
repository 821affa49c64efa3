/* What a server answers to the command, which may be a liar: byte 0 chooses the subcommand, byte 1 the
 * status; then the bodies of its answers, one request after the other, up to and from a 0x1e. Must hold: an
 * exit code of the manual; no byte on the terminal that steers it, unless the command hands data on as it is;
 * the token goes nowhere but to the server, and is not printed. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "stand_in_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID    "r0000000000000"
#define TOKEN "a-token-that-is-not-shown"

static const struct {
    const struct cli_command *command;
    const char *operands; /* NULL or up to two */
    bool is_raw; /* prints the answer's bytes as they are */
} asks[] = {
    {&cli_runs_list, NULL, false},
    {&cli_runs_show, ID, false},
    {&cli_runs_trace, ID, false},
    {&cli_runs_cancel, ID, false},
    {&cli_runs_replay, ID, false},
    {&cli_runs_start, "default/a", false},
    {&cli_workflows_list, NULL, false},
    {&cli_workflows_show, "default/a", false},
    {&cli_workflows_disable, "default/a", false},
    {&cli_workflows_enable, "default/a", false},
    {&cli_workflows_deploy, NULL, false},
    {&cli_secrets_list, NULL, false},
    {&cli_secrets_revoke, "default/a", false},
    {&cli_audit_tail, NULL, false},
    {&cli_audit_key, NULL, false},
    {&cli_audit_checkpoint, NULL, true},
    {&cli_audit_proof, ID, true},
    {&cli_runs_data, ID " output", true},
};
#define ASKS (sizeof asks / sizeof asks[0])

static char token_path[32], text_path[32];

/* A file of this process, as a path. */
static void file_of(const char *text, char path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static void start(void)
{
    file_of(TOKEN, token_path);
    file_of("do: []", text_path);
    must(setenv("SALLYPORT_URL", "http://127.0.0.1:8700", 1) == 0);
}

/* --- what it prints ----------------------------------------------------------------------------------- */

struct printed {
    FILE *real, *now;
    char *text;
    size_t len;
};

static void print_begin(struct printed *p, FILE **stream)
{
    p->real = *stream;
    p->now = *stream = open_memstream(&p->text, &p->len);
    must(p->now);
}

static void print_end(struct printed *p, FILE **stream)
{
    must(fclose(p->now) == 0);
    *stream = p->real;
}

static bool holds_token(const char *text, size_t len)
{
    return len && memmem(text, len, TOKEN, strlen(TOKEN));
}

static void look_at(const struct printed *p, bool may_hold_token)
{
    const uint8_t *text = (const uint8_t *)p->text;
    for (size_t i = 0; i < p->len; i++) {
        must(text[i] == '\n' || (text[i] >= 0x20 && text[i] != 0x7F));
        must(text[i] != 0xC2 || i + 1 == p->len || text[i + 1] < 0x80 || text[i + 1] > 0x9F);
    }
    must(may_hold_token || !holds_token(p->text, p->len));
}

/* --- the command -------------------------------------------------------------------------------------- */

/* The bodies with heads before them. */
static void make_answers(uint8_t status, struct slice bodies, struct buffer *ret)
{
    static const char *const lines[] = {"200 OK", "201 Created", "404 Not Found", "503 Unavailable",
                                        "302 Found\r\nLocation: http://127.0.0.1:1/"};
    struct slice body;
    while (slice_split(&bodies, STAND_IN_NET_SEPARATOR, &body)) {
        (void)buffer_printf(ret, "HTTP/1.1 %s\r\n\r\n", lines[status % (sizeof lines / sizeof lines[0])]);
        (void)buffer_append_slice(ret, body);
        (void)buffer_append_byte(ret, STAND_IN_NET_SEPARATOR);
    }
    must(buffer_error(ret) == 0);
}

static int run(const struct cli_command *command, const char *operands)
{
    static struct cli_args args;
    char text[64], *argv[4] = {(char[]){"--token-file"}, token_path}, *rest = NULL;
    int n = 2;
    must(snprintf(text, sizeof text, "%s", operands ? operands : "") < (int)sizeof text);
    for (char *word = strtok_r(text, " ", &rest); word && n < 4; word = strtok_r(NULL, " ", &rest))
        argv[n++] = word;
    must(cli_parse(command, n, argv, &args) == 0);
    return command->run(&args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1u << 16)
        return 0;
    if (!*token_path)
        start();
    typeof(&asks[0]) ask = &asks[data[0] % ASKS];
    _cleanup_buffer_ struct buffer answers = BUFFER_MAX(1u << 20);
    make_answers(data[1], slice_of(data + 2, size - 2), &answers);
    stand_in_net_answers(buffer_slice(&answers), 8700);
    struct printed out, err;
    print_begin(&out, &stdout);
    print_begin(&err, &stderr);
    int status = run(ask->command, ask->command == &cli_workflows_deploy ? text_path : ask->operands);
    print_end(&out, &stdout);
    print_end(&err, &stderr);
    must(status >= CLI_DONE && status <= CLI_UNAVAILABLE);
    bool is_told = holds_token((const char *)data, size); /* the server may say what it was told */
    if (!ask->is_raw)
        look_at(&out, is_told);
    look_at(&err, is_told);
    free(out.text);
    free(err.text);
    stand_in_net_clear();
    return 0;
}
