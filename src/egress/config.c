/* config: reads the configuration of egress. Pure but for jansson; called by egress.c. What must hold: an entry of
 * `connectTo` opens exactly one address for exactly one host and port. */
#include "egress/config.h"

#include <errno.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "policy/address.h"

struct route {
    struct policy_origin from, to; /* the scheme is not compared */
};

struct egress_config {
    unsigned n_refs;
    bool allow_http;
    struct curl_slist *connect_to;
    size_t n;
    struct route routes[LIMIT_EGRESS_CONNECT_TO];
};

/* "host:port", the port required: read as an origin, so that the same spellings are refused. */
static int place_parse(const json_t *json, struct policy_origin *ret, struct diag *reterr)
{
    if (!json_is_string(json) || !strrchr(json_string_value(json), ':') || json_string_length(json) > 300)
        return diag_set(reterr, -SP_EINVALID, "`connectTo` has `from` and `to`, each \"host:port\"");
    char text[320];
    int n = snprintf(text, sizeof text, "https://%s", json_string_value(json));
    return policy_origin_parse(slice_of(text, (size_t)n), ret, reterr);
}

static int route_parse(struct egress_config *c, json_t *json, struct diag *reterr)
{
    struct route *route = &c->routes[c->n];
    if (json_object_size(json) != 2)
        return diag_set(reterr, -SP_EINVALID, "an entry of `connectTo` has the members from and to alone");
    int r = place_parse(json_object_get(json, "from"), &route->from, reterr);
    if (r == 0)
        r = place_parse(json_object_get(json, "to"), &route->to, reterr);
    if (r < 0)
        return r;
    if (!route->to.is_address)
        return diag_set(reterr, -SP_EINVALID, "`to` of `connectTo` is an address and a port, not a name");
    char text[600];
    snprintf(text, sizeof text, "%s:%u:%s:%u", route->from.host, route->from.port, route->to.host, route->to.port);
    struct curl_slist *list = curl_slist_append(c->connect_to, text);
    if (!list)
        return -ENOMEM;
    c->connect_to = list;
    c->n++;
    return 0;
}

static int members_parse(struct egress_config *c, json_t *root, struct diag *reterr)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        if (slice_is(slice_text(key), "allowHttp") && json_is_boolean(value)) {
            c->allow_http = json_is_true(value);
        } else if (slice_is(slice_text(key), "connectTo") && json_is_array(value) &&
                   json_array_size(value) <= LIMIT_EGRESS_CONNECT_TO) {
            for (size_t i = 0; i < json_array_size(value); i++) {
                int r = route_parse(c, json_array_get(value, i), reterr);
                if (r < 0)
                    return r;
            }
        } else {
            return diag_set(reterr, -SP_EINVALID, "the egress configuration does not know `%.64s`, or not with this value", key);
        }
    }
    return 0;
}

int egress_config_parse(struct slice json, struct egress_config **ret, struct diag *reterr)
{
    struct egress_config *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->n_refs = 1;
    c->allow_http = true;
    if (json.len == 0) {
        *ret = c;
        return 0;
    }
    json_error_t error;
    json_t *root = json_read(json, 0, &error);
    int r;
    if (json_is_object(root))
        r = members_parse(c, root, reterr);
    else if (!root && json_read_failure(&error) == -ENOMEM)
        r = diag_set(reterr, -ENOMEM, "there is no memory to read the egress configuration");
    else
        r = diag_set(reterr, -SP_ESYNTAX, "the egress configuration is not a JSON object");
    json_decref(root);
    if (r < 0) {
        egress_config_unref(c);
        return r;
    }
    *ret = c;
    return 0;
}

struct egress_config *egress_config_ref(struct egress_config *c)
{
    c->n_refs++;
    return c;
}

void egress_config_unref(struct egress_config *c)
{
    if (!c || --c->n_refs > 0)
        return;
    curl_slist_free_all(c->connect_to);
    free(c);
}

bool egress_config_allows_http(const struct egress_config *c)
{
    return c->allow_http;
}

struct curl_slist *egress_config_connect_to(const struct egress_config *c)
{
    return c->connect_to;
}

bool egress_config_leads(const struct egress_config *c, const struct policy_origin *origin, const struct sockaddr *address)
{
    char host[POLICY_ADDRESS_TEXT];
    policy_address_host(address, host);
    for (size_t i = 0; i < c->n; i++) {
        const struct route *route = &c->routes[i];
        if (route->from.port == origin->port && slice_is(slice_text(route->from.host), origin->host))
            return slice_is(slice_text(route->to.host), host); /* libcurl takes the first that matches, too */
    }
    return false;
}
