/* page_daemon: sallyportd(8). Called by main. */
#include <stdio.h>

#include "man/mdoc.h"
#include "man/pages.h"
#include "supervisor/daemon.h"

void page_daemon(const char *name)
{
    mdoc_section("SYNOPSIS");
    (void)printf(".Nm\n.Op Ar option ...\n");
    mdoc_section("DESCRIPTION");
    mdoc_text(DAEMON_ABOUT);
    mdoc_list_begin();
#define O(ID, option, value, help) mdoc_option(option, value, help);
    DAEMON_OPTIONS(O)
#undef O
    mdoc_list_end();
    mdoc_section("SIGNALS");
    MDOC_TABLE("Dv", DAEMON_SIGNALS);
    mdoc_section("ENVIRONMENT");
    MDOC_TABLE("Ev", DAEMON_VARIABLES);
    mdoc_section("FILES");
    MDOC_TABLE("Pa", PATHS_FILES);
    mdoc_section("EXIT STATUS");
    MDOC_TABLE("Li", DAEMON_EXIT_STATUSES);
    mdoc_see_also(name);
}
