/* sessions: who was seen from where, lately. A bounded table; the one that was seen longest ago makes room. Called by routes.c
 * for each authenticated request. */
#include "engine/sessions.h"

#include "engine/commit.h"

#define IDLE_MS (3600ll * 1000)

struct session {
    char name[LIMIT_NAME];
    uint8_t peer[16];
    int64_t seen_ms; /* 0: free */
};

static struct session sessions[LIMIT_SESSIONS];

/* The session, or the place for a new one. */
static struct session *find(const struct request *r)
{
    struct session *oldest = sessions;
    for (struct session *s = sessions; s < sessions + LIMIT_SESSIONS; s++) {
        if (s->seen_ms && memcmp(s->peer, r->peer, sizeof s->peer) == 0 && strcmp(s->name, r->who.name) == 0)
            return s;
        if (s->seen_ms < oldest->seen_ms)
            oldest = s;
    }
    oldest->seen_ms = 0;
    return oldest;
}

static bool write_leaf(const struct request *r)
{
    struct commit *c = commit_new(NULL, NULL);
    char address[64];
    if (!c)
        return false;
    request_peer_text(r->peer, address);
    struct audit_event e = {.action = AUDIT_LOGIN_OK, .time_ms = r->at_ms, .actor_kind = SLICE_LITERAL("principal"),
                            .actor = slice_text(r->who.name), .auth = SLICE_LITERAL("token"), .address = slice_text(address)};
    commit_leaf(c, &e);
    commit_submit(c);
    return true;
}

void session_note(const struct request *r)
{
    struct session *s = find(r);
    /* A leaf that cannot be queued now is written with the next request. */
    if ((!s->seen_ms || r->at_ms - s->seen_ms > IDLE_MS) && !write_leaf(r))
        return;
    memcpy(s->name, r->who.name, sizeof s->name);
    memcpy(s->peer, r->peer, sizeof s->peer);
    s->seen_ms = r->at_ms;
}
