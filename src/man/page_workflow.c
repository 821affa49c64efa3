/* page_workflow: sallyport-workflow(7). Called by main. */
#include <stdio.h>
#include <string.h>

#include "flow/definition.h"
#include "flow/metadata.h"
#include "flow/rules.h"
#include "man/mdoc.h"
#include "man/pages.h"

static const char example[] = "document:\n"
                              "  dsl: '1.0.3'\n"
                              "  namespace: shop\n"
                              "  name: order-paid\n"
                              "  version: '1.0.0'\n"
                              "  metadata:\n"
                              "    sallyport:\n"
                              "      webhook: { scheme: stripe, key: stripe-webhook, answer: accepted }\n"
                              "      origins: ['https://warehouse.example.com']\n"
                              "use:\n"
                              "  secrets: [warehouse]\n"
                              "do:\n"
                              "  - send:\n"
                              "      call: http\n"
                              "      with:\n"
                              "        method: post\n"
                              "        endpoint:\n"
                              "          uri: https://warehouse.example.com/v1/orders\n"
                              "          authentication: { bearer: { use: warehouse } }\n"
                              "        body: { order: '${ .id }' }\n";

static void put_property(const char *prefix, const char *key, const char *value, const char *standard,
                         const char *meaning)
{
    char name[64], text[512];
    (void)snprintf(name, sizeof name, "%s%s", prefix, key);
    bool is_required = strncmp(standard, "required", strlen("required")) == 0;
    (void)snprintf(text, sizeof text, "%s. Value: %s; %s%s.", meaning, value,
                   is_required ? "" : "default: ", standard);
    mdoc_item("Cm", name, text);
}

static void put_metadata(void)
{
    mdoc_section("METADATA");
    mdoc_text("The object document.metadata.sallyport says how a workflow is started and what it may reach. "
              "Durations are those of the DSL: { minutes: 5 } or PT5M.");
    mdoc_list_begin();
#define M(key, kinds, is_required, value, standard, meaning) put_property("", key, value, standard, meaning);
    METADATA_SALLYPORT(M)
#undef M
#define M(key, kinds, is_required, value, standard, meaning)                                                 \
    put_property("webhook.", key, value, standard, meaning);
    METADATA_WEBHOOK(M)
#undef M
#define M(key, kinds, is_required, value, standard, meaning)                                                 \
    put_property("rate.", key, value, standard, meaning);
    METADATA_RATE(M)
#undef M
#define M(key, kinds, is_required, value, standard, meaning)                                                 \
    put_property("origins[].", key, value, standard, meaning);
    METADATA_ORIGIN(M)
#undef M
    mdoc_list_end();
}

static void put_rule(const char *rule, const char *level, const char *meaning)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s: %s", level, meaning);
    mdoc_item("Li", rule, text);
}

void page_workflow(const char *name)
{
    mdoc_section("DESCRIPTION");
    mdoc_text("A workflow is one YAML 1.2 or JSON document in the Open Workflow DSL 1.0. Expressions are "
              "those of jq, and stand "
              "as a whole string in ${ }; what arrives as data is never evaluated. sallyport check says what "
              "is wrong with a "
              "definition and where, and sallyport run runs it here and now.");
    mdoc_section("TASKS");
    mdoc_text("A task is of the kind of its first property:");
    mdoc_list_begin();
#define K(NAME, kind, summary) mdoc_item("Cm", kind, summary);
    FLOW_TASK_KINDS(K)
#undef K
    mdoc_list_end();
    put_metadata();
    mdoc_section("EXAMPLES");
    mdoc_literal(example);
    mdoc_section("DIAGNOSTICS");
    mdoc_text("Findings of a check. One of the level error refuses the definition.");
    mdoc_list_begin();
#define R(rule, level, text) put_rule(rule, level, text);
    FLOW_RULES(R)
#undef R
    mdoc_list_end();
    mdoc_see_also(name);
}
