/* problem: the table of problem.h as text. Called once for each problem at start, and by the accept policy. */
#include "gateway/problem.h"

#include "base/json_writer.h"

static const struct {
    const char *slug, *title, *detail;
    unsigned status;
    bool closes;
} PROBLEMS[PROBLEM_COUNT] = {
#define P(NAME, number, text, closes_it, headline, explanation)                                                  \
    [NAME] = {.slug = text, .title = headline, .detail = explanation, .status = number, .closes = closes_it},
    GATEWAY_PROBLEMS(P)
#undef P
};

unsigned problem_status(enum problem p)
{
    return PROBLEMS[p].status;
}

const char *problem_title(enum problem p)
{
    return PROBLEMS[p].title;
}

bool problem_closes(enum problem p)
{
    return PROBLEMS[p].closes;
}

void problem_body(enum problem p, struct buffer *b)
{
    char type[64];
    (void)snprintf(type, sizeof type, "urn:sallyport:error:%s", PROBLEMS[p].slug);
    struct json_writer w = JSON_WRITER(b);
    json_object_begin(&w);
    json_key_text(&w, "type", type);
    json_key_text(&w, "title", PROBLEMS[p].title);
    json_key_u64(&w, "status", PROBLEMS[p].status);
    json_key_text(&w, "detail", PROBLEMS[p].detail);
    json_object_end(&w);
}
