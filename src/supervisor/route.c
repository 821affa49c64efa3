/* route: takes "HOST:PORT:ADDRESS:PORT" apart. Called for the configuration and for the command's --connect-to. */
#include "supervisor/route.h"

#include "base/error.h"

/* The second colon outside of brackets, if there are three of them; else NULL. */
static const char *middle(const char *text)
{
    const char *found = NULL;
    unsigned n = 0;
    bool in_brackets = false;
    for (const char *p = text; *p; p++) {
        in_brackets = *p == '[' || (in_brackets && *p != ']');
        if (*p == ':' && !in_brackets && ++n == 2)
            found = p;
    }
    return n == 3 && !in_brackets ? found : NULL;
}

int route_check(const char *text)
{
    return middle(text) ? 0 : -SP_EINVALID;
}

void route_write(struct json_writer *w, const char *text)
{
    const char *colon = middle(text);
    json_object_begin(w);
    json_key_string(w, "from", slice_of(text, colon ? (size_t)(colon - text) : 0));
    json_key_text(w, "to", colon ? colon + 1 : "");
    json_object_end(w);
}
