/* What upstreams say, byte for byte, and what comes of it: the cases are in answers.txt. The network ends in this process. */
#include <ev.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "egress/egress.h"
#include "stand_in_net.h"
#include "table.h"

static struct ev_loop *loop;
static struct egress *egress;
static unsigned n_answers;
static struct buffer payload = BUFFER_MAX(LIMIT_FRAME); /* of the last result, which borrows from it */
static struct msg_egress_result result;

static int ask(const struct msg_vault_use *question, void *user)
{
    fail_msg("no call here has a credential");
    return 0;
}

static void on_answer(const struct msg_egress_result *m, void *user)
{
    n_answers++;
    buffer_clear(&payload);
    wire_encode_egress_result(&payload, m);
    assert_int_equal(wire_decode_egress_result(buffer_slice(&payload), &result), 0);
}

static void call(const char *method)
{
    _cleanup_buffer_ struct buffer effect = BUFFER_MAX(LIMIT_TEXT), frame = BUFFER_MAX(2 * LIMIT_TEXT);
    wire_encode_effect_call(
        &effect,
        &(struct msg_effect_call){.method = slice_text(method), .uri = SLICE_LITERAL("http://127.0.0.1/a"), .follow_redirects = 1});
    wire_encode_egress_call(&frame, &(struct msg_egress_call){.tag = 1,
                                                              .ns = SLICE_LITERAL("default"),
                                                              .grants = SLICE_LITERAL("[\"http://127.0.0.1\"]"),
                                                              .call = buffer_slice(&effect)});
    n_answers = 0;
    assert_int_equal(egress_call(egress, buffer_slice(&frame)), 0);
    while (!n_answers)
        ev_run(loop, EVRUN_ONCE);
    assert_int_equal(n_answers, 1);
    assert_int_equal(egress_n_open(egress), 0);
}

/* Resolves \r \n \t \0 \e and {N*c}. */
static void expand(const char *text, struct buffer *ret)
{
    static const char names[] = "rnt0e", bytes[] = "\r\n\t\0\x1e";
    unsigned n;
    char c;
    int len = 0;
    for (; *text; text++) {
        const char *name = text[0] == '\\' && text[1] ? strchr(names, text[1]) : NULL;
        if (name) {
            (void)buffer_append_byte(ret, (uint8_t)bytes[name - names]);
            text++;
        } else if (sscanf(text, "{%u*%c}%n", &n, &c, &len) == 2 && len) {
            while (n--)
                (void)buffer_append_byte(ret, (uint8_t)c);
            text += len - 1;
        } else {
            (void)buffer_append_byte(ret, (uint8_t)*text);
        }
    }
    assert_int_equal(buffer_error(ret), 0);
}

static bool last_request_begins(const char *line)
{
    struct slice rest = stand_in_net_requests();
    size_t len = strlen(line);
    const uint8_t *last = NULL;
    for (const uint8_t *at; rest.len && (at = memmem(rest.p, rest.len, "HTTP/1.1\r\n", 10));
         rest = slice_of(at + 10, (size_t)(rest.p + rest.len - at) - 10))
        last = at + 8; /* the end of a request's first line */
    return last && memcmp(last - len, line, len) == 0;
}

static bool is_as_expected(const char *what)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_TEXT);
    struct slice value, name, rest;
    expand(what, &text);
    if (what[0] == '>')
        return last_request_begins(what + 1);
    if (what[0] == '-')
        return !wire_pairs_find(result.headers, what + 1, &value);
    rest = buffer_slice(&text);
    assert_true(slice_split(&rest, ':', &name));
    char *header = slice_dup(name);
    bool is_there = wire_pairs_find(result.headers, header, &value);
    free(header);
    return is_there && slice_equal(value, slice_of(rest.p + 1, rest.len - 1));
}

static void one_case(char *line, unsigned number)
{
    char *column[5], outcome[64];
    unsigned n = table_columns(line, column, 5);
    _cleanup_buffer_ struct buffer answers = BUFFER_MAX(LIMIT_HEADERS);
    assert_true(n >= 4);
    expand(column[2], &answers);
    stand_in_net_answers(buffer_slice(&answers), 80);
    call(column[1]);
    if (result.code < 0)
        snprintf(outcome, sizeof outcome, "%s", error_slug(result.code));
    else
        snprintf(outcome, sizeof outcome, "%u%s%.*s", result.status, result.body.len ? " " : "", SLICE_ARGS(result.body));
    if (strcmp(outcome, column[3]) != 0)
        fail_msg("line %u, %s: %s, not %s: %.*s", number, column[0], outcome, column[3], SLICE_ARGS(result.reason));
    if (n == 5 && !is_as_expected(column[4]))
        fail_msg("line %u, %s: not %s", number, column[0], column[4]);
    if (!result.was_sent)
        fail_msg("line %u, %s: said not to be sent", number, column[0]);
    assert_true(result.code == 0 || (result.reason.len && !result.body.len));
    stand_in_net_clear();
}

static void test_answers(void **state)
{
    assert_true(table_run("../unit/egress/answers.txt", one_case) > 25);
}

static int setup(void **state)
{
    static const struct egress_peers peers = {ask, on_answer};
    loop = ev_loop_new(EVFLAG_NOENV);
    return crypto_init() < 0 ? -1 : egress_new(loop, &peers, NULL, &egress);
}

static int teardown(void **state)
{
    egress_free(egress);
    buffer_free(&payload);
    ev_loop_destroy(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests_name("egress/answers", tests, setup, teardown);
}
