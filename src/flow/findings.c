/* findings: writes what the check found as JSON. Called by the compiler alone. What must hold: never more
 * than LIMIT_FINDINGS, and an error is never lost to that limit, because it is counted even when it is not
 * written. */
#include "flow/findings.h"

static const char *const level_names[] = {
    [FINDING_ERROR] = "error", [FINDING_WARNING] = "warning", [FINDING_NOTE] = "note"};

void findings_begin(struct findings *f, struct buffer *out)
{
    *f = (struct findings){.writer = JSON_WRITER(out)};
    json_array_begin(&f->writer);
}

void findings_end(struct findings *f)
{
    json_array_end(&f->writer);
}

static void write_finding(struct findings *f, enum finding_level level, const char *rule,
                          const struct diag *diag)
{
    struct json_writer *w = &f->writer;
    json_object_begin(w);
    json_key_text(w, "rule", rule);
    json_key_text(w, "level", level_names[level]);
    json_key_text(w, "message", diag->text);
    json_key_text(w, "hint", diag->hint);
    json_key_u64(w, "line", diag->line);
    json_key_u64(w, "column", diag->column);
    json_key_text(w, "pointer", diag->pointer);
    json_object_end(w);
}

/* FNV-1a. A clash hides one message of an entry that another message is there for; the count of errors is
 * unharmed. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u;
}

static bool is_repeated(const struct findings *f, const char *rule, const struct diag *diag,
                        uint64_t *ret_hash)
{
    *ret_hash = hash_text(hash_text(hash_text(0xcbf29ce484222325u, rule), diag->pointer), diag->text);
    for (unsigned i = 0; i < f->n; i++)
        if (f->seen[i] == *ret_hash)
            return true;
    return false;
}

static void add(struct findings *f, enum finding_level level, const char *rule, const struct diag *diag)
{
    uint64_t hash;
    if (is_repeated(f, rule, diag, &hash))
        return;
    if (level == FINDING_ERROR)
        f->errors++;
    if (f->n + 1 < LIMIT_FINDINGS) {
        f->seen[f->n++] = hash;
        write_finding(f, level, rule, diag);
    } else if (!f->is_full) {
        f->is_full = true;
        f->n++;
        struct diag full = {0};
        diag_set(&full, 0, "there are more findings than are reported");
        diag_hint(&full, "correct these first");
        write_finding(f, FINDING_NOTE, "too-many-findings", &full);
    }
}

void findings_add(struct findings *f, enum finding_level level, const char *rule, const char *pointer,
                  bool of_key, const char *message, const char *hint)
{
    struct diag diag = {0};
    diag_set(&diag, 0, "%s", message);
    diag_pointer(&diag, "%s", pointer);
    if (hint)
        diag_hint(&diag, "%s", hint);
    uint32_t line = 0, column = 0;
    if (f->document) {
        (void)flow_document_place(f->document, pointer, of_key, &line, &column);
        diag_place(&diag, line, column);
    }
    add(f, level, rule, &diag);
}

void findings_add_diag(struct findings *f, const char *rule, const struct diag *diag)
{
    add(f, FINDING_ERROR, rule, diag);
}
