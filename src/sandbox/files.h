/* The files of each role: one table, with a reason beside each row. What no row names cannot be opened,
 * altered, made or removed. That a file is there, its size and its dates are out of Landlock's sight: only
 * seccomp keeps them from a role. Included by landlock.c, which makes rules of it, and by tests/jail, which
 * try every way of reaching a path. */
#ifndef SANDBOX_FILES_H
#define SANDBOX_FILES_H

#include "wire/roles.h"

#define DATA_FOLDER NULL

enum file_access {
    FILES_READ,   /* the content of files; getdents, which would list a folder, is in no role's row */
    FILES_CHANGE, /* that, and write, truncate, make and remove files; open the folder, to sync it */
};

/* A path that is not on this machine is skipped. */
static const struct {
    enum role role;
    enum file_access access;
    const char *path, *reason;
} reachable[] = {
    {ROLE_ENGINE, FILES_CHANGE, DATA_FOLDER, "the database and its companions"},
    {ROLE_ENGINE, FILES_READ, "/dev/urandom", "SQLite seeds its generator of temporary names"},
    {ROLE_EGRESS, FILES_READ, "/etc/resolv.conf", "the resolver's servers"},
    {ROLE_EGRESS, FILES_READ, "/run/systemd/resolve", "where resolv.conf may point to"},
    {ROLE_EGRESS, FILES_READ, "/run/resolvconf", "where resolv.conf may point to"},
    {ROLE_EGRESS, FILES_READ, "/etc/hosts", "names of this machine and its neighbours"},
    {ROLE_EGRESS, FILES_READ, "/etc/host.conf", "the resolver's order"},
    {ROLE_EGRESS, FILES_READ, "/etc/gai.conf", "the resolver's preference of addresses"},
    {ROLE_EGRESS, FILES_READ, "/etc/nsswitch.conf", "the resolver's sources"},
    {ROLE_EGRESS, FILES_READ, "/etc/services", "the resolver's port names"},
    {ROLE_EGRESS, FILES_READ, "/etc/ssl", "certificate authorities"},
    {ROLE_EGRESS, FILES_READ, "/etc/gnutls", "the machine's policy for TLS"},
    {ROLE_EGRESS, FILES_READ, "/usr/share/ca-certificates", "where the links in /etc/ssl point to"},
    {ROLE_EGRESS, FILES_READ, "/usr/local/share/ca-certificates", "where the links in /etc/ssl point to"},
};

#endif
