/* A URI that is about to be called. What is accepted must mean the same to libcurl, and its origin must survive being written
 * and read again. */
#include <curl/curl.h>

#include "base/must.h"
#include "policy/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
    char *value = NULL;
    must(curl_url_get(url, which, &value, flags) == CURLUE_OK);
    return value;
}

static void agrees(const char *text, const struct policy_uri *uri)
{
    CURLU *url = curl_url();
    must(curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK);
    char *host = part(url, CURLUPART_HOST, 0);
    char *scheme = part(url, CURLUPART_SCHEME, 0);
    char *path = part(url, CURLUPART_PATH, 0);
    char *port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char ours[8];
    snprintf(ours, sizeof ours, "%u", uri->origin.port);
    must(slice_equal_nocase(slice_text(host), slice_text(uri->origin.host)));
    must(strcmp(scheme, uri->origin.scheme) == 0);
    must(strcmp(port, ours) == 0);
    must(uri->path.len ? slice_is(uri->path, path) : strcmp(path, "/") == 0);
    curl_free(host);
    curl_free(scheme);
    curl_free(path);
    curl_free(port);
    curl_url_cleanup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_uri uri;
    struct slice input = slice_of(data, size);
    if (policy_uri_parse(input, &uri, NULL) < 0)
        return 0;
    char *text = slice_dup(input);
    must(text);
    agrees(text, &uri);
    free(text);
    char origin[POLICY_ORIGIN_TEXT];
    struct policy_origin again;
    policy_origin_text(&uri.origin, origin);
    must(policy_origin_parse(slice_text(origin), &again, NULL) == 0 && policy_origin_equal(&again, &uri.origin));
    return 0;
}
