/* Classes of addresses, from the table of the ssrf family. */
#include "table.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/error.h"
#include "policy/address.h"
#include "policy/grant.h"

static const struct {
    const char *name;
    enum policy_address_class class;
} classes[] = {
#define A(NAME, text, may_be_granted) {#NAME, NAME},
    POLICY_ADDRESS_CLASSES(A)
#undef A
};

static struct sockaddr_storage parse(const char *text)
{
    struct sockaddr_storage s = {0};
    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&s)->sin_addr) == 1)
        s.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr) == 1)
        s.ss_family = AF_INET6;
    else
        fail_msg("not an address: %s", text);
    return s;
}

/* Grants that name the address, if an origin can, and `localhost`. */
static bool is_allowed_when_granted(const char *host, const struct sockaddr *address)
{
    char json[256];
    struct policy_origin origin;
    struct policy_grants *grants = NULL;
    snprintf(json, sizeof json, "[\"http://%s:8080\",\"http://name.example:8080\"]", host);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("http://name.example:8080"), &origin, NULL), 0);
    if (policy_grants_parse(slice_text(json), &grants, NULL) < 0)
        return false; /* not even to be written */
    bool allowed = policy_grants_allow_address(grants, &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/"), address);
    policy_grants_free(grants);
    return allowed;
}

static void address_case(char *line, unsigned number)
{
    char text[64], class[64], reach[16], host[POLICY_ADDRESS_TEXT];
    assert_int_equal(sscanf(line, "%63s %63s %15s", text, class, reach), 3);
    struct sockaddr_storage address = parse(text);
    enum policy_address_class got = policy_address_class((struct sockaddr *)&address);
    if (strcmp(classes[got].name, class) != 0)
        fail_msg("line %u: %s is %s, not %s", number, text, classes[got].name, class);
    policy_address_host((struct sockaddr *)&address, host);
    bool free_of_grant = is_allowed_when_granted("203.0.113.9", (struct sockaddr *)&address);
    bool granted = is_allowed_when_granted(host, (struct sockaddr *)&address);
    if (free_of_grant != (strcmp(reach, "free") == 0) || granted != (strcmp(reach, "never") != 0))
        fail_msg("line %u: %s: reached without grant %d, with grant %d", number, text, free_of_grant, granted);
}

static void test_table(void **state)
{
    assert_true(table_run("ssrf_addresses.txt", address_case) > 90);
}

static void test_other_families_are_reserved(void **state)
{
    struct sockaddr_storage s = {.ss_family = AF_UNIX};
    assert_int_equal(policy_address_class((struct sockaddr *)&s), ADDRESS_RESERVED);
}

static void test_a_grant_of_an_address_is_for_its_origin_and_path(void **state)
{
    struct policy_grants *grants = NULL;
    struct policy_origin origin, other_port, other_scheme;
    struct sockaddr_storage address = parse("127.0.0.1");
    assert_int_equal(policy_grants_parse(SLICE_LITERAL("[{\"origin\":\"http://localhost:8080\",\"paths\":[\"/a\"]}]"), &grants, NULL), 0);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("http://x.example:8080"), &origin, NULL), 0);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("http://x.example:8081"), &other_port, NULL), 0);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("https://x.example:8080"), &other_scheme, NULL), 0);
    const struct sockaddr *sa = (struct sockaddr *)&address;
    assert_true(policy_grants_allow_address(grants, &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/a/b"), sa));
    assert_false(policy_grants_allow_address(grants, &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/b"), sa));
    assert_false(policy_grants_allow_address(grants, &other_port, SLICE_LITERAL("GET"), SLICE_LITERAL("/a"), sa));
    assert_false(policy_grants_allow_address(grants, &other_scheme, SLICE_LITERAL("GET"), SLICE_LITERAL("/a"), sa));
    struct sockaddr_storage private = parse("10.0.0.1"); /* localhost names loopback alone */
    assert_false(policy_grants_allow_address(grants, &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/a"), (struct sockaddr *)&private));
    policy_grants_free(grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_other_families_are_reserved),
        cmocka_unit_test(test_a_grant_of_an_address_is_for_its_origin_and_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
