/* page_configuration: sallyport.yaml(5), and the same table for the manual. Called by main. */
#include <stdio.h>
#include <string.h>

#include "man/mdoc.h"
#include "man/pages.h"
#include "supervisor/config.h"
#include "supervisor/daemon.h"

static const struct key {
    const char *group, *key, *form, *value, *standard, *meaning;
} keys[] = {
#define K(ID, group, key, form, role, json, value, standard, meaning)                                        \
    {group, key, #form, value, standard, meaning},
    CONFIG_KEYS(K)
#undef K
};

static const char *list_word(const struct key *k)
{
    return strcmp(k->form, "LIST") == 0 || strcmp(k->form, "ROUTES") == 0 ? "list of " : "";
}

static void full_name(const struct key *k, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s%s%s", k->group, *k->group ? "." : "", k->key);
}

static void put_key(const struct key *k)
{
    char name[64], text[1024];
    full_name(k, name, sizeof name);
    (void)snprintf(text, sizeof text, "%s. Value: %s%s; default: %s.", k->meaning, list_word(k), k->value,
                   k->standard);
    mdoc_item("Cm", name, text);
}

void page_configuration(const char *name)
{
    mdoc_section("DESCRIPTION");
    mdoc_text("The configuration of Sallyport is one YAML file. Every key is optional, and without a file "
              "every key has its "
              "default. A key that is not known, has a wrong form or is there twice is an error, with line "
              "and column. "
              "A.B below is the key B in the mapping A.");
    mdoc_list_begin();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put_key(&keys[i]);
    mdoc_list_end();
    mdoc_section("FILES");
    mdoc_macro("Pa", PATHS_CONFIG("sallyport.yaml"));
    mdoc_section("EXAMPLES");
    mdoc_literal("listen: [\"127.0.0.1:8700\"]\n"
                 "workers: 2\n"
                 "egress:\n"
                 "  connectTo: [\"payments.internal:443:10.1.2.3:8443\"]\n"
                 "  allowHttp: false\n"
                 "log:\n"
                 "  level: warn\n");
    mdoc_see_also(name);
}

void table_configuration(void)
{
    char name[64];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        full_name(&keys[i], name, sizeof name);
        (void)printf("| `%s` | %s%s | %s | %s |\n", name, list_word(&keys[i]), keys[i].value,
                     keys[i].standard, keys[i].meaning);
    }
}
