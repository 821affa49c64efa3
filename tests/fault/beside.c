/* beside: see beside.h. Linked into the engines of meson.build. */
#include "beside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"

void *beside_map(const char *name, size_t len, int protection)
{
    char self[4096], path[4096 + 16];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    must(n > 0);
    self[n] = 0;
    char *slash = strrchr(self, '/');
    must(slash);
    *slash = 0;
    int written = snprintf(path, sizeof path, "%s/%s", self, name);
    must(written > 0 && (size_t)written < sizeof path);
    int fd = open(path, (protection & PROT_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    must(fd >= 0);
    void *page = mmap(NULL, len, protection, MAP_SHARED, fd, 0);
    must(page != MAP_FAILED);
    close(fd);
    return page;
}
