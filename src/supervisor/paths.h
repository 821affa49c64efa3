/* Where things are when nobody says otherwise: root has the system's folders, everyone else those of the XDG base directory
 * specification. Each writes an absolute path; -ENOENT when there is no home. */
#ifndef SUPERVISOR_PATHS_H
#define SUPERVISOR_PATHS_H

#include <stddef.h>

#define PATHS_MAX 4096

/* /var/lib/sallyport, or ~/.local/share/sallyport */
[[gnu::warn_unused_result]] int paths_data_dir(char ret[PATHS_MAX]);

/* `name` in /etc/sallyport, or in ~/.config/sallyport */
[[gnu::warn_unused_result]] int paths_config(const char *name, char ret[PATHS_MAX]);

/* The folder of the role executables: `option` if not NULL, else the folder of our own executable if they are there, else
 * the one of the installation. */
[[gnu::warn_unused_result]] int paths_libexec(const char *option, char ret[PATHS_MAX]);

#endif
