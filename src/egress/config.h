/* The part of the configuration that is for egress, JSON:
 *   {"allowHttp": true, "connectTo": [{"from": "api.example.com:443", "to": "10.0.0.5:8443"}]}
 * Both may be left out; unknown members are refused. `connectTo` sends the connections for one host and port to an address,
 * which then needs no grant of its own: the operator wrote it down. `allowHttp` false refuses plain HTTP even when granted. */
#ifndef EGRESS_CONFIG_H
#define EGRESS_CONFIG_H

#include <curl/curl.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "policy/origin.h"

struct egress_config;

[[gnu::warn_unused_result]] int egress_config_parse(struct slice json, struct egress_config **ret, struct diag *reterr);
/* Counted, because libcurl reads the list of `connectTo` as long as a transfer lives; born with one reference. */
struct egress_config *egress_config_ref(struct egress_config *c);
void egress_config_unref(struct egress_config *c);

bool egress_config_allows_http(const struct egress_config *c);

/* For CURLOPT_CONNECT_TO; borrowed. */
struct curl_slist *egress_config_connect_to(const struct egress_config *c);

/* Whether connections for this origin are sent to this address (its port not compared: libcurl sets it). */
bool egress_config_leads(const struct egress_config *c, const struct policy_origin *origin, const struct sockaddr *address);

#endif
