/* The rules of `check`, for people: SARIF, sallyport-workflow(7) and docs/formats/findings.md. The compiler names them where
 * it finds something, and a test holds the two against each other. */
#ifndef FLOW_RULES_H
#define FLOW_RULES_H

/* R(rule, level, what was found): a rule that ends in "-*" is a family. */
#define FLOW_RULES(R)                                                                                            \
    R("syntax", "error", "the text is not a YAML or JSON document that is accepted")                             \
    R("unknown-property", "error", "the DSL knows no such property here")                                        \
    R("missing-property", "error", "the DSL needs a property that is not there")                                 \
    R("wrong-type", "error", "the DSL needs a value of another type")                                            \
    R("invalid-value", "error, warning",                                                                         \
      "the DSL needs another value; a warning for a task named like a directive, and for a URI without a host")  \
    R("limit", "error", "a maximum is exceeded")                                                                 \
    R("budget", "error", "checking the definition takes more time or memory than a definition may")              \
    R("duplicate-task-name", "error", "two tasks of a list share a name")                                        \
    R("unknown-task", "error", "a then leads nowhere")                                                           \
    R("unreachable-task", "warning", "no path leads to a task")                                                  \
    R("unknown-reference", "error", "there is no such entry in use")                                             \
    R("undeclared-secret", "error", "a secret is not in use.secrets")                                            \
    R("expression-syntax", "error", "jq does not take the expression")                                           \
    R("expression-forbidden", "error", "an expression reaches outside of its data")                              \
    R("unknown-variable", "error", "there is no such variable in this scope")                                    \
    R("expression-not-evaluated", "warning", "an expression stands within a longer text")                        \
    R("invalid-schema", "error", "a schema is wrong")                                                            \
    R("remote-schema", "error", "a schema is elsewhere; none is ever fetched")                                   \
    R("unsupported-schema-format", "error", "a schema is no JSON Schema")                                        \
    R("invalid-retry", "error, warning", "a retry policy is wrong, or (a warning) has no limit")                 \
    R("unsupported-*", "error", "a part of the DSL is not supported yet; the rule's name says which")            \
    R("hardcoded-secret", "error, warning",                                                                      \
      "a token with a known prefix, a private key or a password in a URI; a warning for a literal where a "      \
      "credential belongs")                                                                                      \
    R("oauth2-password-grant", "error", "a person's password would be handed over")                              \
    R("plaintext-http", "warning", "an http: endpoint is beyond this machine")                                   \
    R("dynamic-host", "warning", "data decides the scheme or host of a call")                                    \
    R("shell-expression", "error", "an expression stands within a shell command")                                \
    R("webhook-unsigned", "warning", "a webhook takes deliveries without a signature")                           \
    R("no-input-schema", "note", "the workflow takes any input")                                                 \
    R("too-many-findings", "note", "there are more findings than are reported")

#endif
