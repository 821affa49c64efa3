/* engine_around: see engine_around.h. */
#include "engine_around.h"

#include <ev.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json_reader.h"
#include "base/must.h"
#include "stand_in_role.h"
#include "vault/serve.h"

void around_give_page(void)
{
    int fd = memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    must(fd >= 0 && ftruncate(fd, (off_t)sysconf(_SC_PAGESIZE)) == 0);
    must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    must(stand_in_role->file(CONTROL_FILE_WORKER_PAGE, 0, fd) == 0);
}

void around_connect_vault(struct ev_loop *loop, const struct secret *root)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    must(serve_connect(loop, ROLE_ENGINE, pair[0]) == 0 && stand_in_role->connect(ROLE_VAULT, 0, pair[1]) == 0);
    must(serve_open(root) == 0);
}

void around_check_response(const struct msg_http_response *m)
{
    struct slice type, rest, name, value;
    int r;
    must(m->status >= 200 && m->status < 600);
    for (rest = m->headers; (r = wire_pairs_next(&rest, &name, &value)) > 0;)
        must(name.len && (!value.len || !memchr(value.p, '\n', value.len)));
    must(r == 0);
    if (wire_pairs_find(m->headers, "content-type", &type) && slice_starts(type, "application/") &&
        memmem(type.p, type.len, "json", 4)) {
        json_t *json = json_read(m->body, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        must(json);
        json_decref(json);
    }
}
