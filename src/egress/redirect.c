/* redirect: pure questions about redirects; call.c judges the answer as strictly as a first URI. */
#include "egress/redirect.h"

#include <curl/curl.h>
#include <errno.h>

#include "base/error.h"
#include "base/limits.h"

bool redirect_is(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool redirect_becomes_get(uint16_t status, const char *method)
{
    if (strcmp(method, "HEAD") == 0)
        return false;
    return status == 303 || ((status == 301 || status == 302) && strcmp(method, "POST") == 0);
}

/* libcurl resolves the reference; whatever it makes of an odd one is then parsed strictly, and that very text is called. */
int redirect_resolve(const char *base, struct slice location, struct buffer *ret_uri)
{
    if (location.len == 0 || location.len > LIMIT_URI || memchr(location.p, 0, location.len))
        return -SP_EINVALID;
    _cleanup_free_ char *text = slice_dup(location);
    CURLU *url = text ? curl_url() : NULL;
    if (!url)
        return -ENOMEM;
    char *resolved = NULL;
    CURLUcode code = curl_url_set(url, CURLUPART_URL, base, 0);
    if (code == CURLUE_OK)
        code = curl_url_set(url, CURLUPART_URL, text, CURLU_URLENCODE);
    if (code == CURLUE_OK)
        code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_URL, &resolved, 0);
    int r = code == CURLUE_OK              ? buffer_append_text(ret_uri, resolved)
            : code == CURLUE_OUT_OF_MEMORY ? -ENOMEM
                                           : -SP_EINVALID;
    curl_free(resolved);
    curl_url_cleanup(url);
    return r;
}
