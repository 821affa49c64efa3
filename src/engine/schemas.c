/* schemas: the table of schemas.h. Enumerations and limits come from the lists that the code itself uses. */
#include "engine/schemas.h"

#include "audit/leaf.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/must.h"
#include "engine/run_data.h"
#include "store/store.h"
#include "wire/roles.h"

#define EXACT_MAX ((int64_t)((1ull << 53) - 1)) /* integers that every reader of JSON has */

static const char *credential_state(int value)
{
    static const char *const texts[] = {"active", "revoked"};
    return (unsigned)value < 2 ? texts[value] : NULL;
}

static const char *finding_level(int value)
{
    static const char *const texts[] = {"error", "warning", "note"};
    return (unsigned)value < 3 ? texts[value] : NULL;
}

static const char *audit_action(int value)
{
    return value > AUDIT_ACTION_NONE && value < AUDIT_ACTION_COUNT
               ? audit_action_slug((enum audit_action)value)
               : NULL;
}

static const char *audit_outcome(int value)
{
    return (unsigned)value < AUDIT_OUTCOME_COUNT ? audit_outcome_slug((enum audit_outcome)value) : NULL;
}

static bool is_run_id(struct slice s)
{
    struct run_id id;
    return run_id_parse(s, &id) == 0;
}

/* --- members ----------------------------------------------------------------------------------------- */

typedef const struct schema_member members[];

static members of_problem = {
    {"type", SCHEMA_URI, IS_REQUIRED, "Stable; what a program decides by."},
    {"title", SCHEMA_TEXT, IS_REQUIRED, "The type in words; the same for each problem of the type."},
    {"status", SCHEMA_COUNT, IS_REQUIRED, "The HTTP status."},
    {"detail", SCHEMA_TEXT, IS_REQUIRED, "What was wrong this time, and what to do about it."},
    {"findings", SCHEMA_FINDING, IS_LIST,
     "What is wrong with the definition; with the type `definition` alone."},
};
static members of_fault = {
    {"type", SCHEMA_URI, IS_REQUIRED, "Of the workflow language, or the workflow's own."},
    {"title", SCHEMA_TEXT, 0, NULL},
    {"status", SCHEMA_COUNT, IS_REQUIRED, NULL},
    {"detail", SCHEMA_TEXT, 0, NULL},
    {"instance", SCHEMA_TEXT, 0, "JSON Pointer of the task in the definition."},
};
static members of_fault_told = {
    {"title", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"detail", SCHEMA_TEXT, IS_REQUIRED, "What the sender did wrong; of any other fault nothing."},
};
static members of_finding = {
    {"rule", SCHEMA_TEXT, IS_REQUIRED, "Stable name of what was found."},
    {"level", SCHEMA_FINDING_LEVEL, IS_REQUIRED, NULL},
    {"message", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"hint", SCHEMA_TEXT, IS_REQUIRED, "What to do about it; may be empty."},
    {"line", SCHEMA_COUNT, IS_REQUIRED, "From 1; 0 when unknown."},
    {"column", SCHEMA_COUNT, IS_REQUIRED, "In characters, from 1; 0 when unknown."},
    {"pointer", SCHEMA_TEXT, IS_REQUIRED, "JSON Pointer into the definition."},
};
static members of_health = {{"status", SCHEMA_TEXT, IS_REQUIRED, NULL}};
static members of_identity = {
    {"boxPublic", SCHEMA_BASE64, IS_REQUIRED, "X25519; credentials are sealed to it."},
    {"auditPublic", SCHEMA_BASE64, IS_REQUIRED, "Ed25519; signs the heads of the audit log."},
    {"origin", SCHEMA_TEXT, IS_REQUIRED, "The name of the audit log."},
};
static members of_task = {
    {"reference", SCHEMA_TEXT, IS_REQUIRED, "JSON Pointer into the definition."},
    {"name", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"kind", SCHEMA_TEXT, IS_REQUIRED, NULL},
};
static members of_manifest = {
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"name", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"version", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"dsl", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"title", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"summary", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"tags", SCHEMA_OBJECT, IS_REQUIRED, NULL},
    {"secrets", SCHEMA_CREDENTIAL_NAME, IS_REQUIRED | IS_LIST, "Credentials that it uses."},
    {"tasks", SCHEMA_TASK, IS_REQUIRED | IS_LIST, NULL},
    {"hasInputSchema", SCHEMA_BOOL, IS_REQUIRED, NULL},
    {"sallyport", SCHEMA_OBJECT, IS_REQUIRED, "`document.metadata.sallyport` with its defaults."},
};
static members of_workflow = {
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"name", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"version", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"digest", SCHEMA_HEX_DIGEST, IS_REQUIRED, "SHA-256 of the definition's text."},
    {"enabled", SCHEMA_BOOL, IS_REQUIRED, NULL},
    {"deployedAt", SCHEMA_TIME, IS_REQUIRED, NULL},
    {"webhook", SCHEMA_URI, 0, "Where its deliveries go, if it has a webhook."},
};
static members of_workflow_listed = {
    {"activeRuns", SCHEMA_COUNT, IS_REQUIRED, "Runs of this version that have not ended."}};
static members of_workflow_list = {{"workflows", SCHEMA_WORKFLOW_LISTED, IS_REQUIRED | IS_LIST, NULL}};
static members of_workflow_shown = {{"manifest", SCHEMA_MANIFEST, IS_REQUIRED, NULL}};
static members of_workflow_deployed = {
    {"findings", SCHEMA_FINDING, IS_REQUIRED | IS_LIST, "None of them an error."}};
static members of_policy = {
    {"origins", SCHEMA_TEXT, IS_LIST,
     "Where it may be sent: `https://host[:port]`. Needed by all kinds but `webhook-key`."},
    {"methods", SCHEMA_TEXT, IS_LIST, "HTTP methods; absent: all."},
    {"places", SCHEMA_TEXT, IS_LIST, "Of `header`, `query`, `body`; absent: `header`."},
    {"header", SCHEMA_TEXT, 0, "`api-key` only: the header that carries it."},
};
static members of_credential = {
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"name", SCHEMA_CREDENTIAL_NAME, IS_REQUIRED, NULL},
    {"kind", SCHEMA_CREDENTIAL_KIND, IS_REQUIRED, NULL},
    {"version", SCHEMA_COUNT, IS_REQUIRED, "Grows with each value that is set."},
    {"state", SCHEMA_CREDENTIAL_STATE, IS_REQUIRED, NULL},
    {"policy", SCHEMA_CREDENTIAL_POLICY, IS_REQUIRED, NULL},
    {"setAt", SCHEMA_TIME, IS_REQUIRED, NULL},
    {"setBy", SCHEMA_TEXT, IS_REQUIRED, "The principal."},
};
static members of_credential_list = {{"secrets", SCHEMA_CREDENTIAL, IS_REQUIRED | IS_LIST, NULL}};
static members of_credential_sealed = {
    {"kind", SCHEMA_CREDENTIAL_KIND, IS_REQUIRED, NULL},
    {"policy", SCHEMA_CREDENTIAL_POLICY, 0, NULL},
    {"box", SCHEMA_BASE64, IS_REQUIRED, "The value and the hash of its purpose, sealed to `boxPublic`."},
};
static members of_credential_changed = {
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"name", SCHEMA_CREDENTIAL_NAME, IS_REQUIRED, NULL},
    {"version", SCHEMA_COUNT, IS_REQUIRED, NULL},
    {"state", SCHEMA_CREDENTIAL_STATE, IS_REQUIRED, NULL},
};
static members of_run_request = {
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"workflow", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"input", SCHEMA_ANY, 0, "Absent: `{}`."},
    {"wait", SCHEMA_BOOL, 0, "True: the answer is the run's end."},
};
static members of_run_accepted = {
    {"id", SCHEMA_RUN_ID, IS_REQUIRED, NULL},
    {"state", SCHEMA_RUN_STATE, IS_REQUIRED, NULL},
    {"url", SCHEMA_URI, IS_REQUIRED, "Where the run is shown."},
};
#define RUN_ENDS                                                                                             \
    {"output", SCHEMA_ANY, 0, "Of a run that completed."},                                                   \
        {"error", SCHEMA_FAULT, 0, "Of a run that faulted."},                                                \
        {"context", SCHEMA_ANY, 0, "`$context` at its end: `{}` when no task exported anything."},           \
    {                                                                                                        \
        "omitted", SCHEMA_RUN_PART, IS_LIST, "What had no room beside the rest; it is at `/api/v1/runs/{id}/data/{part}`."    \
    }
static members of_run_ended = {
    {"id", SCHEMA_RUN_ID, IS_REQUIRED, NULL},
    {"state", SCHEMA_RUN_STATE, IS_REQUIRED, NULL},
    RUN_ENDS,
};
static members of_run = {
    {"id", SCHEMA_RUN_ID, IS_REQUIRED, NULL},
    {"namespace", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"workflow", SCHEMA_NAME, IS_REQUIRED, NULL},
    {"version", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"state", SCHEMA_RUN_STATE, IS_REQUIRED, NULL},
    {"trigger", SCHEMA_RUN_TRIGGER, IS_REQUIRED, NULL},
    {"actor", SCHEMA_TEXT, IS_REQUIRED,
     "Who started it: a principal, or the credential that signed the delivery."},
    {"startedAt", SCHEMA_TIME, IS_REQUIRED, NULL},
    {"endedAt", SCHEMA_TIME, 0, NULL},
};
static members of_run_page = {
    {"runs", SCHEMA_RUN, IS_REQUIRED | IS_LIST, "Newest first."},
    {"next", SCHEMA_RUN_ID, 0, "The `before` of the next page, if there may be one."},
};
static members of_run_shown = {{"input", SCHEMA_ANY, 0, NULL}, RUN_ENDS};
static members of_run_traced = {
    {"trace", SCHEMA_TRACE_ENTRY, IS_REQUIRED | IS_LIST, NULL},
    {"truncated", SCHEMA_BOOL, 0, "True: there is more than one answer holds."},
    RUN_ENDS,
};
static members of_trace_entry = {
    {"reference", SCHEMA_TEXT, IS_REQUIRED, "JSON Pointer of the task in the definition."},
    {"name", SCHEMA_TEXT, IS_REQUIRED, NULL},
    {"status", SCHEMA_TRACE_STATUS, IS_REQUIRED, NULL},
    {"at", SCHEMA_TIME, IS_REQUIRED, NULL},
};
static members of_replay = {
    {"id", SCHEMA_RUN_ID, IS_REQUIRED, NULL},
    {"identical", SCHEMA_BOOL, IS_REQUIRED, "The journal gives the same end, byte for byte."},
    {"results", SCHEMA_COUNT, IS_REQUIRED, "Results of effects that the journal holds."},
    {"state", SCHEMA_STEP_STATUS, IS_REQUIRED, "How the replay ended."},
};

#define SCHEMA_OF_text    SCHEMA_TEXT, 0
#define SCHEMA_OF_digest  SCHEMA_BASE64, 0
#define SCHEMA_OF_list    SCHEMA_TEXT, IS_LIST
#define SCHEMA_OF_number  SCHEMA_COUNT, 0
#define SCHEMA_OF_effect  SCHEMA_COUNT, 0
#define SCHEMA_OF_run     SCHEMA_RUN_ID, 0
#define SCHEMA_OF_time    SCHEMA_COUNT, IS_REQUIRED
#define SCHEMA_OF_action  SCHEMA_AUDIT_ACTION, IS_REQUIRED
#define SCHEMA_OF_outcome SCHEMA_AUDIT_OUTCOME, IS_REQUIRED
static members of_leaf = {
#define F(kind, member, key) {key, SCHEMA_OF_##kind, NULL},
    AUDIT_FIELDS(F)
#undef F
};
static members of_leaf_at = {
    {"index", SCHEMA_COUNT, IS_REQUIRED, "From 0."},
    {"leaf", SCHEMA_LEAF, IS_REQUIRED, NULL},
};
static members of_leaf_page = {
    {"leaves", SCHEMA_LEAF_AT, IS_REQUIRED | IS_LIST, NULL},
    {"size", SCHEMA_COUNT, IS_REQUIRED, "Of the whole log."},
};
static members of_proven_leaf = {
    {"index", SCHEMA_COUNT, IS_REQUIRED, "From 0."},
    {"leaf", SCHEMA_TEXT, IS_REQUIRED, "The leaf's own bytes."},
    {"proof", SCHEMA_BASE64, IS_REQUIRED | IS_LIST, "Hashes from the leaf up to the root."},
};
static members of_proof = {
    {"checkpoint", SCHEMA_TEXT, IS_REQUIRED, "The signed head (C2SP tlog-checkpoint)."},
    {"leaves", SCHEMA_PROVEN_LEAF, IS_REQUIRED | IS_LIST, NULL},
    {"type", SCHEMA_TEXT, IS_REQUIRED, "`sallyport/inclusion/1`"},
};

/* --- rows -------------------------------------------------------------------------------------------- */

#define MEMBERS(m) .type = "object", .members = (m), .n_members = sizeof(m) / sizeof(m)[0]
#define CHOICE(of) .type = "string", .text = (of)

static const struct schema_row rows[SCHEMA_COUNT_OF_ALL] = {
    [SCHEMA_ANY] = {0},
    [SCHEMA_TEXT] = {.type = "string"},
    [SCHEMA_BOOL] = {.type = "boolean"},
    [SCHEMA_COUNT] = {.type = "integer", .max = EXACT_MAX},
    [SCHEMA_TIME] = {.type = "string", .format = "date-time"},
    [SCHEMA_URI] = {.type = "string", .format = "uri-reference"},
    [SCHEMA_HEX_DIGEST] = {.type = "string", .pattern = "^[0-9a-f]{64}$"},
    [SCHEMA_BASE64] = {.type = "string", .encoding = "base64"},
    [SCHEMA_PAGE_SIZE] = {.type = "integer", .min = 1, .max = LIMIT_PAGE},
    [SCHEMA_OBJECT] = {.type = "object"},
    [SCHEMA_NAME] = {"Name", "string", "Of a namespace or workflow.",
                     "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", .takes = name_is_dsl},
    [SCHEMA_CREDENTIAL_NAME] = {"CredentialName", "string", NULL, "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
                                .takes = name_is_credential},
    [SCHEMA_RUN_ID] = {"RunId", "string", "Ids order by time.", "^r[0-9a-hjkmnp-tv-z]{13}$",
                       .takes = is_run_id},
    [SCHEMA_RUN_STATE] = {"RunState", CHOICE(run_state_text)},
    [SCHEMA_RUN_PART] = {"RunPart", CHOICE(run_part_text)},
    [SCHEMA_RUN_TRIGGER] = {"RunTrigger", CHOICE(run_trigger_text)},
    [SCHEMA_STEP_STATUS] = {.name = NULL, CHOICE(step_status_text)},
    [SCHEMA_TRACE_STATUS] = {"TaskStatus", CHOICE(trace_status_text)},
    [SCHEMA_CREDENTIAL_KIND] = {"CredentialKind", CHOICE(credential_kind_text)},
    [SCHEMA_CREDENTIAL_STATE] = {"CredentialState", CHOICE(credential_state)},
    [SCHEMA_FINDING_LEVEL] = {.name = NULL, CHOICE(finding_level)},
    [SCHEMA_AUDIT_ACTION] = {"AuditAction", CHOICE(audit_action)},
    [SCHEMA_AUDIT_OUTCOME] = {"AuditOutcome", CHOICE(audit_outcome)},
    [SCHEMA_PROBLEM] = {"Problem", .about = "What is wrong (RFC 9457).", MEMBERS(of_problem)},
    [SCHEMA_FAULT] = {"Fault", .about = "The error with which a run ended.", MEMBERS(of_fault)},
    [SCHEMA_FAULT_TOLD] = {"ToldFault", .about = "A fault as who delivered a webhook sees it.",
                           .base = SCHEMA_FAULT, MEMBERS(of_fault_told)},
    [SCHEMA_FINDING] = {"Finding", .about = "What is worth saying about a definition.", MEMBERS(of_finding)},
    [SCHEMA_HEALTH] = {"Health", MEMBERS(of_health)},
    [SCHEMA_IDENTITY] = {"Identity", MEMBERS(of_identity)},
    [SCHEMA_MANIFEST] = {"Manifest", .about = "What the server knows of a definition.", MEMBERS(of_manifest)},
    [SCHEMA_TASK] = {"Task", MEMBERS(of_task)},
    [SCHEMA_WORKFLOW] = {"Workflow", MEMBERS(of_workflow)},
    [SCHEMA_WORKFLOW_LISTED] = {"ListedWorkflow", .base = SCHEMA_WORKFLOW, MEMBERS(of_workflow_listed)},
    [SCHEMA_WORKFLOW_LIST] = {"WorkflowList", MEMBERS(of_workflow_list)},
    [SCHEMA_WORKFLOW_SHOWN] = {"ShownWorkflow", .base = SCHEMA_WORKFLOW, MEMBERS(of_workflow_shown)},
    [SCHEMA_WORKFLOW_DEPLOYED] = {"DeployedWorkflow", .base = SCHEMA_WORKFLOW, MEMBERS(of_workflow_deployed)},
    [SCHEMA_CREDENTIAL_POLICY] = {"CredentialPolicy", .about = "Where a credential may go.",
                                  MEMBERS(of_policy)},
    [SCHEMA_CREDENTIAL] = {"Credential", .about = "All but its value, which cannot be read.",
                           MEMBERS(of_credential)},
    [SCHEMA_CREDENTIAL_LIST] = {"CredentialList", MEMBERS(of_credential_list)},
    [SCHEMA_CREDENTIAL_SEALED] = {"SealedCredential", MEMBERS(of_credential_sealed)},
    [SCHEMA_CREDENTIAL_CHANGED] = {"ChangedCredential", MEMBERS(of_credential_changed)},
    [SCHEMA_RUN_REQUEST] = {"RunRequest", MEMBERS(of_run_request)},
    [SCHEMA_RUN_ACCEPTED] = {"AcceptedRun", MEMBERS(of_run_accepted)},
    [SCHEMA_RUN_ENDED] = {"EndedRun", MEMBERS(of_run_ended)},
    [SCHEMA_RUN] = {"Run", MEMBERS(of_run)},
    [SCHEMA_RUN_PAGE] = {"RunPage", MEMBERS(of_run_page)},
    [SCHEMA_RUN_SHOWN] = {"ShownRun", .base = SCHEMA_RUN, MEMBERS(of_run_shown)},
    [SCHEMA_RUN_TRACED] = {"TracedRun", .base = SCHEMA_RUN, MEMBERS(of_run_traced)},
    [SCHEMA_TRACE_ENTRY] = {"TraceEntry", .about = "A change of a task.", MEMBERS(of_trace_entry)},
    [SCHEMA_REPLAY] = {"Replay", MEMBERS(of_replay)},
    [SCHEMA_LEAF] = {"Leaf", .about = "One event of the audit log.", MEMBERS(of_leaf)},
    [SCHEMA_LEAF_AT] = {"LeafAt", MEMBERS(of_leaf_at)},
    [SCHEMA_LEAF_PAGE] = {"LeafPage", MEMBERS(of_leaf_page)},
    [SCHEMA_PROVEN_LEAF] = {"ProvenLeaf", MEMBERS(of_proven_leaf)},
    [SCHEMA_PROOF] = {"Proof", .about = "A run's leaves with their inclusion proofs.", MEMBERS(of_proof)},
};

const struct schema_row *schema_row(enum schema schema)
{
    must(schema > SCHEMA_NONE && schema < SCHEMA_COUNT_OF_ALL);
    return &rows[schema];
}

static bool is_in_enumeration(const struct schema_row *row, struct slice text)
{
    for (int i = 0; i < SCHEMA_ENUM_MAX; i++)
        if (row->text(i) && slice_is(text, row->text(i)))
            return true;
    return false;
}

bool schema_takes_text(enum schema schema, struct slice text, uint64_t *ret_number)
{
    const struct schema_row *row = schema_row(schema);
    if (slice_is(slice_text(row->type), "integer"))
        return slice_parse_u64(text, ret_number) == 0 && *ret_number >= (uint64_t)row->min &&
               *ret_number <= (uint64_t)row->max;
    if (row->text)
        return is_in_enumeration(row, text);
    return !row->takes || row->takes(text);
}

void schema_describe(enum schema schema, struct buffer *to)
{
    const struct schema_row *row = schema_row(schema);
    bool is_first = true;
    if (row->type && strcmp(row->type, "integer") == 0)
        (void)buffer_printf(to, "a number from %lld to %lld", (long long)row->min, (long long)row->max);
    else if (row->pattern)
        (void)buffer_printf(to, "a text like %s", row->pattern);
    else if (!row->text)
        (void)buffer_printf(to, "%s %s", row->type && row->type[0] == 'o' ? "an" : "a",
                            row->type ? row->type : "value");
    else
        (void)buffer_append_text(to, "one of ");
    for (int i = 0; row->text && i < SCHEMA_ENUM_MAX; i++) {
        if (!row->text(i))
            continue;
        (void)buffer_printf(to, "%s%s", is_first ? "" : ", ", row->text(i));
        is_first = false;
    }
}
