/* The pages: each prints itself to standard output, from the tables of the code that it describes. */
#ifndef MAN_PAGES_H
#define MAN_PAGES_H

void page_command(const char *name);       /* sallyport(1), from src/cli */
void page_configuration(const char *name); /* sallyport.yaml(5), from src/supervisor/config.h */
void page_workflow(const char *name);      /* sallyport-workflow(7), from src/flow */
void page_daemon(const char *name);        /* sallyportd(8), from src/supervisor/daemon.h */

/* The rows of the table of docs/manual/configuration.md, in Markdown. */
void table_configuration(void);

#endif
