/* Documents by text cases: `yaml` and what it `is`, or a part of the message that refuses it, with `place`; `places` maps a
 * pointer to line:column, with a leading `key ` to that of its key. `json` cases are for the strict reader. */
#include "cases.h"

#include "base/error.h"

static void check_places(jv c, const struct flow_document *d)
{
    jv places = case_get(c, "places");
    if (jv_get_kind(places) == JV_KIND_OBJECT) {
        jv_object_foreach (places, pointer, expected) {
            const char *text = jv_string_value(pointer);
            bool of_key = strncmp(text, "key ", 4) == 0;
            uint32_t line, column;
            char got[64];
            bool found = flow_document_place(d, of_key ? text + 4 : text, of_key, &line, &column);
            snprintf(got, sizeof got, "%s%u:%u", found ? "" : "near ", line, column);
            if (strcmp(got, jv_string_value(expected)) != 0)
                case_wrong(c, "%s is at %s, not %s", text, got, jv_string_value(expected));
            jv_free(pointer);
            jv_free(expected);
        }
    }
    jv_free(places);
}

static void expect_refusal(jv c, const struct diag *diag)
{
    char place[64];
    snprintf(place, sizeof place, "%u:%u", diag->line, diag->column);
    if (!case_text(c, "refused"))
        case_wrong(c, "refused: %s at %s", diag->text, place);
    case_expect(c, "refused", diag->text);
    case_expect(c, "place", place);
}

static void check_yaml(jv c)
{
    struct flow_document *d = NULL;
    struct diag diag = {0};
    int r = flow_document_parse(case_slice(c, "yaml"), &d, &diag);
    if (r < 0) {
        expect_refusal(c, &diag);
    } else if (case_text(c, "refused")) {
        case_wrong(c, "is not refused");
    } else {
        jv is = case_get(c, "is");
        if (jv_is_valid(is))
            case_expect_value(c, flow_document_value(d));
        jv_free(is);
        check_places(c, d);
    }
    flow_document_free(d);
}

static void check_json(jv c)
{
    jv value;
    struct diag diag = {0};
    int r = flow_json_parse(case_slice(c, "json"), &value, &diag);
    if (r < 0) {
        expect_refusal(c, &diag);
    } else {
        if (case_text(c, "refused"))
            case_wrong(c, "is not refused");
        else
            case_expect_value(c, jv_copy(value));
        jv_free(value);
    }
}

static void run_file(const char *path)
{
    cases_wrong = 0;
    jv cases = cases_load(path);
    jv_array_foreach (cases, i, c) {
        if (case_text(c, "json"))
            check_json(c);
        else
            check_yaml(c);
        jv_free(c);
    }
    print_message("%s: %d cases\n", path, jv_array_length(jv_copy(cases)));
    jv_free(cases);
    assert_int_equal(cases_wrong, 0);
}

static void test_documents(void **state)
{
    run_file("tests/unit/flow_base/documents.json");
}

static void test_abuse(void **state)
{
    run_file("tests/abuse/expression/parser.json");
}

static void append_repeated(struct buffer *b, const char *text, unsigned n)
{
    while (n--)
        buffer_append_text(b, text);
}

static void expect_code(struct buffer *text, int code, bool is_json)
{
    struct flow_document *d = NULL;
    struct diag diag = {0};
    jv value = jv_invalid();
    int r = is_json ? flow_json_parse(buffer_slice(text), &value, &diag) : flow_document_parse(buffer_slice(text), &d, &diag);
    assert_int_equal(r, code);
    if (code < 0)
        assert_true(diag.text[0] != 0);
    flow_document_free(d);
    jv_free(value);
    buffer_clear(text);
}

/* Each limit holds at its value and one beyond it. */
static void test_limits(void **state)
{
    struct buffer text = BUFFER_MAX(4 << 20);
    append_repeated(&text, "[", LIMIT_JSON_DEPTH);
    append_repeated(&text, "]", LIMIT_JSON_DEPTH);
    expect_code(&text, 0, true);
    append_repeated(&text, "[", LIMIT_JSON_DEPTH + 1);
    append_repeated(&text, "]", LIMIT_JSON_DEPTH + 1);
    expect_code(&text, -SP_ELIMIT, true);
    append_repeated(&text, "{\"a\":", 200000);
    expect_code(&text, -SP_ELIMIT, true);
    append_repeated(&text, "[", LIMIT_YAML_DEPTH);
    append_repeated(&text, "]", LIMIT_YAML_DEPTH);
    expect_code(&text, 0, false);
    append_repeated(&text, "[", 100000);
    expect_code(&text, -SP_ELIMIT, false);
    append_repeated(&text, "- ", LIMIT_YAML_DEPTH + 1);
    expect_code(&text, -SP_ELIMIT, false);
    append_repeated(&text, "- 1\n", 99999);
    expect_code(&text, 0, false);
    append_repeated(&text, "- 1\n", 100000);
    expect_code(&text, -SP_ELIMIT, false);
    buffer_append_text(&text, "- &a 1\n");
    append_repeated(&text, "- *a\n", LIMIT_YAML_ALIASES);
    expect_code(&text, 0, false);
    buffer_append_text(&text, "- &a 1\n");
    append_repeated(&text, "- *a\n", LIMIT_YAML_ALIASES + 1);
    expect_code(&text, -SP_ELIMIT, false);
    append_repeated(&text, " ", LIMIT_DEFINITION + 1);
    expect_code(&text, -SP_ELIMIT, false);
    buffer_free(&text);
}

/* Nine levels of nine aliases each would be 387 million nodes. */
static void test_alias_bomb(void **state)
{
    struct buffer text = BUFFER_MAX(4 << 20);
    buffer_append_text(&text, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'j'; c++) {
        buffer_printf(&text, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            buffer_printf(&text, "%s*%c", i ? "," : "", c - 1);
        buffer_append_text(&text, "]\n");
    }
    expect_code(&text, -SP_ELIMIT, false);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_abuse),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_alias_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
