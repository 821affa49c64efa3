#include "fixture.h"

#include <spawn.h>
#include <sys/wait.h>

#include "base/error.h"
#include "crypto/crypto.h"

extern char **environ;

/* --- the servers ----------------------------------------------------------------------------------------------------------- */

static void servers_start(struct fixture *f)
{
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    char *argv[] = {(char[]){"python3"}, (char[]){SERVER_SCRIPT}, NULL};
    assert_int_equal(posix_spawn(&f->pid, "/usr/bin/python3", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    f->to_server = in[1];
    FILE *ports = fdopen(out[0], "r");
    assert_int_equal(fscanf(ports, "%u %u %u %u %255s", &f->ports[0], &f->ports[1], &f->ports[2], &f->ports[3], f->certificate),
                     5);
    fclose(ports);
}

/* --- the peers ------------------------------------------------------------------------------------------------------------- */

static void answer_one(struct fixture *f, const struct msg_vault_use *m)
{
    struct msg_vault_value value = {.tag = m->tag, .code = f->vault_code};
    if (f->vault_code < 0)
        value.reason = slice_text(f->vault_reason ? f->vault_reason : "not for this origin");
    else if (m->form == CREDENTIAL_FORM_HEADER) {
        value.header = slice_text(f->vault_header ? f->vault_header : "Authorization");
        value.value = SLICE_LITERAL("Bearer " CREDENTIAL);
    } else if (m->form == CREDENTIAL_FORM_USERNAME)
        value.value = SLICE_LITERAL("user");
    else
        value.value = SLICE_LITERAL(CREDENTIAL);
    if (f->vault_code == 0 && f->vault_value.p)
        value.value = f->vault_value;
    egress_value(f->egress, &value);
}

static void vault_answer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct fixture *f = timer->data;
    unsigned n = f->n_pending;
    f->n_pending = 0;
    for (unsigned i = 0; i < n; i++)
        answer_one(f, &f->pending[i].m);
}

static int vault_ask(const struct msg_vault_use *m, void *user)
{
    struct fixture *f = user;
    f->n_asked++;
    snprintf(f->asked, sizeof f->asked, "%.*s %.*s %.*s://%.*s:%u %s %u", SLICE_ARGS(m->name), SLICE_ARGS(m->method), SLICE_ARGS(m->scheme),
             SLICE_ARGS(m->host), m->port, credential_place_text(m->place), m->form);
    assert_true(slice_is(m->ns, "default"));
    f->last_tag = m->tag;
    if (f->ask_code < 0 || f->vault_is_silent)
        return f->ask_code;
    if (f->vault_is_prompt) {
        answer_one(f, m);
        return 0;
    }
    assert_true(f->n_pending < 32);
    f->pending[f->n_pending++].m = *m;
    ev_timer_stop(f->loop, &f->answer);
    ev_timer_set(&f->answer, 0.001, 0);
    ev_timer_start(f->loop, &f->answer);
    return 0;
}

static void engine_answer(const struct msg_egress_result *result, void *user)
{
    struct fixture *f = user;
    buffer_clear(&f->payload);
    wire_encode_egress_result(&f->payload, result); /* that it can be sent is part of every test */
    assert_int_equal(wire_decode_egress_result(buffer_slice(&f->payload), &f->result), 0);
    f->n_results++;
    ev_break(f->loop, EVBREAK_ALL);
}

int fixture_setup(void **state)
{
    static const struct egress_peers peers = {vault_ask, engine_answer};
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(crypto_init(), 0);
    servers_start(f);
    f->payload = BUFFER_MAX(LIMIT_FRAME);
    f->loop = ev_default_loop(EVFLAG_NOENV);
    ev_timer_init(&f->answer, vault_answer, 0, 0);
    f->answer.data = f;
    assert_int_equal(egress_new(f->loop, &peers, f, &f->egress), 0);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    int status;
    egress_free(f->egress);
    buffer_free(&f->payload);
    close(f->to_server);
    waitpid(f->pid, &status, 0);
    free(f);
    return 0;
}

/* --- calls ----------------------------------------------------------------------------------------------------------------- */

char *fixture_expand(const struct fixture *f, const char *text)
{
    static const char *const names[] = {"{home", "{other", "{stranger"};
    struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
    while (text && *text) {
        unsigned i = 0;
        while (i < 3 && strncmp(text, names[i], strlen(names[i])) != 0)
            i++;
        const char *end = i < 3 ? strchr(text, '}') : NULL;
        if (!end) {
            (void)buffer_append_byte(&b, (uint8_t)*text++);
            continue;
        }
        bool authority_only = strstr(text, "-authority}") && strstr(text, "-authority}") < end;
        (void)buffer_printf(&b, "%s127.0.0.1:%u", authority_only ? "" : "http://", f->ports[i]);
        text = end + 1;
    }
    char *copy = slice_dup(buffer_slice(&b));
    buffer_free(&b);
    return copy;
}

static void put_pairs(struct fixture *f, const struct spec *spec, struct buffer *headers, struct buffer *secrets)
{
    for (size_t i = 0; i < 8 && spec->headers[i][0]; i++)
        wire_pairs_put(headers, slice_text(spec->headers[i][0]), slice_text(spec->headers[i][1]));
    struct slice rest = slice_text(spec->secrets ? spec->secrets : "token,other");
    struct slice name;
    for (unsigned i = 0; i < spec->n_secrets; i++)
        wire_pairs_put(secrets, SLICE_LITERAL("s"), SLICE_LITERAL(""));
    while (!spec->n_secrets && slice_split(&rest, ',', &name))
        wire_pairs_put(secrets, name, SLICE_LITERAL(""));
}

void fixture_begin(struct fixture *f, const struct spec *spec, uint64_t tag)
{
    struct buffer headers = BUFFER_MAX(LIMIT_HEADERS), secrets = BUFFER_MAX(LIMIT_HEADERS);
    struct buffer call = BUFFER_MAX(LIMIT_FRAME), payload = BUFFER_MAX(LIMIT_FRAME);
    char *uri = fixture_expand(f, spec->uri);
    char *grants = fixture_expand(f, spec->grants ? spec->grants : "[\"{home}\",\"{other}\"]");
    put_pairs(f, spec, &headers, &secrets);
    wire_encode_effect_call(&call, &(struct msg_effect_call){
                                       .method = slice_text(spec->method ? spec->method : "GET"),
                                       .uri = slice_text(uri),
                                       .headers = spec->raw_headers.p ? spec->raw_headers : buffer_slice(&headers),
                                       .body = slice_text(spec->body),
                                       .follow_redirects = spec->follow,
                                       .timeout_ms = spec->timeout_ms,
                                       .auth = spec->auth,
                                       .auth_use = slice_text(spec->use),
                                       .auth_username = slice_text(spec->username),
                                       .auth_password = slice_text(spec->password),
                                   });
    struct msg_egress_call m = {.tag = tag, .ns = SLICE_LITERAL("default"),
                                .secrets = spec->raw_secrets.p ? spec->raw_secrets : buffer_slice(&secrets),
                                .grants = slice_text(grants), .call = buffer_slice(&call),
                                .idempotency_key = slice_text(spec->idempotency_key)};
    memcpy(m.nonce, NONCE, sizeof m.nonce);
    wire_encode_egress_call(&payload, &m);
    assert_int_equal(buffer_error(&payload), 0);
    assert_int_equal(egress_call(f->egress, buffer_slice(&payload)), 0);
    buffer_free(&headers);
    buffer_free(&secrets);
    buffer_free(&call);
    buffer_free(&payload);
    free(uri);
    free(grants);
}

void fixture_run(struct fixture *f)
{
    unsigned before = f->n_results;
    while (f->n_results == before) {
        bool goes_on = ev_run(f->loop, EVRUN_ONCE);
        assert_true(goes_on || f->n_results > before);
    }
}

const struct msg_egress_result *fixture_call(struct fixture *f, const struct spec *spec)
{
    unsigned before = f->n_results;
    f->n_asked = 0;
    fixture_begin(f, spec, 42);
    if (f->n_results == before)
        fixture_run(f);
    assert_int_equal(f->n_results, before + 1);
    assert_int_equal(f->result.tag, 42);
    assert_int_equal(egress_n_open(f->egress), 0);
    return &f->result;
}

unsigned fixture_count(struct fixture *f, const char *origin)
{
    char uri[64], grants[64];
    snprintf(uri, sizeof uri, "%s/count", origin);
    snprintf(grants, sizeof grants, "[\"%s\"]", origin);
    const struct msg_egress_result *r = fixture_call(f, &(struct spec){.uri = uri, .grants = grants});
    uint64_t n = 0;
    assert_int_equal(r->code, 0);
    assert_int_equal(slice_parse_u64(r->body, &n), 0);
    return (unsigned)n;
}

bool result_has(const struct msg_egress_result *r, const char *text)
{
    return r->body.len && memmem(r->body.p, r->body.len, text, strlen(text));
}

const char *result_text(struct slice s)
{
    static char text[4096];
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(s));
    return text;
}
