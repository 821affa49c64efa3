/* stand_in_role: the functions of role.h for one role in a harness. */
#include "stand_in_role.h"

#include <ev.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "base/must.h"

const struct role_handlers *stand_in_role;
bool stand_in_role_is_ready;
const char *stand_in_role_data_dir;
void (*stand_in_role_failed)(int code, const char *text);
void (*stand_in_role_ended)(int status);
static struct ev_loop *loop;

static void swallow(enum log_level level, const char *line, size_t len, void *user)
{
    must(!memchr(line, '\n', len));
}

struct ev_loop *stand_in_role_begin(int (*role_main_of)(int, char **))
{
    log_set_sink(swallow, NULL);
    must(role_main_of(0, NULL) == 0 && stand_in_role);
    return loop;
}

int role_main(int argc, char **argv, const struct role_handlers *handlers)
{
    stand_in_role = handlers;
    loop = ev_default_loop(EVFLAG_NOENV);
    return 0;
}

struct ev_loop *role_loop(void)
{
    return loop;
}

const char *role_data_dir(void)
{
    return stand_in_role_data_dir;
}

void role_ready(void)
{
    stand_in_role_is_ready = true;
}

int role_fail(int code, const char *format, ...)
{
    char text[LIMIT_TEXT / 4];
    va_list args;
    must(stand_in_role_failed);
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    stand_in_role_failed(code, text);
    return code;
}

void role_exit(int status)
{
    must(stand_in_role_ended);
    stand_in_role_ended(status);
}

int role_ask_restart(enum role role, uint16_t index)
{
    return 0;
}

int role_dispatch(role_message_handler *const *table, size_t n, struct channel *channel, uint16_t type,
                  struct slice payload, int fd)
{
    must(fd < 0);
    return type < n && table[type] ? table[type](channel, payload, fd) : -SP_EPROTOCOL;
}
