/* Where things are when nobody says otherwise: root has the system's folders, everyone else those of the XDG base directory
 * specification. Each writes an absolute path; -ENOENT when there is no home. */
#ifndef SUPERVISOR_PATHS_H
#define SUPERVISOR_PATHS_H

#include <stddef.h>

#define PATHS_MAX 4096

#define PATHS_SYSTEM_DATA   "/var/lib/sallyport"
#define PATHS_SYSTEM_CONFIG "/etc/sallyport"
#define PATHS_HOME_DATA     ".local/share/sallyport"
#define PATHS_HOME_CONFIG   ".config/sallyport"

/* The same for people: root's place, and that of everyone else. */
#define PATHS_DATA         PATHS_SYSTEM_DATA ", or ~/" PATHS_HOME_DATA
#define PATHS_CONFIG(name) PATHS_SYSTEM_CONFIG "/" name ", or ~/" PATHS_HOME_CONFIG "/" name

/* F(path, what it is) */
#define PATHS_FILES(F)                                                                                           \
    F(PATHS_CONFIG("sallyport.yaml"), "the configuration; without it every key has its default")                 \
    F(PATHS_CONFIG("root.key"), "the root key, mode 0600; keep a copy away from the machine")                    \
    F(PATHS_CONFIG("token"), "the token that the command signs in with, mode 0600")                              \
    F(PATHS_DATA, "the data folder: the database sallyport.db, and audit.vkey, the public key of its log")

/* PATHS_DATA */
[[gnu::warn_unused_result]] int paths_data_dir(char ret[PATHS_MAX]);

/* PATHS_CONFIG(name) */
[[gnu::warn_unused_result]] int paths_config(const char *name, char ret[PATHS_MAX]);

/* The folder of the role executables: `option` if not NULL, else the folder of our own executable if they are there, else
 * the one of the installation. */
[[gnu::warn_unused_result]] int paths_libexec(const char *option, char ret[PATHS_MAX]);

#endif
