/* intake: one request's head. Walks the headers once, keeps the ones that pass, and refuses what two readers could read
 * differently. Called by server.c at the first call for a request. Must hold: what has no problem afterwards has one Host that
 * is valid, one framing, a plain path, and only headers of the table. */
#include "base/error.h"
#include "gateway/gateway.h"
#include "gateway/head.h"
#include "gateway/headers.h"
#include "gateway/validate.h"
#include "wire/codec.h"
#include "wire/roles.h"

/* Since this version the library refuses malformed heads itself when told to (server.c). */
#define LIBRARY_IS_STRICT (MHD_VERSION >= 0x00097701)

struct intake {
    struct connection *connection;
    struct head_walk walk;
    uint64_t seen; /* bits of the table's headers */
    struct slice host, length, encoding;
    struct slice forwarded[2][LIMIT_FORWARDED]; /* by enum forwarded_kind, in the order they came */
    size_t n_forwarded[2];
    size_t n, bytes;
    size_t body_len; /* as announced */
    enum problem problem;
};

static void refuse(struct intake *in, enum problem p)
{
    if (!in->problem)
        in->problem = p;
}

static void keep_forwarded(struct intake *in, enum forwarded_kind kind, struct slice value)
{
    if (in->n_forwarded[kind] == LIMIT_FORWARDED)
        refuse(in, PROBLEM_FORWARDED);
    else
        in->forwarded[kind][in->n_forwarded[kind]++] = value;
}

/* What we read ourselves. */
static void note(struct intake *in, int index, struct slice value)
{
    switch (index) {
    case HEADER_HOST:
        in->host = value;
        break;
    case HEADER_CONTENT_LENGTH:
        in->length = value;
        break;
    case HEADER_TRANSFER_ENCODING:
        in->encoding = value;
        break;
    case HEADER_X_FORWARDED_FOR:
        keep_forwarded(in, FORWARDED_X_FOR, value);
        break;
    case HEADER_FORWARDED:
        keep_forwarded(in, FORWARDED_RFC7239, value);
        break;
    default:
        break;
    }
}

static bool is_repeated(struct intake *in, const struct header_match *match)
{
    if (match->index >= 0) {
        bool repeated = in->seen & 1ull << match->index;
        in->seen |= 1ull << match->index;
        return repeated;
    }
    struct slice unused;
    char name[HEADER_NAME_MAX + 1];
    memcpy(name, match->name.p, match->name.len);
    name[match->name.len] = 0;
    return wire_pairs_find(buffer_slice(&in->connection->headers), name, &unused);
}

static void take_field(struct intake *in, struct slice name, struct slice value)
{
    in->bytes += name.len + value.len + 4;
    if (++in->n > LIMIT_HEADER_COUNT || in->bytes > LIMIT_HEADERS)
        return refuse(in, PROBLEM_HEADER_LIMIT);
    if (!is_token(name) || !is_field_value(value))
        return refuse(in, PROBLEM_HEADER);
    uint8_t scratch[HEADER_NAME_MAX];
    struct header_match match = request_header_find(name, scratch);
    if (match.use == HEADER_PASS || match.use == HEADER_FRAMING)
        if (is_repeated(in, &match))
            return refuse(in, match.use == HEADER_FRAMING ? PROBLEM_FRAMING
                              : match.index == HEADER_HOST ? PROBLEM_HOST
                                                           : PROBLEM_HEADER);
    while (value.len && (value.p[value.len - 1] == ' ' || value.p[value.len - 1] == '\t'))
        value.len--;
    note(in, match.index, value);
    if (match.use == HEADER_PASS || match.use == HEADER_LIST)
        wire_pairs_put(&in->connection->headers, match.name, value);
}

static enum MHD_Result on_field(void *user, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
                                size_t value_len)
{
    (void)kind;
    struct intake *in = user;
    head_field(&in->walk, name, name_len, value ? value : "", value_len);
    take_field(in, slice_of(name, name_len), slice_of(value ? value : "", value_len));
    return in->problem ? MHD_NO : MHD_YES;
}

/* RFC 9112, 6.1 and 6.3; stricter: no list of codings, no coding in HTTP/1.0. */
static void check_framing(struct intake *in, bool is_1_0)
{
    bool has_length = in->seen & 1u << HEADER_CONTENT_LENGTH, has_encoding = in->seen & 1u << HEADER_TRANSFER_ENCODING;
    if (has_encoding && (has_length || is_1_0 || !slice_equal_nocase(in->encoding, SLICE_LITERAL("chunked"))))
        return refuse(in, PROBLEM_FRAMING);
    in->connection->is_chunked = has_encoding;
    uint64_t length;
    if (!has_length)
        return;
    if (!is_digits(in->length))
        return refuse(in, PROBLEM_FRAMING);
    while (in->length.len > 1 && in->length.p[0] == '0')
        in->length = slice_of(in->length.p + 1, in->length.len - 1);
    if (slice_parse_u64(in->length, &length) < 0 || length > gateway_config.max_body)
        refuse(in, PROBLEM_BODY_LIMIT);
    else
        in->body_len = (size_t)length;
}

/* Now, where a refusal costs least. */
static void check_room(struct intake *in)
{
    if (in->body_len > LIMIT_BODY_SMALL && patience_is_out(&in->connection->client))
        refuse(in, PROBLEM_PATIENCE);
    else if (!connections_have_room(in->body_len))
        refuse(in, PROBLEM_OVERLOAD);
}

static void check_host(struct intake *in, bool is_1_0, const struct target *target)
{
    if (in->host.p ? !is_host(in->host) : !is_1_0)
        return refuse(in, PROBLEM_HOST);
    if (target->authority.len && !host_equal(target->authority, in->host))
        refuse(in, PROBLEM_HOST);
}

static void check_method(struct intake *in, const char *method)
{
    int known = http_method_parse(slice_text(method));
    if (known > 0)
        /* HEAD is GET whose content libmicrohttpd does not send. */
        in->connection->method = known == HTTP_HEAD ? HTTP_GET : (uint8_t)known;
    else if (strcmp(method, "TRACE") == 0 || strcmp(method, "CONNECT") == 0)
        refuse(in, PROBLEM_METHOD_REFUSED);
    else
        refuse(in, PROBLEM_METHOD_UNKNOWN);
}

/* Whom trusted proxies name. Where a proxy sets one kind and passes the other on as it came, the other is the client's own
 * invention; we cannot know which, so both together are refused. */
static void find_client(struct intake *in)
{
    struct connection *c = in->connection;
    if (!gateway_config.is_behind_proxy || !networks_have(gateway_config.trusted, gateway_config.n_trusted, &c->client))
        return;
    if (in->n_forwarded[FORWARDED_X_FOR] && in->n_forwarded[FORWARDED_RFC7239])
        return refuse(in, PROBLEM_FORWARDED);
    for (enum forwarded_kind kind = FORWARDED_X_FOR; kind <= FORWARDED_RFC7239; kind++) {
        int more = 0;
        for (size_t i = in->n_forwarded[kind]; more == 0 && i-- > 0;)
            more = forwarded_walk(kind, in->forwarded[kind][i], gateway_config.trusted, gateway_config.n_trusted, &c->client);
    }
}

static void check_target(struct intake *in, struct target *ret)
{
    int r = target_parse(buffer_slice(&in->connection->target), ret);
    if (r == -SP_ELIMIT || buffer_error(&in->connection->target) == -SP_ELIMIT)
        refuse(in, PROBLEM_TARGET_LIMIT);
    else if (r < 0 || buffer_error(&in->connection->target) < 0)
        refuse(in, PROBLEM_TARGET);
}

void intake_head(struct connection *c, const char *method, const char *version)
{
    struct intake in = {.connection = c};
    struct target target = {0};
    bool is_1_0 = strcmp(version, "HTTP/1.0") == 0;
#if !LIBRARY_IS_STRICT
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    in.walk = head_begin(method, info ? info->header_size : 0, c->target_at, c->target.len, version);
#endif
    (void)MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, &in);
#if !LIBRARY_IS_STRICT
    /* The cause before its consequences: a smuggled line makes other checks fail, too. */
    if (!in.problem && !head_end(&in.walk))
        refuse(&in, PROBLEM_FRAMING);
#endif
    if (!in.problem)
        check_framing(&in, is_1_0);
    if (!in.problem)
        check_method(&in, method);
    if (!in.problem)
        check_target(&in, &target);
    if (!in.problem)
        check_host(&in, is_1_0, &target);
    if (!in.problem)
        find_client(&in);
    if (!in.problem)
        check_room(&in);
    if (!in.problem && buffer_error(&c->headers) < 0)
        refuse(&in, buffer_error(&c->headers) == -SP_ELIMIT ? PROBLEM_HEADER_LIMIT : PROBLEM_OVERLOAD);
    c->problem = in.problem;
}
