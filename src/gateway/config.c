/* config: reads the configuration JSON. Called at start and at reload. */
#include "gateway/config.h"

#include "base/error.h"
#include "base/json_reader.h"

#define REFUSALS_PER_S    20
#define CONNECTIONS_PER_S 50

/* All numbers have the same rule: from 1 to the limit; but for the rates the limit is also the default. */
static int take_number(json_t *value, const char *key, unsigned limit, unsigned *ret, struct diag *reterr)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > limit)
        return diag_set(reterr, -SP_EINVALID, "%s must be a whole number from 1 to %u", key, limit);
    *ret = (unsigned)json_integer_value(value);
    return 0;
}

static int take_bool(json_t *value, const char *key, bool *ret, struct diag *reterr)
{
    if (!json_is_boolean(value))
        return diag_set(reterr, -SP_EINVALID, "%s must be true or false", key);
    *ret = json_is_true(value);
    return 0;
}

static int take_networks(json_t *value, struct gateway_config *c, struct diag *reterr)
{
    if (!json_is_array(value) || json_array_size(value) > LIMIT_TRUSTED_PROXIES)
        return diag_set(reterr, -SP_EINVALID, "trustedProxies must be a list of at most %d networks", LIMIT_TRUSTED_PROXIES);
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        struct slice text = slice_of(json_string_value(item), json_string_length(item));
        if (!text.p || network_parse(text, &c->trusted[i]) < 0)
            return diag_set(reterr, -SP_EINVALID, "trustedProxies[%zu] is not a network such as 10.0.0.0/8", i);
    }
    c->n_trusted = json_array_size(value);
    return 0;
}

static int take_key(const char *key, json_t *value, struct gateway_config *c, struct diag *reterr)
{
    unsigned max_body = 0;
    int r;
    if (strcmp(key, "tls") == 0)
        return take_bool(value, key, &c->is_tls, reterr);
    if (strcmp(key, "behindProxy") == 0)
        return take_bool(value, key, &c->is_behind_proxy, reterr);
    if (strcmp(key, "trustedProxies") == 0)
        return take_networks(value, c, reterr);
    if (strcmp(key, "connections") == 0)
        return take_number(value, key, LIMIT_CONNECTIONS, &c->connections, reterr);
    if (strcmp(key, "connectionsPerAddress") == 0)
        return take_number(value, key, LIMIT_CONNECTIONS_PER_IP, &c->connections_per_address, reterr);
    if (strcmp(key, "requestTimeoutMs") == 0)
        return take_number(value, key, LIMIT_REQUEST_TIMEOUT_S * 1000, &c->request_timeout_ms, reterr);
    if (strcmp(key, "refusalsPerSecond") == 0)
        return take_number(value, key, LIMIT_SETTING, &c->refusals_per_s, reterr);
    if (strcmp(key, "connectionsPerSecond") == 0)
        return take_number(value, key, LIMIT_SETTING, &c->connections_per_s, reterr);
    if (strcmp(key, "maxBody") == 0) {
        r = take_number(value, key, LIMIT_BODY, &max_body, reterr);
        if (r == 0)
            c->max_body = max_body;
        return r;
    }
    return diag_set(reterr, -SP_EINVALID, "the gateway knows no setting of this name: %.64s", key);
}

int gateway_config_parse(struct slice json, struct gateway_config *ret, struct diag *reterr)
{
    struct gateway_config c = {.max_body = LIMIT_BODY,
                               .connections = LIMIT_CONNECTIONS,
                               .connections_per_address = LIMIT_CONNECTIONS_PER_IP,
                               .request_timeout_ms = LIMIT_REQUEST_TIMEOUT_S * 1000,
                               .refusals_per_s = REFUSALS_PER_S,
                               .connections_per_s = CONNECTIONS_PER_S};
    json_t *root = json_read(json, 0, NULL);
    int r = json_is_object(root) ? 0 : diag_set(reterr, -SP_ESYNTAX, "the configuration is not a JSON object");
    const char *key;
    json_t *value;
    if (r == 0)
        json_object_foreach(root, key, value)
            if (r == 0)
                r = take_key(key, value, &c, reterr);
    json_decref(root);
    if (r == 0 && c.n_trusted && !c.is_behind_proxy)
        r = diag_set(reterr, -SP_EINVALID, "trustedProxies has no meaning without behindProxy");
    if (r == 0)
        *ret = c;
    return r;
}
