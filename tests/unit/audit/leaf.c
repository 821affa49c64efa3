/* Leaves: one form for each event, and a decoder that takes no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/jcs.h"
#include "audit/leaf.h"
#include "audit/leaf_fields.h"
#include "base/error.h"
#include "base/limits.h"

#define EVENT_MIN .action = AUDIT_LOGIN_OK, .time_ms = 5

static void keys_ascend(void **state)
{
    for (size_t i = 1; i < leaf_fields_n; i++)
        if (strcmp(leaf_fields[i - 1].key, leaf_fields[i].key) >= 0)
            fail_msg("%s stands before %s", leaf_fields[i - 1].key, leaf_fields[i].key);
}

static void assert_leaf(const struct audit_event *e, const char *want)
{
    _cleanup_buffer_ struct buffer got = BUFFER_MAX(LIMIT_LEAF);
    assert_int_equal(audit_leaf_encode(e, &got), 0);
    assert_string_equal(buffer_text(&got), want);
}

static void encodes(void **state)
{
    uint8_t digest[32];
    memset(digest, 0xAB, sizeof digest);
    assert_leaf(&(struct audit_event){EVENT_MIN}, "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5}");
    assert_leaf(&(struct audit_event){.action = AUDIT_EFFECT_INTENDED,
                                      .time_ms = 1764000000000,
                                      .run = {12345},
                                      .credentials = slice_text("a,,b"),
                                      .request = slice_of(digest, 32),
                                      .method = slice_text("POST"),
                                      .status = 1ull << 60},
                "{\"action\":\"effect.intended\",\"creds\":[\"a\",\"b\"],\"effect\":0,\"method\":\"POST\",\"outcome\":\"ok\","
                "\"req\":\"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\",\"run\":\"r0000000000c1s\","
                "\"status\":9007199254740991,\"time\":1764000000000}");
    assert_leaf(&(struct audit_event){EVENT_MIN, .detail = slice_text("a\"\\\n\x01 \xC3\xBC")},
                "{\"action\":\"login.ok\",\"detail\":\"a\\\"\\\\\\n\\u0001 \xC3\xBC\",\"outcome\":\"ok\",\"time\":5}");
}

/* What an encoder writes is canonical in the eyes of a stranger, and comes back. */
static void assert_round_trip(const struct audit_event *e)
{
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF), jcs = BUFFER_MAX(LIMIT_LEAF), again = BUFFER_MAX(LIMIT_LEAF),
                                   memory = BUFFER_MAX(4 * LIMIT_LEAF);
    struct audit_event back;
    assert_int_equal(audit_leaf_encode(e, &leaf), 0);
    assert_int_equal(jcs_canonicalise(buffer_slice(&leaf), &jcs), 0);
    assert_string_equal(buffer_text(&leaf), buffer_text(&jcs));
    assert_int_equal(audit_leaf_decode(buffer_slice(&leaf), &back, &memory), 0);
    assert_int_equal(audit_leaf_encode(&back, &again), 0);
    assert_string_equal(buffer_text(&leaf), buffer_text(&again));
}

static void round_trips(void **state)
{
    char text[1200];
    for (size_t n = 0; n < sizeof text; n++)
        text[n] = (char)(n * 7);
    for (size_t len = 0; len < sizeof text; len += 13) {
        struct audit_event e = {EVENT_MIN, .actor = slice_of(text, len), .credentials = slice_of(text + len / 2, len / 2),
                                .run = {len}, .bytes_in = len, .path = slice_of(text + 1, len ? len - 1 : 0)};
        assert_round_trip(&e);
    }
    static const char *const texts[] = {"\xFF", "\xE2\x80", "a,b", ",", ",,,", "\xF0\x9F\x98\x80", "\x7F", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_round_trip(&(struct audit_event){EVENT_MIN, .actor = slice_text(texts[i]), .credentials = slice_text(texts[i])});
}

static void long_text_is_cut_at_a_character(void **state)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(4096), leaf = BUFFER_MAX(LIMIT_LEAF), memory = BUFFER_MAX(4 * LIMIT_LEAF);
    struct audit_event back;
    for (int i = 0; i < 200; i++)
        assert_int_equal(buffer_append_text(&text, "\xC3\xBC"), 0);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .path = buffer_slice(&text)}, &leaf), 0);
    assert_int_equal(audit_leaf_decode(buffer_slice(&leaf), &back, &memory), 0);
    assert_int_equal(back.path.len, 252 + 3);
    assert_memory_equal(back.path.p + 250, "\xC3\xBC\xE2\x80\xA6", 5);
}

static void encoder_refuses(void **state)
{
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){.time_ms = 1}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .digest = slice_text("short")}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .definition = slice_text("short")}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .request = slice_text("short")}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .response = slice_text("short")}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){.action = AUDIT_ACTION_COUNT}, &leaf), -SP_EINVALID);
    assert_int_equal(audit_leaf_encode(&(struct audit_event){EVENT_MIN, .outcome = AUDIT_OUTCOME_COUNT}, &leaf), -SP_EINVALID);
    assert_int_equal(leaf.len, 0);
}

static void decoder_refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        "[]",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\"}",
        "{\"action\":\"login.ok\",\"time\":5}",
        "{\"action\":\"no.such\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"maybe\",\"time\":5}",
        " {\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5}\n",
        "{\"action\": \"login.ok\",\"outcome\":\"ok\",\"time\":5}",
        "{\"outcome\":\"ok\",\"action\":\"login.ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"other\":\"x\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":05}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":-5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5.0}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":9007199254740992}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"status\":0,\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u0041\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u000a\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u001F\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\/\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\n\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\xFF\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":[],\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":[\"a,b\"],\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"effect\":1,\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"effect.intended\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"run\":\"r0000000000000\",\"time\":5}",
        "{\"action\":\"login.ok\",\"digest\":\"q6s=\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":x}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":/}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":111111111111111111111}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5,}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"tim",
        "{\"action\":\"login.ok\",\"outcome\":5,\"time\":5}",
        "{\"action\":5,\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"x",
        "{\"action\":\"login.ok\",\"actor\":\"x\\",
        "{\"action\":\"login.ok\",\"actor\":\"x\\u00",
        "{\"action\":\"login.ok\",\"actor\":\"x\\n",
        "{\"action\":\"login.ok\",\"actor\":\"\\n\n\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u1000\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u0100\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u0020\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u000g\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u00g0\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u0008\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u0009\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u000c\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"actor\":\"\\u000d\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":5,\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":[\"a\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":[\"a\"\"b\"],\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"creds\":[5],\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"effect.intended\",\"effect\":4294967296,\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"run\":\"r\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"run\":5,\"time\":5}",
        "{\"action\":\"login.ok\",\"digest\":\"?\",\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"digest\":5,\"outcome\":\"ok\",\"time\":5}",
        "{\"action\":\"login.ok\",\"outcome\":\"ok\",\"req\":\"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\",\"time\":5}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer memory = BUFFER_MAX(4 * LIMIT_LEAF);
        struct audit_event e;
        int r = audit_leaf_decode(slice_text(cases[i]), &e, &memory);
        if (r != -SP_ESYNTAX && r != -SP_EINVALID)
            fail_msg("%d for %s", r, cases[i]);
    }
}

/* The effect's number stands in the leaves of effects, 0 included, and in no other. */
static void effects_are_numbered(void **state)
{
    for (unsigned a = AUDIT_ACTION_NONE + 1; a < AUDIT_ACTION_COUNT; a++) {
        _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF);
        assert_int_equal(audit_leaf_encode(&(struct audit_event){.action = (enum audit_action)a}, &leaf), 0);
        bool is_numbered = strstr(buffer_text(&leaf), "\"effect\":0") != NULL;
        assert_int_equal(is_numbered, slice_starts(slice_text(audit_action_slug((enum audit_action)a)), "effect."));
        assert_int_equal(audit_action_parse(slice_text(audit_action_slug((enum audit_action)a))), a);
    }
    assert_string_equal(audit_action_slug(AUDIT_ACTION_COUNT), "?");
    assert_string_equal(audit_outcome_slug(AUDIT_OUTCOME_COUNT), "?");
    assert_int_equal(audit_action_parse(SLICE_LITERAL("?")), AUDIT_ACTION_NONE);
}

/* What is longer than a leaf may be, or in one of its parts, and would be well made otherwise. */
static void long_leaves_are_refused(void **state)
{
    static const struct {
        const char *before, *part, *after;
        unsigned most; /* so many parts are good */
    } cases[] = {{"{\"action\":\"login.ok\",\"actor\":\"", "a", "\",\"outcome\":\"ok\",\"time\":5}", AUDIT_TEXT_MAX},
                 {"{\"action\":\"login.ok\",\"creds\":[\"a\"", ",\"a\"", "],\"outcome\":\"ok\",\"time\":5}", LIMIT_SECRETS - 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned more = 0; more < 2; more++) {
            _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF), memory = BUFFER_MAX(4 * LIMIT_LEAF);
            struct audit_event e;
            (void)buffer_append_text(&leaf, cases[i].before);
            for (unsigned n = 0; n < cases[i].most + more; n++)
                (void)buffer_append_text(&leaf, cases[i].part);
            assert_int_equal(buffer_append_text(&leaf, cases[i].after), 0);
            assert_int_equal(audit_leaf_decode(buffer_slice(&leaf), &e, &memory), more ? -SP_EINVALID : 0);
        }
    _cleanup_buffer_ struct buffer memory = BUFFER_MAX(4 * LIMIT_LEAF), large = BUFFER_MAX(2 * LIMIT_LEAF);
    struct audit_event e;
    while (large.len <= LIMIT_LEAF)
        assert_int_equal(buffer_append_byte(&large, '{'), 0);
    assert_int_equal(audit_leaf_decode(buffer_slice(&large), &e, &memory), -SP_ESYNTAX);
    assert_int_equal(memory.capacity, 0); /* nothing was taken for it */
}

static void a_copy_is_whole(void **state)
{
    char text[] = "orders";
    struct arena memory = {};
    bool ok = true;
    struct audit_event e = {EVENT_MIN, .actor = slice_text(text), .credentials = slice_text(text), .run = {7}, .bytes_in = 3};
    struct audit_event copy = audit_event_copy(&e, &memory, &ok);
    assert_true(ok);
    memset(text, 'x', sizeof text - 1);
    assert_leaf(&copy, "{\"action\":\"login.ok\",\"actor\":\"orders\",\"creds\":[\"orders\"],\"in\":3,\"outcome\":\"ok\","
                       "\"run\":\"r0000000000007\",\"time\":5}");
    arena_free(&memory);
}

/* What a run costs (W1: two leaves). */
static void leaves_are_small(void **state)
{
    uint8_t digest[32] = {1};
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF);
    struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = 1764000000000, .run = {1ull << 61},
                            .actor = slice_text("orders"), .actor_kind = slice_text("webhook"), .auth = slice_text("github"),
                            .address = slice_text("203.0.113.200"), .ns = slice_text("default"), .workflow = slice_text("orders"),
                            .version = slice_text("1.0.0"), .definition = slice_of(digest, 32)};
    assert_int_equal(audit_leaf_encode(&e, &leaf), 0);
    assert_in_range(leaf.len, 200, 350);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_ascend),      cmocka_unit_test(encodes),
        cmocka_unit_test(round_trips),      cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(encoder_refuses),  cmocka_unit_test(decoder_refuses),
        cmocka_unit_test(leaves_are_small), cmocka_unit_test(effects_are_numbered),
        cmocka_unit_test(long_leaves_are_refused), cmocka_unit_test(a_copy_is_whole),
    };
    return cmocka_run_group_tests_name("unit/audit/leaf", tests, NULL, NULL);
}
