/* manual-pages: run by the build to print one man page, from the tables that --help reads as well. It is not
 * installed. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/pages.h"
#include "man/mdoc.h"
#include "man/pages.h"

enum page {
#define P(ID, ...) PAGE_##ID,
    MANUAL_PAGES(P)
#undef P
        PAGE_COUNT
};

static const struct {
    const char *file, *name, *section, *about;
} pages[PAGE_COUNT] = {
#define P(ID, name, section, about) [PAGE_##ID] = {name "." section, name, section, about},
    MANUAL_PAGES(P)
#undef P
};

static void (*const bodies[PAGE_COUNT])(const char *name) = {
    [PAGE_COMMAND] = page_command,
    [PAGE_CONFIGURATION] = page_configuration,
    [PAGE_WORKFLOW] = page_workflow,
    [PAGE_DAEMON] = page_daemon,
};

static int print(const char *file)
{
    if (strcmp(file, "configuration.md") == 0) {
        table_configuration();
        return 0;
    }
    for (unsigned i = 0; i < PAGE_COUNT; i++)
        if (strcmp(pages[i].file, file) == 0) {
            mdoc_begin(pages[i].name, pages[i].section, pages[i].about);
            bodies[i](pages[i].name);
            return 0;
        }
    (void)fprintf(stderr, "%s: there is no such page\n", file);
    return 2;
}

int main(int argc, char **argv)
{
    must_set_role("manual-pages");
    if (argc != 2) {
        (void)fprintf(stderr, "Usage: manual-pages NAME.SECTION\n");
        return 2;
    }
    int status = print(argv[1]);
    return fflush(stdout) == 0 ? status : 4;
}
