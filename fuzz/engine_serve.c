/* The engine, and whoever took over the gateway, egress, a worker or the checker: frames in any order on all
 * four channels, to the whole engine with its threads, over a database in memory and beside a real vault. It
 * is started once and lives on from input to input as it does from request to request. Must hold: a request
 * has one answer, with a status and, where it says so, JSON; each peer hears only what the tables allow; a
 * peer that breaks a rule loses its channel and the engine goes on with the next; nothing ends the engine.
 *
 * Tags and ids that the engine chose are not the fuzzer's to guess: a first u64 below 8 in a payload means
 * the n-th last one that this peer was told. In a request "r0000000000000" means the run that the worker was
 * told of last. */
int engine_main(int argc, char **argv);
#define main engine_main
#include "engine/main.c"
#undef main

#include <ev.h>
#include <unistd.h>

#include "base/must.h"
#include "engine_around.h"
#include "far_end.h"
#include "stand_in_role.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN       "the-owner-of-the-test"
#define ANY_RUN     "r0000000000000"
#define RECENT      8
#define BEGUN_MAX   64
#define ANSWERS_MAX 64
#define QUIET_US    200 /* what the committer may take between two rounds */
#define QUIET       5

enum player { PLAYER_GATEWAY, PLAYER_EGRESS, PLAYER_WORKER, PLAYER_CHECKER, PLAYERS };

static const enum role players[PLAYERS] = {ROLE_GATEWAY, ROLE_EGRESS, ROLE_WORKER, ROLE_CHECKER};
static struct ev_loop *loop;
static struct far_end ends[PLAYERS];
static uint64_t recent[PLAYERS][RECENT]; /* tags and runs that the engine told it, the last one first */
static uint64_t asked[ANSWERS_MAX];      /* tags of requests that have no answer yet */
static size_t n_asked;
static struct msg_worker_start
    begun[BEGUN_MAX]; /* what the worker was given last; without what they borrow */
static size_t n_begun;

/* --- what the engine says ----------------------------------------------------------------------------- */

static void on_response(struct slice payload)
{
    struct msg_http_response m;
    must(wire_decode_http_response(payload, &m) == 0);
    size_t i = 0;
    while (i < n_asked && asked[i] != m.tag)
        i++;
    must(i < n_asked); /* nobody asked, or it was answered */
    asked[i] = asked[--n_asked];
    around_check_response(&m);
}

static void on_answer(struct far_end *f, uint16_t type, struct slice payload)
{
    size_t player = (size_t)(f - ends);
    if (type == WIRE_HTTP_RESPONSE)
        on_response(payload);
    if (type == WIRE_WORKER_START && n_begun < BEGUN_MAX)
        must(wire_decode_worker_start(payload, &begun[n_begun++]) == 0);
    if (payload.len < sizeof(uint64_t))
        return;
    struct wire_reader r = WIRE_READER(payload);
    uint64_t tag = wire_get_u64(&r);
    if (recent[player][0] == tag)
        return;
    memmove(recent[player] + 1, recent[player], (RECENT - 1) * sizeof tag);
    recent[player][0] = tag;
}

/* --- who plays ---------------------------------------------------------------------------------------- */

static void connect_player(size_t i)
{
    if (players[i] == ROLE_GATEWAY)
        n_asked = 0;
    far_end_close(&ends[i]);
    must(stand_in_role->connect(players[i], 0, far_end_open(&ends[i], players[i], ROLE_ENGINE)) == 0);
}

/* Lets the loop and both threads come to rest, hears everyone, and gives a new channel to who lost his. */
static void settle(void)
{
    for (unsigned i = 0; i < QUIET; i++) {
        ev_run(loop, EVRUN_NOWAIT);
        (void)usleep(i ? QUIET_US : 0);
    }
    for (size_t i = 0; i < PLAYERS; i++) {
        far_end_read(&ends[i], on_answer);
        if (ends[i].fd < 0)
            connect_player(i);
    }
}

static void start(void)
{
    loop = stand_in_role_begin(engine_main);
    must(stand_in_role->configure(SLICE_LITERAL(
             "{\"workers\":1,\"ephemeral\":true,\"owner\":\"" TOKEN "\",\"addressPerSecond\":10000000,"
             "\"addressBurst\":10000000,\"principalPerSecond\":10000000,\"principalBurst\":10000000}")) == 0);
    struct secret *root = secret_new(32);
    must(root);
    around_give_page();
    for (size_t i = 0; i < PLAYERS; i++) {
        ends[i].fd = -1;
        connect_player(i);
    }
    around_connect_vault(loop, root);
    secret_free(root);
    must(stand_in_role->start() == 0);
    for (unsigned i = 0; i < 2000 && !stand_in_role_is_ready; i++)
        settle();
    must(stand_in_role_is_ready);
}

/* --- what they say ------------------------------------------------------------------------------------ */

/* The payload with the tag that is meant. */
static void resolve(size_t player, struct slice payload, struct buffer *ret)
{
    char id[RUN_ID_LEN + 1];
    must(buffer_append_slice(ret, payload) == 0);
    run_id_text((struct run_id){recent[PLAYER_WORKER][0]}, id);
    uint8_t *end = ret->p + ret->len;
    for (uint8_t *at = ret->p; at && (at = memmem(at, (size_t)(end - at), ANY_RUN, RUN_ID_LEN));
         at += RUN_ID_LEN)
        memcpy(at, id, RUN_ID_LEN);
    if (players[player] == ROLE_GATEWAY || payload.len < sizeof(uint64_t))
        return;
    struct wire_reader r = WIRE_READER(payload);
    uint64_t n = wire_get_u64(&r);
    if (n < RECENT)
        memcpy(ret->p, &recent[player][n], sizeof n);
}

static bool is_asked(uint64_t tag)
{
    for (size_t i = 0; i < n_asked; i++)
        if (asked[i] == tag)
            return true;
    return false;
}

/* Requests of the gateway have tags of their own: it makes none that is under way. */
static bool may_ask(uint16_t type, struct slice payload)
{
    struct msg_http_request m;
    if (type != WIRE_HTTP_REQUEST || wire_decode_http_request(payload, &m) < 0)
        return true;
    if (n_asked == ANSWERS_MAX || is_asked(m.tag))
        return false;
    asked[n_asked++] = m.tag;
    return true;
}

/* Runs that an input leaves behind would be the next one's: a new worker, which is given them again, faults
 * them all. */
static void end_runs(void)
{
    n_begun = 0;
    connect_player(PLAYER_WORKER);
    settle();
    for (size_t i = 0; i < n_begun; i++) {
        struct msg_worker_step m = {.run = begun[i].run,
                                    .status = STEP_FAULTED,
                                    .results = begun[i].replayed,
                                    .context = SLICE_LITERAL("null"),
                                    .error = SLICE_LITERAL("{}")};
        FAR_END_SEND(&ends[PLAYER_WORKER], WORKER_STEP, worker_step, &m);
    }
    settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct far_end_frame frame;
    if (!stand_in_role)
        start();
    while (far_end_next(&rest, &frame)) {
        size_t player = frame.who % PLAYERS;
        uint16_t type = far_end_type(&ends[player], frame.type);
        _cleanup_buffer_ struct buffer payload = BUFFER_MAX(LIMIT_FRAME);
        resolve(player, frame.payload, &payload);
        if (!may_ask(type, buffer_slice(&payload)))
            continue;
        far_end_send(&ends[player], type, buffer_slice(&payload));
        settle();
    }
    connect_player(PLAYER_GATEWAY); /* who left open requests behind leaves */
    end_runs();
    return 0;
}
