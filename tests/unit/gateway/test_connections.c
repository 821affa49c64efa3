/* The table of connections: states, tags, the share of each address, and what all together may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "gateway/connections.h"

static struct address address_number(unsigned n)
{
    return (struct address){{[0] = 0x20, [1] = 1, [5] = (uint8_t)(n >> 16), [6] = (uint8_t)(n >> 8), [7] = (uint8_t)n, [15] = 1}};
}

static void test_total(void **state)
{
    (void)state;
    struct connection *open[10];
    struct address a = address_number(1);
    for (size_t i = 0; i < 10; i++) {
        open[i] = connection_open(&a, 10, 0);
        assert_non_null(open[i]);
    }
    assert_null(connection_open(&a, 10, 0));
    assert_int_equal(connections_count(CONNECTION_FREE), 10);
    assert_int_equal(connections_count(CONNECTION_IDLE), 10);
    for (size_t i = 0; i < 10; i++)
        connection_close(open[i]);
    assert_int_equal(connections_count(CONNECTION_FREE), 0);
}

/* Against a plain array of counts: the probing table must agree after any order of comings and goings. */
static void test_shares(void **state)
{
    (void)state;
    enum { ADDRESSES = 700, SHARE = 4, ROUNDS = 200000 };
    static struct connection *open[LIMIT_CONNECTIONS];
    static unsigned owner[LIMIT_CONNECTIONS], counts[ADDRESSES];
    size_t n = 0;
    uint64_t random = 88172645463325252ull;
    for (unsigned i = 0; i < ROUNDS; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        if (n && (random & 1)) {
            size_t victim = (random >> 8) % n;
            connection_close(open[victim]);
            counts[owner[victim]]--;
            open[victim] = open[--n];
            owner[victim] = owner[n];
            continue;
        }
        unsigned who = (unsigned)(random >> 8) % ADDRESSES;
        struct address a = address_number(who);
        struct connection *c = connection_open(&a, LIMIT_CONNECTIONS, SHARE);
        assert_int_equal(c != NULL, counts[who] < SHARE);
        if (!c)
            continue;
        counts[who]++;
        open[n] = c;
        owner[n++] = who;
    }
    while (n)
        connection_close(open[--n]);
}

static void test_one_customer_is_one_address(void **state)
{
    (void)state;
    struct address a = {{[0] = 0x20, [1] = 1, [15] = 1}}, b = {{[0] = 0x20, [1] = 1, [15] = 2}};
    struct connection *c = connection_open(&a, 10, 1);
    assert_non_null(c);
    assert_null(connection_open(&b, 10, 1));
    connection_close(c);
    c = connection_open(&b, 10, 1);
    assert_non_null(c);
    connection_close(c);
}

static void test_tags(void **state)
{
    (void)state;
    struct address a = address_number(1);
    struct connection *c = connection_open(&a, 10, 0);
    assert_non_null(c);
    connection_set_state(c, CONNECTION_RECEIVING);
    uint64_t tag = connection_new_tag(c);
    assert_null(connection_by_tag(tag));
    connection_set_state(c, CONNECTION_PENDING);
    assert_ptr_equal(connection_by_tag(tag), c);
    assert_null(connection_by_tag(tag + ((uint64_t)1 << 32)));
    assert_null(connection_by_tag(UINT64_MAX));
    connection_set_state(c, CONNECTION_ANSWERING);
    assert_null(connection_by_tag(tag));
    connection_close(c);
    /* The next one in the same place does not get the answer of the one before. */
    struct connection *others[LIMIT_CONNECTIONS];
    for (size_t i = 0; i < LIMIT_CONNECTIONS; i++) {
        others[i] = connection_open(&a, LIMIT_CONNECTIONS, 0);
        assert_non_null(others[i]);
        connection_set_state(others[i], CONNECTION_RECEIVING);
        (void)connection_new_tag(others[i]);
        connection_set_state(others[i], CONNECTION_PENDING);
    }
    assert_null(connection_by_tag(tag));
    for (size_t i = 0; i < LIMIT_CONNECTIONS; i++)
        connection_close(others[i]);
}

static void test_bodies(void **state)
{
    (void)state;
    static uint8_t bytes[LIMIT_BODY];
    struct address a = address_number(1);
    struct connection *open[LIMIT_BODIES_LARGE / LIMIT_BODY + 1];
    size_t n = sizeof open / sizeof open[0];
    for (size_t i = 0; i < n; i++) {
        open[i] = connection_open(&a, 100, 0);
        assert_non_null(open[i]);
        int r = connection_append_body(open[i], bytes, sizeof bytes, LIMIT_BODY);
        assert_int_equal(r, i + 1 < n ? 0 : -SP_EOVERLOAD);
    }
    assert_int_equal(connection_append_body(open[0], bytes, 1, LIMIT_BODY), -SP_ELIMIT);
    assert_false(connections_have_room(LIMIT_BODY_SMALL + 1));
    /* What large bodies leave is for small ones. */
    assert_true(connections_have_room(LIMIT_BODY_SMALL));
    struct connection *small = connection_open(&a, 100, 0);
    assert_int_equal(connection_append_body(small, bytes, LIMIT_BODY_SMALL, LIMIT_BODY), 0);
    assert_int_equal(connection_append_body(small, bytes, 1, LIMIT_BODY), -SP_EOVERLOAD);
    connection_close(small);
    connection_drop_body(open[0]);
    assert_int_equal(connection_append_body(open[n - 1], bytes, sizeof bytes, LIMIT_BODY), 0);
    assert_int_equal(connection_append_body(open[0], bytes, LIMIT_BODY_SMALL + 1, LIMIT_BODY), -SP_EOVERLOAD);
    for (size_t i = 0; i < n; i++)
        connection_close(open[i]);
    open[0] = connection_open(&a, 100, 0);
    assert_int_equal(connection_append_body(open[0], bytes, sizeof bytes, LIMIT_BODY), 0);
    connection_close(open[0]);
}

/* Four connections of one address, and who has to go for a newcomer. */
static void test_who_gives_way(void **state)
{
    (void)state;
    struct address many = address_number(1), one = address_number(2), proxy = address_number(3), newcomer = address_number(4);
    struct connection *open[4], *single = connection_open(&one, 100, 10), *proxied = connection_open(&proxy, 100, 0);
    for (size_t i = 0; i < 4; i++)
        open[i] = connection_open(&many, 100, 10);
    /* The oldest that can, were it the newcomer's own; never a proxy's, and nobody for an address that has as many. */
    assert_ptr_equal(connection_to_give_way(&newcomer), single);
    assert_ptr_equal(connection_to_give_way(&one), open[0]);
    assert_null(connection_to_give_way(&many));
    connection_close(single);
    connection_close(proxied);
    /* Who is cut already is not asked twice. */
    open[0]->is_cut = true;
    assert_ptr_equal(connection_to_give_way(&newcomer), open[1]);
    /* A request gives way only after its first second, one that is whole never. */
    for (size_t i = 1; i < 4; i++)
        connection_set_state(open[i], CONNECTION_RECEIVING);
    connection_set_state(open[1], CONNECTION_PENDING);
    assert_null(connection_to_give_way(&newcomer));
    open[1]->since_ms -= 2000;
    open[2]->since_ms -= 2000;
    assert_ptr_equal(connection_to_give_way(&newcomer), open[2]);
    for (size_t i = 0; i < 4; i++)
        connection_close(open[i]);
    struct connection *again = connection_open(&one, 100, 10);
    assert_false(again->is_cut);
    connection_close(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total), cmocka_unit_test(test_shares), cmocka_unit_test(test_one_customer_is_one_address),
        cmocka_unit_test(test_tags),  cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_who_gives_way),
    };
    if (connections_init(LIMIT_CONNECTIONS) < 0)
        return 1;
    return cmocka_run_group_tests_name("gateway/connections", tests, NULL, NULL);
}
