/* JSONTestSuite against every reader of JSON that can be called here; test_json_paths.py sends the same files
 * through a whole server. Every n_ file is refused by each reader. Every y_ file is accepted by those that
 * take any value; those that want one shape may not want it, but must not call it malformed. i_ files may go
 * either way, and must not end the process. What a reader may call malformed all the same, on purpose, is in
 * its `refuses`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/jcs.h"
#include "audit/verify.h"
#include "base/error.h"
#include "egress/config.h"
#include "flow/document.h"
#include "gateway/config.h"
#include "policy/grant.h"
#include "suite.h"
#include "vault/policy.h"
#include "vault/value.h"

enum {
    DUPLICATES = 1, /* RFC 8259 only says that names should be unique; we refuse what two readers could take
                       differently */
    SCALARS = 2,    /* the reader wants an array or object, and looks no further */
    ARRAYS = 4,     /* it wants an object */
    NULS = 8,       /* its texts are C strings later on */
};

/* Each gives 0; -SP_ESYNTAX for what is no JSON; another code for JSON that it does not want. */
typedef int json_reader(struct slice text);

static int read_value(struct slice text)
{
    jv value;
    struct diag diag;
    int r = flow_json_parse(text, &value, &diag);
    if (r < 0)
        return r;
    jv other = jv_parse_sized((const char *)text.p, (int)text.len);
    /* What both accept is the same; libjq alone is not strict. */
    bool is_same = !jv_is_valid(other) || jv_equal(jv_copy(other), jv_copy(value));
    jv_free(other);
    jv_free(value);
    assert_true(is_same);
    return 0;
}

static int read_canonical(struct slice text)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(LIMIT_FRAME);
    return jcs_canonicalise(text, &out);
}

static int read_proof(struct slice text)
{
    struct diag diag;
    static const struct audit_key key;
    /* A proof file has one code for all that is no proof. */
    return audit_proof_verify(text, &key, NULL, NULL, &diag) == -SP_ESYNTAX && strstr(diag.text, "no JSON")
               ? -SP_ESYNTAX
               : 0;
}

static int read_grants(struct slice text)
{
    struct policy_grants *grants = NULL;
    int r = policy_grants_parse(text, &grants, NULL);
    policy_grants_free(grants);
    return r;
}

static int read_policy(struct slice text)
{
    struct credential_policy policy = {0};
    int r = credential_policy_parse(text, CREDENTIAL_BEARER, &policy, NULL);
    credential_policy_clear(&policy);
    return r;
}

/* With the file as its password: a value says of all that it refuses that it is no such value. */
static int read_credential(struct slice text)
{
    _cleanup_buffer_ struct buffer json = BUFFER_MAX(LIMIT_FRAME), name = BUFFER_MAX(LIMIT_FRAME),
                                   value = BUFFER_MAX(LIMIT_FRAME);
    buffer_append_text(&json, "{\"username\":\"u\",\"password\":");
    buffer_append_slice(&json, text);
    buffer_append_byte(&json, '}');
    int r = value_check(CREDENTIAL_BASIC, buffer_slice(&json), &name, &value, NULL);
    bool is_text = text.len > 0 && text.p[0] == '"';
    return r == 0 || is_text ? r : -SP_EINVALID;
}

static int read_egress(struct slice text)
{
    struct egress_config *config = NULL;
    if (text.len == 0)
        return -SP_ESYNTAX; /* no configuration at all is one */
    int r = egress_config_parse(text, &config, NULL);
    if (r == 0)
        egress_config_unref(config);
    return r;
}

static int read_gateway(struct slice text)
{
    struct gateway_config config;
    return gateway_config_parse(text, &config, NULL);
}

static const struct path {
    const char *name;
    json_reader *read;
    unsigned refuses;
    bool has_shape;
} paths[] = {
    {"inputs, webhooks and replies in the worker", read_value, DUPLICATES, false},
    {"canonical", read_canonical, DUPLICATES | NULS, false},
    {"proof files", read_proof, DUPLICATES | SCALARS | NULS, true},
    {"grants", read_grants, DUPLICATES | SCALARS | NULS, true},
    {"policies of credentials", read_policy, DUPLICATES | SCALARS | NULS, true},
    {"values of credentials", read_credential, DUPLICATES | SCALARS | ARRAYS, true},
    {"egress's configuration", read_egress, DUPLICATES | SCALARS | ARRAYS | NULS, true},
    {"the gateway's configuration", read_gateway, DUPLICATES | SCALARS | ARRAYS | NULS, true},
};

static bool may_refuse(unsigned refuses, const char *name, struct slice text)
{
    while (text.len && strchr(" \t\r\n", text.p[0]))
        text = slice_of(text.p + 1, text.len - 1);
    uint8_t first = text.len ? text.p[0] : 0;
    return (refuses & DUPLICATES && strstr(name, "object_duplicated_key")) ||
           (refuses & SCALARS && first != '{' && first != '[') || (refuses & ARRAYS && first != '{') ||
           (refuses & NULS && text.len && memmem(text.p, text.len, "\\u0000", 6));
}

struct run {
    const struct path *path;
    struct suite_result result;
    unsigned n_wrong;
};

static void check_file(void *user, const char *name, const char *full)
{
    struct run *run = user;
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(1 << 20);
    assert_true(suite_read(full, NULL, &text));
    int r = run->path->read(buffer_slice(&text));
    bool is_malformed = r == -SP_ESYNTAX || (!run->path->has_shape && r < 0);
    bool may = may_refuse(run->path->refuses, name, buffer_slice(&text));
    bool is_wrong = name[0] == 'n' ? r == 0 : name[0] == 'y' && is_malformed && !may;
    if (is_wrong)
        print_message("  %s: %s: %s\n", run->path->name, name, error_text(r));
    run->n_wrong += is_wrong;
    run->result.cases++;
    run->result.refused += name[0] == 'y' && is_malformed;
    run->result.passed += name[0] != 'y' || !is_malformed;
}

static void test_suite(void **state)
{
    char root[SUITE_PATH_MAX];
    unsigned n_wrong = 0;
    suite_path_or_skip(root, "suites/json-parsing/test_parsing");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct run run = {.path = &paths[i]};
        char name[128];
        (void)snprintf(name, sizeof name, "json-parsing (%s)", paths[i].name);
        suite_files(root, ".json", check_file, &run);
        assert_true(suite_print(name, &run.result) && run.result.cases > 300);
        n_wrong += run.n_wrong;
    }
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests_name("conformance/json_suite", tests, NULL, NULL);
}
