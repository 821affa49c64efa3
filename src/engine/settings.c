/* settings: compares the settings in force with those that the database kept, and writes what changed into the log. Called by
 * main.c at the start and at each reload. */
#include "engine/settings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "engine/commit.h"

#define META_KEY "settings"

static json_t *recorded, *current; /* objects; NULL: none yet */
static json_t *written;            /* what the commit that is under way makes the recorded ones */

static int on_recorded(void *user, struct slice value)
{
    (void)user;
    json_decref(recorded);
    recorded = json_read(value, 0, NULL);
    return json_is_object(recorded) ? 0 : -SP_EFORMAT;
}

int settings_load(struct store_reader *reader)
{
    int r = store_meta(reader, META_KEY, on_recorded, NULL);
    return r == -SP_ENOTFOUND ? 0 : r;
}

int settings_take(const json_t *settings)
{
    if (!json_is_object(settings))
        return 0;
    json_t *copy = json_deep_copy(settings);
    if (!copy)
        return -ENOMEM;
    json_decref(current);
    current = copy;
    return 0;
}

/* A text as it is, anything else as JSON; owned. */
static char *value_text(const json_t *value)
{
    if (!value)
        return strdup("default");
    return json_is_string(value) ? strdup(json_string_value(value))
                                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
}

/* `value` NULL: no longer set, so that the default holds. The digest is of the whole value, which `detail` may have to cut. */
static bool add_leaf(struct commit *c, const char *name, const json_t *value)
{
    char *text = value_text(value);
    if (!text)
        return false;
    uint8_t digest[CRYPTO_HASH_LEN];
    struct audit_event e = {.action = AUDIT_CONFIG_CHANGED, .time_ms = clock_wall_ms(), .actor_kind = SLICE_LITERAL("server"),
                            .object = slice_text(name), .detail = slice_text(text)};
    crypto_sha256(e.detail, digest);
    e.digest = slice_of(digest, sizeof digest);
    commit_leaf(c, &e);
    log_event(LOG_LEVEL_INFO, "engine.setting-changed", "setting", name, "value", text, NULL);
    free(text);
    return true;
}

static bool add_changes(struct commit *c)
{
    const char *name;
    json_t *value;
    bool ok = true;
    json_object_foreach(current, name, value) {
        if (ok && !json_equal(value, json_object_get(recorded, name)))
            ok = add_leaf(c, name, value);
    }
    json_object_foreach(recorded, name, value) {
        if (ok && !json_object_get(current, name))
            ok = add_leaf(c, name, NULL);
    }
    return ok;
}

static void on_recorded_now(int code, uint32_t id, void *user)
{
    (void)id;
    (void)user;
    if (code < 0) {
        json_decref(written);
    } else {
        json_decref(recorded);
        recorded = written;
    }
    written = NULL;
    if (code == 0)
        settings_record(); /* a reload may have come meanwhile */
}

void settings_record(void)
{
    if (!current || written || json_equal(current, recorded))
        return;
    char *text = json_dumps(current, JSON_COMPACT | JSON_SORT_KEYS);
    struct commit *c = text ? commit_new(on_recorded_now, NULL) : NULL;
    if (c && add_changes(c)) {
        written = json_incref(current);
        commit_meta(c, META_KEY, slice_text(text));
        commit_submit(c);
    } else if (c) {
        commit_drop(c); /* without memory for all of it: the next reload or start writes it */
    }
    free(text);
}
