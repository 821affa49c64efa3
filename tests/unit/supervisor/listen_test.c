/* The listening sockets: what the kernel keeps of each connection is bounded, each way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "supervisor/listen.h"

static int buffer_of(int fd, int which)
{
    int len = 0;
    socklen_t size = sizeof len;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, which, &len, &size), 0);
    return len;
}

static void test_connections_inherit_bounds(void **state)
{
    (void)state;
    struct diag why = {0};
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    _cleanup_close_ int listener = -1;
    assert_int_equal(listen_open("127.0.0.1:0", &listener, &why), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&own, &len), 0);
    _cleanup_close_ int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&own, len), 0);
    _cleanup_close_ int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    assert_int_equal(buffer_of(accepted, SO_RCVBUF), LIMIT_CONNECTION_UNREAD);
    assert_int_equal(buffer_of(accepted, SO_SNDBUF), LIMIT_CONNECTION_UNREAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_connections_inherit_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
