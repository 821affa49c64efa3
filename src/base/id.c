/* id: run ids and names. */
#include "base/id.h"

#include <errno.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/must.h"

#define EPOCH_2020_MS 1577836800000ll
#define RANDOM_BITS   22

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* A character's place in the alphabet, from 1; 0: it is not in it. */
static const uint8_t digits[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['g'] = 17, ['h'] = 18, ['j'] = 19, ['k'] = 20,
    ['m'] = 21, ['n'] = 22, ['p'] = 23, ['q'] = 24, ['r'] = 25, ['s'] = 26, ['t'] = 27, ['v'] = 28, ['w'] = 29, ['x'] = 30,
    ['y'] = 31, ['z'] = 32,
};

/* From the kernel, straight to where they go. */
static void fill(uint8_t *at, size_t len)
{
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        must(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

/* Nonces and ids are a few bytes each, several for each run: they come from a pool, which costs one system call in many. Keys
 * are longer than POOLED and never lie in it. What was given is wiped; no role forks without exec. */
#define POOLED 16

void random_bytes(void *p, size_t len)
{
    static _Thread_local uint8_t pool[512];
    static _Thread_local size_t left;
    if (len > POOLED) {
        fill(p, len);
        return;
    }
    if (left < len) {
        fill(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= len;
    memcpy(p, pool + left, len);
    explicit_bzero(pool + left, len);
}

struct run_id run_id_new(int64_t wall_ms, struct run_id last)
{
    uint32_t random;
    random_bytes(&random, sizeof random);
    uint64_t ms = wall_ms > EPOCH_2020_MS ? (uint64_t)(wall_ms - EPOCH_2020_MS) : 0;
    uint64_t n = (ms & ((1ull << 41) - 1)) << RANDOM_BITS | (random & ((1u << RANDOM_BITS) - 1));
    /* The clock may step back: order and uniqueness come first. A small random step keeps the next id unguessable. */
    if (n <= last.n)
        n = last.n + 1 + (random & 0xFFF);
    return (struct run_id){n};
}

void run_id_text(struct run_id id, char ret[RUN_ID_LEN + 1])
{
    ret[0] = 'r';
    for (int i = 0; i < 13; i++)
        ret[13 - i] = alphabet[id.n >> (5 * i) & 31];
    ret[RUN_ID_LEN] = 0;
}

int run_id_parse(struct slice s, struct run_id *ret)
{
    if (s.len != RUN_ID_LEN || s.p[0] != 'r' || (s.p[1] != '0' && (s.p[1] < '1' || s.p[1] > '7')))
        return -SP_ESYNTAX;
    uint64_t n = 0;
    for (size_t i = 1; i < s.len; i++) {
        uint8_t digit = digits[s.p[i]];
        if (!digit)
            return -SP_ESYNTAX;
        n = n << 5 | (uint64_t)(digit - 1);
    }
    *ret = (struct run_id){n};
    return 0;
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_dsl(struct slice s)
{
    if (s.len == 0 || s.len > 63 || !is_alphanumeric(s.p[0]) || !is_alphanumeric(s.p[s.len - 1]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

bool name_is_credential(struct slice s)
{
    if (s.len == 0 || s.len > 64 || !is_alphanumeric(s.p[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
            return false;
    return true;
}
