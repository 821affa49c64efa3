/* expression: writes the one jq program of a definition, and has jq compile it.
 *
 *   def input: error("…"); …                             the prelude: whatever the lint refuses is an error all the same
 *   .[0] as $__i|.[2] as $__v|.[3] as $__n|{} as $ENV|def now:$__n;.[1]|
 *   if $__i<1 then (def __e:SKELETON;__e) else (def __e:SKELETON;__e) end      a balanced tree over the branch
 *
 * where each expression stands in its skeleton as `(BINDS(` newline TEXT newline `))`. The newline before the closing brackets
 * ends a comment; that no text closes them by itself is the lexer's promise. Each branch is a function of its own because libjq
 * takes at most 64 Ki words in one. What must hold: nothing here reads a file, prints, or looks at the environment.
 * Called through expression.h. */
#include "flow/expression.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"
#include "flow/expression_lint.h"
#include "flow/program.h"
#include "flow/template.h"

#define PROGRAM_MAX (8 * LIMIT_DEFINITION)
#define LOOSE_TRIES 32 /* texts of loose mode that only jq's parser can tell from expressions */

#define PRELUDE_0(name) "def " name ":error(\"`" name "` is not available in expressions\");"
#define PRELUDE_1(name) "def " name "(f):error(\"`" name "` is not available in expressions\");"
#define D(name, arity, hint) PRELUDE_##arity(name)
static const char prelude[] =
    FLOW_FORBIDDEN_FUNCTIONS(D)
    "def " FLOW_TEMPLATE_ONE "(f):[first(f)]|if length==0 then error(\"an expression produced no value\") else .[0] end;"
    ".[0] as $__i|.[2] as $__v|.[3] as $__n|{} as $ENV|def now:$__n;.[1]|";
#undef D

/* --- the program's text -------------------------------------------------------------------------------------------- */

static uint32_t count_lines(const char *text)
{
    uint32_t n = 0;
    while ((text = strchr(text, '\n')))
        n++, text++;
    return n;
}

static void write_part(struct buffer *out, struct program_part *part, uint32_t *line)
{
    if (part->is_text) {
        flow_template_write_constant(out, jv_string(part->text));
        return;
    }
    part->first_line = *line + 1;
    part->last_line = *line + 2 + count_lines(part->text);
    *line = part->last_line;
    buffer_append_text(out, part->is_loose ? "(try (" : "(");
    buffer_append_text(out, part->binds);
    buffer_append_text(out, "(\n");
    buffer_append_text(out, part->text);
    buffer_append_text(out, "\n))");
    if (part->is_loose) {
        buffer_append_text(out, " catch ");
        flow_template_write_constant(out, jv_string(part->text));
        buffer_append_byte(out, ')');
    }
}

static void write_entry(struct flow_program *p, const struct program_entry *entry, struct buffer *out, uint32_t *line)
{
    size_t at = 0;
    buffer_append_text(out, "(def __e:");
    for (size_t i = 0; i < entry->n_parts; i++) {
        struct program_part *part = &p->parts[entry->first_part + i];
        buffer_append(out, entry->skeleton.p + at, part->at - at);
        at = part->at;
        write_part(out, part, line);
    }
    buffer_append(out, entry->skeleton.p + at, entry->skeleton.len - at);
    buffer_append_text(out, ";__e)");
}

/* The tree over branches `from` to `to` - 1, from left to right; `*next` is where the next branch's entry is looked for.
 * Recursion is bounded by log2(LIMIT_EXPRESSIONS). */
static void write_tree(struct flow_program *p, uint32_t from, uint32_t to, size_t *next, struct buffer *out, uint32_t *line)
{
    if (to - from == 1) {
        while (p->entries[*next].n_parts == 0)
            ++*next;
        must(p->entries[*next].branch == from);
        write_entry(p, &p->entries[(*next)++], out, line);
        return;
    }
    uint32_t middle = from + (to - from) / 2;
    buffer_printf(out, "if $__i<%u then ", middle);
    write_tree(p, from, middle, next, out, line);
    buffer_append_text(out, " else ");
    write_tree(p, middle, to, next, out, line);
    buffer_append_text(out, " end");
}

int flow_program_write(struct flow_program *p, struct buffer *out)
{
    uint32_t line = 1;
    size_t next = 0;
    must(p->n_branches > 0);
    buffer_append_text(out, prelude);
    write_tree(p, 0, p->n_branches, &next, out, &line);
    return buffer_text(out) ? 0 : buffer_error(out);
}

/* --- jq ------------------------------------------------------------------------------------------------------------ */

/* libjq takes the time zone from TZ and looks for a library in the home directory, 1.7 and later even in the home that the
 * user database names. None of it may count: a definition means the same everywhere [I4]. */
static void leave_the_machine(void)
{
    static bool has_left;
    if (has_left)
        return;
    has_left = true;
    setenv("TZ", "UTC0", 1);
    tzset();
#ifdef JQ_HAS_LITERALS
    setenv("HOME", "/dev/null", 1);
#else
    unsetenv("HOME");
#endif
}

static void keep_first_message(void *user, jv message)
{
    jv *kept = user;
    if (kept && !jv_is_valid(*kept))
        *kept = message;
    else
        jv_free(message);
}

static void drop_message(void *user, jv message)
{
    jv_free(message);
}

static jv no_input(jq_state *jq, void *user)
{
    return jv_invalid();
}

jq_state *flow_jq_new(jv *ret_message)
{
    leave_the_machine();
    jq_state *jq = jq_init();
    if (!jq)
        return NULL;
    jq_set_error_cb(jq, keep_first_message, ret_message);
    jq_set_debug_cb(jq, drop_message, NULL);
    jq_set_input_cb(jq, no_input, NULL);
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    return jq;
}

jv flow_jq_functions(void)
{
    jq_state *jq = flow_jq_new(NULL);
    if (!jq)
        return jv_invalid();
    jv names = jv_invalid();
    if (jq_compile(jq, "[builtins[]|split(\"/\")|{key:.[0],value:true}]|from_entries")) {
        jq_start(jq, jv_null(), 0);
        names = jq_next(jq);
    }
    jq_teardown(&jq);
    return names;
}

/* The part whose lines hold the one that jq names in "… at <top-level>, line 7:"; NULL when it names none. The line counts from
 * the part's first; that of our closing brackets comes after its last. */
static struct program_part *guilty_part(struct flow_program *p, const char *message, uint32_t *ret_line)
{
    const char *place = strstr(message, "at <top-level>, line ");
    if (!place)
        return NULL;
    unsigned long line = strtoul(place + strlen("at <top-level>, line "), NULL, 10);
    for (size_t i = 0; i < p->n_parts; i++) {
        struct program_part *part = &p->parts[i];
        if (part->is_text || line < part->first_line || line > part->last_line)
            continue;
        *ret_line = (uint32_t)line - part->first_line + 1;
        return part;
    }
    return NULL;
}

/* What jq says, without its frame: "jq: error: " before, the place and what it guesses about shells after. */
static int report(struct flow_program *p, const struct program_part *part, uint32_t line, const char *message, int *ret_failed,
                  struct diag *reterr)
{
    if (strncmp(message, "jq: error: ", 11) == 0)
        message += 11;
    const char *end = strstr(message, " (Unix shell quoting issues?)");
    const char *place = strstr(message, " at <top-level>");
    if (!end || (place && place < end))
        end = place;
    size_t len = end ? (size_t)(end - message) : strcspn(message, "\n");
    uint32_t lines = part ? part->last_line - part->first_line : 0;
    if (line > lines)
        diag_set(reterr, -SP_ESYNTAX, "syntax error, unexpected end of the expression");
    else if (strncmp(message, "memory exhausted", 16) == 0)
        diag_set(reterr, -SP_ESYNTAX, "the expression chains too many operators");
    else
        diag_set(reterr, -SP_ESYNTAX, "%.*s", (int)(len > 900 ? 900 : len), message);
    if (!part)
        return -SP_ESYNTAX;
    diag_place(reterr, line > lines ? lines : line, 1);
    diag_pointer(reterr, "%s", part->pointer);
    size_t i = (size_t)(part - p->parts), e = 0;
    while (e + 1 < p->n_entries && p->entries[e + 1].first_part <= i)
        e++;
    *ret_failed = (int)e;
    return -SP_ESYNTAX;
}

/* One try. 0; 1 when a loose part turned out to be plain text, so that another try is worth it; or an error. */
static int compile_once(struct flow_program *p, bool may_retry, int *ret_failed, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(PROGRAM_MAX);
    int r = flow_program_write(p, &text);
    if (r < 0)
        return diag_set(reterr, r, "the expressions of the definition are too long together");
    jv message = jv_invalid();
    jq_state *jq = flow_jq_new(&message);
    if (!jq)
        return -ENOMEM;
    if (jq_compile(jq, buffer_text(&text))) {
        jq_set_error_cb(jq, drop_message, NULL);
        p->jq = jq;
        jv_free(message);
        return 0;
    }
    jq_teardown(&jq);
    const char *said = jv_get_kind(message) == JV_KIND_STRING ? jv_string_value(message) : "the expressions do not compile";
    uint32_t line = 0;
    struct program_part *part = guilty_part(p, said, &line);
    if (part && part->is_loose && may_retry) {
        part->is_text = true;
        r = 1;
    } else {
        r = report(p, part, line, said, ret_failed, reterr);
    }
    jv_free(message);
    return r;
}

int flow_program_compile(struct flow_program *p, int *ret_failed, struct diag *reterr)
{
    must(!p->jq);
    *ret_failed = -1;
    if (p->n_parts == 0)
        return 0;
    int r = 1;
    for (unsigned tries = 0; r == 1; tries++)
        r = compile_once(p, tries < LOOSE_TRIES, ret_failed, reterr);
    return r;
}
