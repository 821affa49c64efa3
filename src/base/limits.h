/* Every maximum in Sallyport, in one place [I6]. A buffer, queue, depth, loop, cache or table that has no line here is a
 * defect. Sizes are bytes unless the name says otherwise; times carry their unit. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* What people send us. */
#define LIMIT_BODY            (4u << 20)  /* a request's body, a run's input or output, an effect's body or reply */
#define LIMIT_BODY_SMALL      (64u << 10) /* a body beyond it takes turns with others of its kind */
#define LIMIT_DEFINITION      (512u << 10) /* the text of one workflow definition */
#define LIMIT_CONFIG          (64u << 10) /* the configuration file, and its JSON for a role */
#define LIMIT_SETTING         10000000    /* a number in the configuration that has no lower maximum of its own */
#define LIMIT_HEADERS         (32u << 10) /* all headers of one request or response */
#define LIMIT_HEADER_COUNT    96          /* headers of one request or response */
#define LIMIT_PATH            2048        /* the path of a request */
#define LIMIT_QUERY           4096        /* the query of a request */
#define LIMIT_URI             8192        /* a URI that a workflow calls */
#define LIMIT_NAME            128         /* a name of a namespace, workflow, task, credential or variable */
#define LIMIT_TEXT            4096        /* a title, detail, reason or log line */

/* Channels between roles. */
#define LIMIT_FRAME           (12u << 20) /* one message, its header not counted: two bodies, headers and a trace */
#define LIMIT_CHANNEL_QUEUE   (64u << 20) /* bytes that wait to be written on one channel */
#define LIMIT_CHANNEL_FDS     16          /* descriptors that wait on one channel, to be sent or to be taken */
#define LIMIT_HEAR_OUT_MS     500         /* that a peer who reads no more may go on speaking before its channel is closed */
#define LIMIT_CHANNEL_READ    (256u << 10) /* bytes taken in one read */
#define LIMIT_WORKERS         64
#define LIMIT_LOG_LINE        2048

/* JSON, YAML and JSON Schema. */
#define LIMIT_JSON_DEPTH      256         /* nesting of arrays and objects */
#define LIMIT_JSON_PASSED_DEPTH 512       /* of JSON that is passed on as it is: values within values that a definition builds */
#define LIMIT_YAML_DEPTH      64          /* nesting of a definition */
#define LIMIT_YAML_ALIASES    256         /* aliases that one document expands */
#define LIMIT_YAML_NODES      100000      /* nodes of one document after aliases */
#define LIMIT_SCHEMA_DEPTH    640         /* applicators entered within one another, `$ref` included: two for each level of data, and some */
#define LIMIT_SCHEMA_MEMORY   (32u << 20) /* one compiled schema, its patterns and values not counted */
#define LIMIT_SCHEMA_VIEWS    (160u << 20) /* an instance as validation walks it: 32 bytes a value, as far as steps reach */
#define LIMIT_SCHEMA_PATTERN  (64u << 10) /* one regular expression, translated */
#define LIMIT_SCHEMA_NODES    20000       /* subschemas of one schema document */
#define LIMIT_SCHEMA_STEPS    5000000     /* keyword evaluations of one validation */
#define LIMIT_SCHEMA_ERRORS   32          /* errors reported for one instance */
#define LIMIT_REGEX_MATCH     100000      /* PCRE2 match limit */
#define LIMIT_REGEX_DEPTH     1000        /* PCRE2 depth limit */
#define LIMIT_REGEX_HEAP_KIB  4096        /* PCRE2 heap limit, KiB */

/* Definitions and runs. */
#define LIMIT_TASKS           2000        /* tasks of one definition */
#define LIMIT_TASK_DEPTH      32          /* nesting of tasks, calls of `use.functions` included */
#define LIMIT_EXPRESSIONS     2000        /* expressions of one definition */
#define LIMIT_EXPRESSION      16384       /* one expression's text */
#define LIMIT_FINDINGS        200         /* findings reported for one definition */
#define LIMIT_BRANCHES        64          /* branches of one fork */
#define LIMIT_STRANDS         256         /* concurrent strands of one run */
#define LIMIT_FRAMES          512         /* frames of one strand */
#define LIMIT_STEPS           100000      /* task activations in one run */
#define LIMIT_EFFECTS         10000       /* effects of one run */
#define LIMIT_OPEN_EFFECTS    256         /* effects of one run that are under way */
#define LIMIT_JOURNAL         (48u << 20) /* the journal of one run, not sealed: a replay sends all of it to a worker at once */
#define LIMIT_EVENTS          (48u << 20) /* the events of one run */
#define LIMIT_REPEATS         5           /* times that a call is sent again because a part of the server was lost */
#define LIMIT_TRACE           400000      /* trace entries of one run */
#define LIMIT_ITERATIONS      100000      /* iterations of one `for` */
#define LIMIT_RETRIES         1000        /* attempts of one `try` */
#define LIMIT_DURATION_MS     (366ll * 86400 * 1000) /* a wait, timeout or delay */
#define LIMIT_EVAL_CPU_MS     1000        /* processor time of one step of a run in a worker */
#define LIMIT_COMPILE_CPU_MS  10000       /* processor time of compiling one definition */
#define LIMIT_VALUE           (16u << 20) /* an expression's value: the bytes of its strings and one for each node */
#define LIMIT_WORKER_MEMORY   (512u << 20) /* a worker's data segment */
#define LIMIT_WORKER_RUNS     4096        /* runs that one worker keeps in memory */
#define LIMIT_WORKER_OWED     (2 * LIMIT_WORKER_RUNS) /* steps that one worker has yet to answer */
#define LIMIT_WORKER_SILENCE_MS 30000     /* until the next of them; a definition may have to be compiled before it */
#define LIMIT_WORKER_STEP_MS  5000        /* of that, what one step gives back: who is always late is ended */
#define LIMIT_WORKER_DEFINITIONS 128      /* compiled definitions that one worker keeps */
#define LIMIT_SECRETS         64          /* secrets that one definition uses */

/* Audit. */
#define LIMIT_LEAF            (64u << 10) /* one leaf of the log; what is written is far below */
#define LIMIT_PROOF_FILE      (64u << 20) /* the proof of one run, as a file */
#define LIMIT_PROOF_LEAVES    100000      /* leaves in one proof file */
#define LIMIT_VERIFY_FACTS    (1u << 26)  /* runs, credentials, workflows and principals that `verify` remembers */

/* Engine. */
#define LIMIT_CHECKS          64          /* definitions that wait for the checker */
#define LIMIT_RUNS_ACTIVE     4096        /* runs in hand (not waiting on a timer) */
#define LIMIT_RUNS_WAITING    1000000     /* runs that wait on a timer */
#define LIMIT_REQUESTS_TOTAL  (256u << 20) /* bytes of requests that are not answered yet */
#define LIMIT_INPUTS_TOTAL    (256u << 20) /* bytes of inputs of runs whose first step is not durable yet */
#define LIMIT_RESULTS_TOTAL   (256u << 20) /* bytes of calls' answers that wait for their runs' next steps */
#define LIMIT_RESCUES         4           /* workers that one step of a run may lose by no fault that can be laid to it */
#define LIMIT_BATCH           512         /* writes of one group commit */
#define LIMIT_LOG_COPY        1000        /* pages of the write-ahead log that are not copied into the database yet: see store.h */
#define LIMIT_LOG_END         4000
#define LIMIT_LOG_REST        300
#define LIMIT_LOG_FULL        16000
#define LIMIT_LOG_WAIT_MS     250         /* for readers, when the log is full */
#define LIMIT_COMMIT_MS       5000        /* of one group commit: when it takes longer, nothing new begins until it has ended */
#define LIMIT_REPLAY_CACHE    200000      /* webhook deliveries remembered */
#define LIMIT_TOLERANCE_MS    (24ll * 3600 * 1000) /* between the time that a delivery was signed at and now */
#define LIMIT_SESSIONS        256         /* principals and addresses that were seen in the last hour */
#define LIMIT_RATE_KEYS       100000      /* keys of the rate limiter */
#define LIMIT_WORKFLOWS       10000
#define LIMIT_CREDENTIALS     10000
#define LIMIT_CREDENTIAL      (64u << 10) /* one credential's value */
#define LIMIT_CREDENTIAL_POLICY (32u << 10) /* the JSON of one credential's policy */
#define LIMIT_ORIGINS         64          /* origins that one workflow or credential may reach */
#define LIMIT_PAGE            1000        /* rows of one listing */
#define LIMIT_OPENAPI         (512u << 10) /* the description of the API */
#define LIMIT_LOCK_WAIT_MS    2000        /* for an earlier engine to let go of the database */
#define LIMIT_COMMITS         (4 * LIMIT_RUNS_ACTIVE) /* units of work that wait to become durable */
#define LIMIT_REPLAYS         16          /* replays that were asked for and are under way */
#define LIMIT_CHECKPOINTS_ASKED 64        /* requests that wait for the next signed head */
#define LIMIT_NAMESPACES      1000
#define LIMIT_PRINCIPALS      1000
#define LIMIT_RETENTION_RULES 256         /* namespaces with a retention of their own */
#define LIMIT_DENIALS         100         /* audit leaves of one kind of refusal that may come at once */
#define LIMIT_DENIALS_EACH_MS 5000        /* after those, one in this time */
#define LIMIT_DENIALS_COUNT_S 10          /* the others are counted for so long, and have one leaf */
#define LIMIT_SLOW_QUEUE      256         /* reads and password checks that wait */

/* Gateway. */
#define LIMIT_CONNECTIONS         4096
#define LIMIT_CONNECTIONS_PER_IP  1024
#define LIMIT_CONNECTION_MEMORY   (48u << 10)
#define LIMIT_CONNECTIONS_SPARE   64          /* places that those who send nothing whole give up for who comes next */
#define LIMIT_CONNECTION_UNREAD   (256u << 10) /* bytes of one connection that wait in the kernel, each way */
#define LIMIT_IMPATIENT_ADDRESSES 20000       /* addresses whose refusals, and whose connections, are counted */
#define LIMIT_HELD_MS             1000        /* an answer waits so long, of an address that has had too many */
#define LIMIT_HELD_SHARED         64          /* connections of proxies that wait so */
#define LIMIT_BODIES_TOTAL        (64u << 20) /* bytes of bodies that are being received or wait for their turn */
#define LIMIT_BODIES_LARGE        (48u << 20) /* of them, what bodies beyond LIMIT_BODY_SMALL may use up */
#define LIMIT_LARGE_PER_S         (96u << 20) /* bytes of such bodies that go on in a second */
#define LIMIT_REQUEST_TIMEOUT_S   20      /* from the first byte of a request to its last */
#define LIMIT_ANSWER_TIMEOUT_S    120     /* a suspended connection waits this long for the run */
#define LIMIT_IDLE_TIMEOUT_S      15      /* a connection without a request, TLS handshake included */
#define LIMIT_DELIVERY_TIMEOUT_S  60      /* a client takes this long at most to read its answer */
#define LIMIT_ANSWERS_TOTAL       (128u << 20) /* bytes of answers that clients have yet to read */
#define LIMIT_STOP_TIMEOUT_S      5       /* at the end, for requests in hand */
#define LIMIT_LISTENERS           8
#define LIMIT_TRUSTED_PROXIES     32      /* networks */
#define LIMIT_FORWARDED           16      /* forwarding headers of one request */
#define LIMIT_TLS_FILE            (64u << 10) /* a PEM file */
#define LIMIT_TLS_CHAIN           8       /* certificates of one chain */

/* Egress. */
#define LIMIT_EGRESS_OPEN         1024    /* calls under way */
#define LIMIT_REDIRECTS           5
#define LIMIT_EGRESS_TIMEOUT_MS   300000  /* a call without a timeout of its own ends after 30 s; none may ask for more than this */
#define LIMIT_EGRESS_CONNECT_MS   10000
#define LIMIT_EGRESS_CONNECTIONS  256     /* idle connections that are kept for reuse */
#define LIMIT_EGRESS_CONNECT_TO   64      /* entries of `connectTo` in the configuration */
#define LIMIT_CA_BUNDLE           (4u << 20) /* certificate authorities, PEM */
#define LIMIT_DECOMPRESSION_RATIO 100     /* inflated bytes for each byte received, beyond the first 64 KiB */

/* Supervisor. */
#define LIMIT_BACKOFF_MS          30000   /* the longest pause before a role that keeps dying starts again */

#endif
