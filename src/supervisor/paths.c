/* paths: the default places. Called by sallyportd and the command. */
#include "supervisor/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fits(int n)
{
    return n < 0 || n >= PATHS_MAX ? -ENAMETOOLONG : 0;
}

static int below_home(const char *variable, const char *fallback, const char *name, char *ret)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    if (base && base[0] == '/')
        return fits(snprintf(ret, PATHS_MAX, "%s/sallyport%s%s", base, *name ? "/" : "", name));
    if (!home || home[0] != '/')
        return -ENOENT;
    return fits(snprintf(ret, PATHS_MAX, "%s/%s%s%s", home, fallback, *name ? "/" : "", name));
}

int paths_data_dir(char ret[PATHS_MAX])
{
    if (geteuid() == 0)
        return fits(snprintf(ret, PATHS_MAX, PATHS_SYSTEM_DATA));
    return below_home("XDG_DATA_HOME", PATHS_HOME_DATA, "", ret);
}

int paths_config(const char *name, char ret[PATHS_MAX])
{
    if (geteuid() == 0)
        return fits(snprintf(ret, PATHS_MAX, PATHS_SYSTEM_CONFIG "/%s", name));
    return below_home("XDG_CONFIG_HOME", PATHS_HOME_CONFIG, name, ret);
}

/* In the same folder, or in a build tree, where each role has one of its own. */
static int has_roles(const char *dir)
{
    char path[PATHS_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/sallyport-worker", dir);
    if (access(path, X_OK) == 0)
        return 1;
    (void)snprintf(path, sizeof path, "%s/../worker/sallyport-worker", dir);
    return access(path, X_OK) == 0;
}

int paths_libexec(const char *option, char ret[PATHS_MAX])
{
    if (option)
        return fits(snprintf(ret, PATHS_MAX, "%s", option));
    char own[PATHS_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    own[n > 0 ? n : 0] = 0;
    char *slash = strrchr(own, '/');
    if (slash) {
        *slash = 0;
        if (has_roles(own))
            return fits(snprintf(ret, PATHS_MAX, "%s", own));
        /* An installation at another prefix than the one it was built for. */
        int r = fits(snprintf(ret, PATHS_MAX, "%s/../libexec/sallyport", own));
        if (r == 0 && has_roles(ret))
            return 0;
    }
    return fits(snprintf(ret, PATHS_MAX, "%s", SALLYPORT_LIBEXECDIR));
}
