/* Where a redirect leads: the base up to the first newline, then the Location of a hostile server. What is
 * resolved and then taken by the strict parser is what will be called: it must mean the same to libcurl,
 * resolve to itself, and keep to http and https. */
#include <curl/curl.h>

#include "base/limits.h"
#include "base/must.h"
#include "egress/redirect.h"
#include "policy/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void agrees_with_libcurl(const char *text, const struct policy_uri *uri)
{
    CURLU *url = curl_url();
    char *host = NULL, *path = NULL, *user = NULL;
    must(curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK);
    must(curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
         curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK);
    must(curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
    must(slice_equal_nocase(slice_text(host), slice_text(uri->origin.host)));
    must(uri->path.len ? slice_is(uri->path, path) : strcmp(path, "/") == 0);
    curl_free(host);
    curl_free(path);
    curl_url_cleanup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice location = slice_of(data, size), base;
    struct policy_uri at, to;
    if (!slice_split(&location, '\n', &base) || policy_uri_parse(base, &at, NULL) < 0)
        return 0;
    _cleanup_free_ char *base_text = slice_dup(base);
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(4 * LIMIT_URI), again = BUFFER_MAX(4 * LIMIT_URI);
    must(base_text);
    if (redirect_resolve(base_text, location, &uri) < 0 ||
        policy_uri_parse(buffer_slice(&uri), &to, NULL) < 0)
        return 0;
    must(strcmp(to.origin.scheme, "http") == 0 || strcmp(to.origin.scheme, "https") == 0);
    must(!memchr(uri.p, '#', uri.len));
    struct slice text = buffer_slice(&uri);
    agrees_with_libcurl(buffer_text(&uri), &to);
    must(redirect_resolve(base_text, text, &again) == 0 && slice_equal(buffer_slice(&again), text));
    return 0;
}
