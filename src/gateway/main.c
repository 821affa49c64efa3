/* sallyport-gateway: the role that the internet sees. It takes listening sockets, certificate and key from the supervisor, requests
 * from clients, and gives them to the engine; it opens no file, resolves no name, makes no connection. */
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/tls.h"
#include "role/role.h"

struct gateway_config gateway_config;
static struct gateway_config next_config; /* waits for start or reload */
static bool has_config, is_started;

static int on_configure(struct slice json)
{
    struct diag why = {0};
    int r = gateway_config_parse(json, &next_config, &why);
    if (r < 0 && !is_started)
        return role_fail(r, "configuration: %s", why.text);
    /* What runs goes on with what it has: a typing error at a reload must not end the service. */
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "gateway.config-refused", "error", why.text, NULL);
    has_config = r == 0;
    return 0;
}

static int on_connect(enum role peer, uint16_t index, int fd)
{
    if (peer == ROLE_ENGINE && index == 0)
        return link_connect(role_loop(), fd);
    close(fd);
    return -SP_EPROTOCOL;
}

static int on_file(enum control_file_kind kind, uint16_t index, int fd)
{
    int r = -SP_EPROTOCOL;
    if (kind == CONTROL_FILE_LISTENER)
        return listener_add(index, fd);
    if (kind == CONTROL_FILE_TLS_CERTIFICATE)
        r = tls_take_certificate(fd);
    else if (kind == CONTROL_FILE_TLS_KEY)
        r = tls_take_key(fd);
    else
        close(fd);
    return r;
}

static int fail(int r, const char *what)
{
    return role_fail(r, "%s: %s", what, error_text(r));
}

static int on_start(void)
{
    struct diag why = {0};
    if (!has_config && gateway_config_parse(SLICE_LITERAL("{}"), &next_config, &why) < 0)
        return role_fail(why.code, "%s", why.text);
    gateway_config = next_config;
    int r = tls_commit();
    if (r < 0 || (gateway_config.is_tls && !tls_is_ready()))
        return fail(r < 0 ? r : -SP_EKEY, "the TLS certificate and key cannot be used");
    r = connections_init(LIMIT_CONNECTIONS);
    if (r == 0)
        r = patience_init();
    if (r == 0)
        r = answer_init();
    if (r == 0)
        r = server_start(role_loop());
    if (r < 0)
        return fail(r, "the HTTP server does not start");
    r = listeners_start(role_loop(), &why);
    if (r < 0)
        return role_fail(r, "%s", why.text);
    watch_start(role_loop());
    is_started = true;
    role_ready();
    return 0;
}

static int on_reload(void)
{
    struct diag why = {0};
    int r = tls_commit();
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "gateway.certificate-refused", "error", error_text(r), NULL);
    struct gateway_config before = gateway_config;
    if (has_config) {
        if (next_config.is_tls != before.is_tls)
            log_event(LOG_LEVEL_WARN, "gateway.tls-unchanged", "reason", "turning TLS on or off needs a restart", NULL);
        gateway_config = next_config;
        gateway_config.is_tls = before.is_tls;
    }
    int listening = listeners_start(role_loop(), &why);
    if (listening < 0) {
        log_event(LOG_LEVEL_ERROR, "gateway.reload-refused", "error", why.text, NULL);
        gateway_config = before;
    }
    return r < 0 ? r : listening;
}

static void on_stop(void)
{
    if (!is_started)
        return role_exit(0);
    listeners_stop();
    watch_drain();
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {
        .self = ROLE_GATEWAY,
        .configure = on_configure,
        .connect = on_connect,
        .file = on_file,
        .start = on_start,
        .reload = on_reload,
        .stop = on_stop,
    };
    return role_main(argc, argv, &handlers);
}
