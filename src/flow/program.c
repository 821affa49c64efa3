/* program: holds the expressions of a definition from the first add to the last evaluation.
 *
 * What must hold: every text in `parts` passed flow_expression_lint; the order of entries is their index; after compile
 * nothing is added. Evaluation gives data in as one array `[branch, dot, variables, now]`, never as program text [I9].
 * Called by the definition compiler (adds, compile) and the interpreter (eval). */
#include "flow/program.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"
#include "flow/expression.h"
#include "flow/expression_value.h"
#include "flow/expression_lint.h"
#include "flow/template.h"

#define SCOPE_MAX   128                     /* variables in one scope */
#define ENTRIES_MAX (8 * LIMIT_EXPRESSIONS) /* constants are cheap: they stay outside of the jq program */

int flow_program_new(struct flow_program **ret)
{
    struct flow_program *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->functions = jv_invalid();
    *ret = p;
    return 0;
}

static void part_free(struct program_part *part)
{
    free(part->pointer);
    free(part->binds);
    free(part->text);
}

static void drop_parts(struct flow_program *p, size_t first)
{
    while (p->n_parts > first)
        part_free(&p->parts[--p->n_parts]);
}

static void entry_free(struct program_entry *entry)
{
    jv_free(entry->constant);
    buffer_free(&entry->skeleton);
}

void flow_program_free(struct flow_program *p)
{
    if (!p)
        return;
    if (p->jq)
        jq_teardown(&p->jq);
    for (size_t i = 0; i < p->n_entries; i++)
        entry_free(&p->entries[i]);
    drop_parts(p, 0);
    jv_free(p->functions);
    free(p->entries);
    free(p->parts);
    free(p);
}

/* Room for one more item of an array of at most `max`. */
static int grow(void **items, size_t n, size_t *size, size_t item_len, size_t max, struct diag *reterr)
{
    if (n >= max)
        return diag_set(reterr, -SP_ELIMIT, "more than %zu expressions in one definition", max);
    if (n < *size)
        return 0;
    size_t size_new = *size ? *size * 2 : 16;
    void *moved = reallocarray(*items, size_new, item_len);
    if (!moved)
        return -ENOMEM;
    *items = moved;
    *size = size_new;
    return 0;
}

static bool is_function(struct slice name, void *user)
{
    struct flow_program *p = user;
    if (jv_get_kind(p->functions) != JV_KIND_OBJECT)
        p->functions = flow_jq_functions();
    if (jv_get_kind(p->functions) != JV_KIND_OBJECT)
        return false;
    return jv_object_has(jv_copy(p->functions), jv_string_sized((const char *)name.p, (int)name.len));
}

/* jq text that binds each variable in use, so that an expression pays only for what it names. */
static char *binds_of(const char *const *scope, const bool *uses)
{
    struct buffer text = BUFFER_MAX(2 * SCOPE_MAX * (LIMIT_NAME + 32));
    for (size_t i = 0; scope && scope[i]; i++)
        if (uses[i])
            buffer_printf(&text, "$__v.%s as $%s|", scope[i], scope[i]);
    char *copy = NULL;
    if (buffer_text(&text))
        copy = slice_dup(buffer_slice(&text));
    buffer_free(&text);
    return copy;
}

static int part_new(struct flow_program *p, struct slice text, bool is_loose, const char *const *scope, struct diag *reterr)
{
    size_t n = 0;
    while (scope && scope[n])
        n++;
    if (n > SCOPE_MAX)
        return diag_set(reterr, -SP_ELIMIT, "more than %d variables are in scope", SCOPE_MAX);
    bool uses[SCOPE_MAX] = {false};
    struct flow_lint lint = {.scope = scope, .uses = uses, .is_function = is_loose ? is_function : NULL, .user = p};
    int r = flow_expression_lint(text, &lint, reterr);
    if (r < 0)
        return r;
    void *parts = p->parts;
    r = grow(&parts, p->n_parts, &p->parts_size, sizeof *p->parts, LIMIT_EXPRESSIONS, reterr);
    p->parts = parts;
    if (r < 0)
        return r;
    struct program_part part = {.text = slice_dup(text), .binds = binds_of(scope, uses), .is_loose = is_loose};
    if (!part.text || !part.binds) {
        part_free(&part);
        return -ENOMEM;
    }
    p->parts[p->n_parts++] = part;
    return 0;
}

/* Turns what stands in `skeleton` and the parts from `first_part` on into the next entry. */
static int entry_new(struct flow_program *p, struct program_entry *entry, struct diag *reterr)
{
    void *entries = p->entries;
    int r = grow(&entries, p->n_entries, &p->entries_size, sizeof *p->entries, ENTRIES_MAX, reterr);
    p->entries = entries;
    if (r < 0)
        return r;
    entry->n_parts = p->n_parts - entry->first_part;
    entry->branch = entry->n_parts ? p->n_branches++ : 0;
    p->entries[p->n_entries] = *entry;
    return (int)p->n_entries++;
}

int flow_program_add(struct flow_program *p, struct slice text, const char *const *variables, struct diag *reterr)
{
    must(!p->jq);
    struct program_entry entry = {.constant = jv_invalid(), .first_part = p->n_parts};
    int r = part_new(p, text, false, variables, reterr);
    if (r == 0 && !(p->parts[entry.first_part].pointer = strdup("")))
        r = -ENOMEM;
    if (r == 0)
        r = entry_new(p, &entry, reterr);
    if (r < 0)
        drop_parts(p, entry.first_part);
    return r;
}

struct template_user {
    struct flow_program *program;
    const char *const *variables;
    struct diag *reterr;
};

static int add_template_part(struct slice text, bool wrapped, const char *pointer, size_t at, void *user)
{
    struct template_user *u = user;
    struct flow_program *p = u->program;
    int r = part_new(p, text, !wrapped, u->variables, wrapped ? u->reterr : NULL);
    if (r < 0 && !wrapped && r != -ENOMEM)
        return 0;
    if (r < 0) {
        diag_pointer(u->reterr, "%s", pointer);
        return r;
    }
    struct program_part *part = &p->parts[p->n_parts - 1];
    part->at = at;
    part->pointer = strdup(pointer);
    return part->pointer ? 1 : -ENOMEM;
}

int flow_program_add_template(struct flow_program *p, jv template, bool loose, const char *const *variables, struct diag *reterr)
{
    must(!p->jq);
    struct template_user user = {p, variables, reterr};
    struct program_entry entry = {
        .constant = jv_invalid(), .skeleton = BUFFER_MAX(4 * LIMIT_DEFINITION), .first_part = p->n_parts};
    int r = flow_template_write(template, loose, &entry.skeleton, add_template_part, &user, reterr);
    if (r == 0 && p->n_parts == entry.first_part) {
        buffer_free(&entry.skeleton);
        entry.constant = jv_copy(template);
    }
    jv_free(template);
    if (r == 0)
        r = entry_new(p, &entry, reterr);
    if (r < 0) {
        drop_parts(p, entry.first_part);
        entry_free(&entry);
    }
    return r;
}

/* jq's message for an invalid value; consumed. */
static int failure(jv invalid, struct diag *reterr)
{
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) == JV_KIND_NULL) {
        diag_set(reterr, -SP_EINVALID, "the expression produced no value");
    } else if (jv_get_kind(message) == JV_KIND_STRING) {
        diag_set(reterr, -SP_EINVALID, "%s", jv_string_value(message));
    } else if (flow_value_is_too_big(message)) {
        diag_set(reterr, -SP_EINVALID, "the expression raised an error that is too big to show");
    } else {
        message = jv_dump_string(message, 0);
        diag_set(reterr, -SP_EINVALID, "%s", jv_string_value(message));
    }
    jv_free(message);
    return -SP_EINVALID;
}

int flow_program_eval(struct flow_program *p, int index, jv dot, jv variables, int64_t now_ms, jv *ret, struct diag *reterr)
{
    must(index >= 0 && (size_t)index < p->n_entries);
    const struct program_entry *entry = &p->entries[index];
    if (jv_is_valid(entry->constant)) {
        jv_free(dot);
        jv_free(variables);
        *ret = jv_copy(entry->constant);
        return 0;
    }
    must(p->jq != NULL);
    jv input = jv_array_sized(4);
    input = jv_array_append(input, jv_number(entry->branch));
    input = jv_array_append(input, dot);
    input = jv_array_append(input, variables);
    input = jv_array_append(input, jv_number((double)now_ms / 1000));
    jq_start(p->jq, input, 0);
    jv value = jq_next(p->jq);
    /* Lets go of what the evaluation holds; libjq would keep it until the next one. */
    jq_start(p->jq, jv_null(), 0);
    if (!jv_is_valid(value))
        return failure(value, reterr);
    if (flow_value_is_too_big(value)) {
        jv_free(value);
        return diag_set(reterr, -SP_EBUDGET, "the expression's value is larger than %u bytes or nested more than %d levels deep",
                        LIMIT_VALUE, LIMIT_JSON_DEPTH);
    }
    *ret = value;
    return 0;
}
