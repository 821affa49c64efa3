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
    mdoc_list_begin();
#define F(tag, text) mdoc_item("Dv", tag, text);
    DAEMON_SIGNALS(F)
#undef F
    mdoc_list_end();
    mdoc_section("ENVIRONMENT");
    mdoc_list_begin();
#define F(tag, text) mdoc_item("Ev", tag, text);
    DAEMON_VARIABLES(F)
#undef F
    mdoc_list_end();
    mdoc_section("FILES");
    mdoc_list_begin();
#define F(tag, text) mdoc_item("Pa", tag, text);
    PATHS_FILES(F)
#undef F
    mdoc_list_end();
    mdoc_section("EXIT STATUS");
    mdoc_list_begin();
#define F(tag, text) mdoc_item("Li", tag, text);
    DAEMON_EXIT_STATUSES(F)
#undef F
    mdoc_list_end();
    mdoc_see_also(name);
}
