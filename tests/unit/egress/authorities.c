/* The certificate authorities, while the system fails: an error is told, and those from before stay in force [I8]. A system that
 * has none of its own is no error. The calls of libc that net.c makes for them are taken over, and so is the option that names the
 * file to libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "egress/net.h"

#define SYSTEM "those of the system"

enum call { NONE, OPEN, READ, MEMFD, WRITE };

static enum call fails;
static int error;
static bool is_short; /* write() takes one byte */
static char path[64]; /* of the file that libcurl is given */

int __wrap_open(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...);
int __real_open(const char *name, int flags, ...);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_read(int fd, void *to, size_t size);
int __wrap_memfd_create(const char *name, unsigned flags);
int __real_memfd_create(const char *name, unsigned flags);
ssize_t __wrap_write(int fd, const void *from, size_t size);
ssize_t __real_write(int fd, const void *from, size_t size);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);

static bool is_failing(enum call call)
{
    if (fails == call)
        errno = error;
    return fails == call;
}

static int open_system(void)
{
    int fd = is_failing(OPEN) ? -1 : __real_memfd_create("system", MFD_CLOEXEC);
    if (fd >= 0)
        assert_int_equal(pwrite(fd, SYSTEM, sizeof SYSTEM - 1, 0), sizeof SYSTEM - 1);
    return fd;
}

/* Other files are those of the program's own run: its counts, when they are kept. */
static int open_any(const char *name, int flags, va_list args)
{
    if (strcmp(name, "/etc/ssl/certs/ca-certificates.crt") == 0)
        return open_system();
    return __real_open(name, flags, flags & O_CREAT ? va_arg(args, unsigned) : 0);
}

int __wrap_open(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int fd = open_any(name, flags, args);
    va_end(args);
    return fd;
}

int __wrap_open64(const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int fd = open_any(name, flags, args);
    va_end(args);
    return fd;
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
    return is_failing(READ) ? -1 : __real_read(fd, to, size);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
    return is_failing(MEMFD) ? -1 : __real_memfd_create(name, flags);
}

ssize_t __wrap_write(int fd, const void *from, size_t size)
{
    return is_failing(WRITE) ? -1 : __real_write(fd, from, is_short ? 1 : size);
}

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    if (option == CURLOPT_CAINFO)
        snprintf(path, sizeof path, "%s", (const char *)value);
    return __real_curl_easy_setopt(easy, option, value);
}

/* What a call that begins now would trust. */
static void assert_trusted(struct net *net, const char *expected)
{
    char text[256] = "";
    CURL *easy = net_easy(net);
    assert_non_null(easy);
    curl_easy_cleanup(easy);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, expected);
}

static void on_done(CURL *easy, CURLcode result, void *private)
{
}

static struct net *new_net(struct ev_loop **ret_loop)
{
    struct net *net;
    *ret_loop = ev_loop_new(EVFLAG_NOENV);
    assert_int_equal(net_new(*ret_loop, on_done, &net), 0);
    return net;
}

static void test_failures(void **state)
{
    static const struct {
        enum call call;
        int error;
    } cases[] = {{OPEN, EACCES}, {OPEN, EMFILE}, {READ, EIO}, {MEMFD, EMFILE}, {WRITE, ENOSPC}};
    struct ev_loop *loop;
    struct net *net = new_net(&loop);
    assert_int_equal(net_set_authorities(net, SLICE_LITERAL("the first")), 0);
    assert_trusted(net, SYSTEM "\nthe first");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fails = cases[i].call;
        error = cases[i].error;
        int r = net_set_authorities(net, SLICE_LITERAL("the second"));
        fails = NONE;
        assert_int_equal(r, -cases[i].error);
        assert_trusted(net, SYSTEM "\nthe first");
    }
    net_free(net);
    ev_loop_destroy(loop);
}

static void test_system_without_any(void **state)
{
    struct ev_loop *loop;
    struct net *net = new_net(&loop);
    fails = OPEN;
    error = ENOENT;
    int r = net_set_authorities(net, SLICE_LITERAL("the only ones"));
    fails = NONE;
    assert_int_equal(r, 0);
    assert_trusted(net, "\nthe only ones");
    net_free(net);
    ev_loop_destroy(loop);
}

/* Calls under way open the last file by its path: it stays for one change. */
static void test_changes(void **state)
{
    struct ev_loop *loop;
    struct net *net = new_net(&loop);
    char former[sizeof path];
    is_short = true;
    assert_int_equal(net_set_authorities(net, SLICE_LITERAL("the first")), 0);
    is_short = false;
    assert_trusted(net, SYSTEM "\nthe first");
    memcpy(former, path, sizeof path);
    assert_int_equal(net_set_authorities(net, SLICE_LITERAL("the second")), 0);
    assert_trusted(net, SYSTEM "\nthe second");
    assert_int_equal(access(former, R_OK), 0);
    assert_string_not_equal(former, path);
    net_free(net);
    assert_int_equal(access(former, R_OK), -1);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failures), cmocka_unit_test(test_system_without_any),
                                       cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests_name("egress/authorities", tests, NULL, NULL);
}
