/* The keys of `document.metadata.sallyport`: one table for each object, from which manifest.c has what it takes and
 * sallyport-workflow(7) what it says. */
#ifndef FLOW_METADATA_H
#define FLOW_METADATA_H

/* M(key, kinds, is_required, value, standard, meaning): `kinds` as in struct property, the last three for people. */
#define METADATA_SALLYPORT(M)                                                                                    \
    M("webhook", P_OBJECT, false, "OBJECT", "no webhook",                                                        \
      "deliveries that start the workflow at /hooks/NAMESPACE/NAME; without it only the API starts it")          \
    M("rate", P_OBJECT, false, "OBJECT", "100 a second, burst 200", "how many deliveries are taken")             \
    M("concurrency", P_NUMBER, false, "NUMBER", "1024",                                                          \
      "runs under way at once, at most 1000000; more are refused with 429")                                      \
    M("origins", P_ARRAY, false, "LIST", "nothing can be called",                                                \
      "where the workflow may call: origins, or objects of origin, methods and paths; at most 64")               \
    M("retention", P_STRING | P_OBJECT, false, "DURATION", "retention.days of the server",                       \
      "how long ended runs are kept")
#define METADATA_WEBHOOK(M)                                                                                      \
    M("scheme", P_STRING, true, "SCHEME", "required",                                                            \
      "how deliveries are signed: github, standard-webhooks, stripe, slack, bearer or none")                     \
    M("key", P_STRING, false, "NAME", "required, unless the scheme is none",                                     \
      "the credential of kind webhook-key in the workflow's namespace")                                          \
    M("answer", P_STRING, false, "output, accepted", "output",                                                   \
      "output: the sender waits for the end and gets the output; accepted: 202 as soon as the run is durable")   \
    M("tolerance", P_STRING | P_OBJECT, false, "DURATION", "5 minutes",                                          \
      "how far a signed time may be from now, 1 second to 1 day")
#define METADATA_RATE(M)                                                                                         \
    M("limit", P_NUMBER, true, "NUMBER", "required", "deliveries for each period")                               \
    M("period", P_STRING | P_OBJECT, false, "DURATION", "1 second", "the period")                                \
    M("burst", P_NUMBER, false, "NUMBER", "as limit", "how many at once")
#define METADATA_ORIGIN(M)                                                                                       \
    M("origin", P_STRING, true, "ORIGIN", "required", "https://HOST or https://HOST:PORT, and nothing more")     \
    M("methods", P_ARRAY, false, "LIST", "all", "the methods that may be used")                                  \
    M("paths", P_ARRAY, false, "LIST", "all", "the paths that may be called")

#endif
