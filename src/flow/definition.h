/* A compiled definition: tasks by index, lists of tasks, and indexes into the one jq program. Written by the
 * compile_*.c files, read by the run_*.c files, owned and counted by definition.c. Slices and borrowed values
 * point into `value`, the parsed document, which lives as long as the definition. Nothing here changes after
 * the compile. */
#ifndef FLOW_DEFINITION_H
#define FLOW_DEFINITION_H

#include <errno.h>
#include <jv.h>

#include "flow/expression.h"
#include "flow/flow.h"
#include "schema/schema.h"

#define FLOW_TASK_WORKFLOW 0xFFFF /* the index of the workflow itself in a trace */

/* What an expression names, so that a step builds only that. V(NAME, name): the bit and the variable. */
#define FLOW_VARIABLES(V)                                                                                    \
    V(CONTEXT, "context")                                                                                    \
    V(INPUT, "input")                                                                                        \
    V(OUTPUT, "output")                                                                                      \
    V(SECRETS, "secrets")                                                                                    \
    V(AUTHORIZATION, "authorization")                                                                        \
    V(TASK, "task")                                                                                          \
    V(WORKFLOW, "workflow")                                                                                  \
    V(RUNTIME, "runtime")

enum variable {
#define V(NAME, name) VARIABLE_##NAME,
    FLOW_VARIABLES(V)
#undef V
        VARIABLE_COUNT
};
#define VARIABLE_BIT(NAME) (1u << VARIABLE_##NAME)
#define USES_OWN           (1u << VARIABLE_COUNT) /* variables of `for` and `catch` */

/* A value to be computed: absent, a constant of the definition (owned here), or an expression of the program.
 */
enum expr_kind { EXPR_ABSENT, EXPR_CONSTANT, EXPR_PROGRAM };
struct expr {
    enum expr_kind kind;
    int index;
    unsigned uses;
    jv constant;
};

/* A duration: absent, literal, or computed. */
struct timing {
    enum { TIMING_ABSENT, TIMING_LITERAL, TIMING_EXPR } kind;
    int64_t ms;
    struct expr expr;
};

enum then_kind { THEN_CONTINUE, THEN_EXIT, THEN_END, THEN_TASK };
struct then {
    enum then_kind kind;
    bool is_set;
    uint16_t position; /* THEN_TASK: in the list that the task stands in */
};

struct task_list {
    uint16_t *tasks;
    uint16_t n;
};

struct switch_case {
    struct expr when; /* absent in the default case */
    struct then then;
};

struct error_template {
    struct expr type, title, detail, instance, status;
};

enum backoff { BACKOFF_CONSTANT, BACKOFF_LINEAR, BACKOFF_EXPONENTIAL };
struct retry {
    bool is_set;
    struct expr when, except_when;
    struct timing delay, attempt_duration, duration, jitter_from, jitter_to;
    enum backoff backoff;
    int64_t attempts; /* -1: LIMIT_RETRIES is the only bound */
};

struct authentication {
    enum auth_scheme scheme;
    struct slice use; /* a secret's name; empty when the fields follow */
    struct expr username, password;
};

enum http_output { HTTP_OUTPUT_CONTENT, HTTP_OUTPUT_RAW, HTTP_OUTPUT_RESPONSE };
struct http_call {
    struct expr method, headers, query, body;
    struct expr endpoint;      /* gives the URI; absent when `uri` is a template */
    struct slice uri_template; /* RFC 6570, level 1 */
    struct authentication authentication;
    enum http_output output;
    bool redirect;
};

/* K(NAME, name, summary): `name` is the property that makes a task one of this kind, and its kind in the manifest; the summary
 * is for sallyport-workflow(7). */
#define FLOW_TASK_KINDS(K)                                                                                   \
    K(DO, "do", "runs a list of tasks, one after the other")                                                 \
    K(SET, "set", "makes its value the output")                                                              \
    K(SWITCH, "switch", "goes on at the first case whose when is true")                                      \
    K(FOR, "for", "runs a list of tasks for each item, as long as while is true")                            \
    K(FORK, "fork", "runs branches side by side; with compete the first one to end is the output")           \
    K(RAISE, "raise", "fails with an error")                                                                 \
    K(TRY, "try", "runs a list of tasks, catches its errors and repeats it by a retry policy")               \
    K(WAIT, "wait", "waits for a duration")                                                                  \
    K(EMIT, "emit", "stores a CloudEvent with the run")                                                      \
    K(CALL, "call", "http calls an API; another name calls a function of use.functions")                     \
    K(LISTEN, "listen", "not supported yet")                                                                 \
    K(RUN, "run", "not supported yet")

enum task_kind {
#define K(NAME, ...) TASK_##NAME,
    FLOW_TASK_KINDS(K)
#undef K
        TASK_FUNCTION, /* a call of `use.functions` */
    TASK_WORKFLOW,     /* the workflow itself: the frame at the bottom */
    TASK_KIND_COUNT
};

struct task {
    enum task_kind kind;
    uint16_t index;
    uint16_t position; /* in its list */
    struct slice name; /* borrowed from the document */
    char *reference;   /* owned */
    jv definition;     /* borrowed from the document */
    struct expr condition, input_from, output_as, export_as;
    struct schema *input_schema, *output_schema, *export_schema;
    struct timing timeout;
    struct then then;

    struct task_list list; /* do, for, fork branches, try; the workflow's `do` */
    struct expr value;     /* set; for's `in`; emit's event; a function's `with` */
    union {
        struct {
            struct switch_case *items;
            uint16_t n;
        } cases;
        struct {
            struct slice each, at;
            struct expr while_;
        } loop;
        bool compete;
        struct error_template error;
        struct {
            struct expr type, title, status, instance,
                detail; /* the filter: constants, compared as they are */
            struct slice as;
            struct expr when, except_when;
            struct retry retry;
            struct task_list list;
            bool has_do;
            struct then then;
        } catch_;
        struct timing wait;
        struct http_call http;
        uint16_t function; /* index of the function's task */
    };
};

struct flow_definition {
    size_t references;
    jv value;
    jv secrets; /* array of names, or null */
    struct slice ns, name, version;
    struct flow_program *program;
    struct task workflow; /* kind TASK_WORKFLOW */
    struct task **tasks;  /* by index */
    uint16_t n_tasks;
    bool is_loose;
};

/* Frees what a task holds; the task itself stays. */
void task_release(struct task *t);

/* An empty definition with one reference. */
struct flow_definition *definition_new(void);

/* The value of a property, borrowed from `object` (also borrowed); of kind invalid when there is none. */
jv peek(jv object, const char *key);
jv peek_item(jv array, int i);

/* A string's bytes, borrowed. */
struct slice text_of(jv string);

static inline bool is_kind(jv v, jv_kind kind)
{
    return jv_get_kind(v) == kind;
}

#endif
