/* The man pages that there are; src/man prints them, and each names the others. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

/* P(ID, name, section, what it is about) */
#define MANUAL_PAGES(P)                                                                                      \
    P(COMMAND, "sallyport", "1", "workflow automation that is secure by construction")                       \
    P(CONFIGURATION, "sallyport.yaml", "5", "configuration of Sallyport")                                    \
    P(WORKFLOW, "sallyport-workflow", "7", "workflow definitions as Sallyport takes them")                   \
    P(DAEMON, "sallyportd", "8", "the supervisor of Sallyport's roles")

#endif
