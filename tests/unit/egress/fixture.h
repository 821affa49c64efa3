/* What the egress tests share: the servers, a vault that answers as a test wants, and one call at a time. */
#ifndef TESTS_EGRESS_FIXTURE_H
#define TESTS_EGRESS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <ev.h>

#include "egress/egress.h"

#define NONCE         "0123456789abcdef"
#define HANDLE_BASE32 "gaytemzugu3doobzmfrggzdfmy"
#define HANDLE(slot)  "sph1." HANDLE_BASE32 "." #slot ".e"
#define CREDENTIAL    "s3cr3t/t0ken+with \"odd\" bytes"

struct fixture {
    struct ev_loop *loop;
    struct egress *egress;
    int to_server;        /* closing it ends the servers */
    unsigned ports[4];    /* home, other, stranger, and one with TLS */
    char certificate[256]; /* the file of the last; "-" if there is none */
    pid_t pid;

    int vault_code;       /* what the vault answers */
    const char *vault_reason, *vault_header; /* NULL: its usual ones */
    struct slice vault_value;                /* p NULL: its usual ones */
    bool vault_is_silent, vault_is_prompt;   /* prompt: it answers before it has been asked, as it were */
    int ask_code;         /* why it cannot be asked */
    uint64_t last_tag;    /* of the last question */
    unsigned n_asked;
    char asked[512];      /* the last question: "name method scheme://host:port place form" */
    struct { struct msg_vault_use m; char name[64]; } pending[32];
    unsigned n_pending;
    ev_timer answer;

    struct buffer payload; /* of the last result, which borrows from it */
    struct msg_egress_result result;
    unsigned n_results;
};

/* One call; what is NULL or 0 is left out. */
struct spec {
    const char *method, *uri, *grants, *secrets, *body, *idempotency_key;
    const char *headers[8][2];
    bool follow;
    uint32_t timeout_ms;
    enum auth_scheme auth;
    const char *use, *username, *password;
    struct slice raw_headers, raw_secrets; /* instead of `headers` and `secrets`, pairs or not */
    unsigned n_secrets;                    /* instead of `secrets`: so many */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_begin(struct fixture *f, const struct spec *spec, uint64_t tag);
void fixture_run(struct fixture *f); /* until the next result */

/* Calls and waits. In URI, grants, bodies and headers, {home}, {other} and {stranger} become origins; NULL grants are home
 * and other. */
const struct msg_egress_result *fixture_call(struct fixture *f, const struct spec *spec);

char *fixture_expand(const struct fixture *f, const char *text); /* for free() */
unsigned fixture_count(struct fixture *f, const char *origin);   /* requests that reached it so far */
bool result_has(const struct msg_egress_result *r, const char *text); /* in its body */
const char *result_text(struct slice s); /* for one use at a time */

#endif
