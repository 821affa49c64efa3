/* All SQL of the hot and the read paths, in one place: S(NAME, sql). Parameters are bound, never pasted. The schema is in
 * store_sqlite_schema.c. */
#ifndef STORE_SQLITE_STATEMENTS_H
#define STORE_SQLITE_STATEMENTS_H

#define RUN_COLUMNS                                                                                              \
    "r.id, r.workflow_id, r.state, r.trigger, r.started_ms, r.ended_ms, r.due_ms, r.actor, r.parent, "           \
    "r.parent_effect, r.first_leaf, r.last_leaf, n.name, w.name, w.version, w.digest"
#define RUN_BLOBS ", r.idempotency, r.random, r.input, r.output, r.error, r.context, r.trace"
#define RUN_FROM                                                                                                 \
    " FROM runs r JOIN workflows w ON w.id = r.workflow_id JOIN namespaces n ON n.id = w.namespace_id "
#define WORKFLOW_COLUMNS                                                                                         \
    "SELECT w.id, w.namespace_id, n.name, w.name, w.version, w.digest, w.enabled_order, w.deployed_ms, "         \
    "w.deployed_by"
#define WORKFLOW_FROM " FROM workflows w JOIN namespaces n ON n.id = w.namespace_id "
#define WORKFLOW_IS_LIVE                                                                                         \
    " w.enabled_order > 0 AND w.enabled_order = (SELECT max(l.enabled_order) FROM workflows l"                   \
    " WHERE l.namespace_id = w.namespace_id AND l.name = w.name) "
#define PRINCIPAL_COLUMNS                                                                                        \
    "SELECT id, name, role, token_hash, created_ms, expires_ms, is_disabled FROM principals "
#define CREDENTIAL_COLUMNS                                                                                       \
    "SELECT ns, name, version, kind, policy, wrapped, set_ms, set_by FROM credentials "
#define NEXT_ENABLED "(SELECT coalesce(max(enabled_order), 0) + 1 FROM workflows)"

/* What leaves vouch for (vouch.h): three key columns, then every column of the table, in the order of their making. */
#define VOUCH_OF_NAMESPACE  "SELECT name, '', '', id, name, wrapped_key, created_ms FROM namespaces "
#define VOUCH_OF_PRINCIPAL                                                                                       \
    "SELECT '', name, '', id, name, role, token_hash, created_ms, expires_ms, is_disabled FROM principals "
#define VOUCH_OF_WORKFLOW                                                                                        \
    "SELECT coalesce(n.name, ''), w.name, w.version, w.id, w.namespace_id, w.name, w.version, w.digest, w.manifest," \
    " w.deployed_ms, w.deployed_by, w.enabled_order FROM workflows w LEFT JOIN namespaces n ON n.id = w.namespace_id "
#define VOUCH_OF_CREDENTIAL                                                                                      \
    "SELECT ns, name, '', ns, name, version, kind, policy, wrapped, set_ms, set_by FROM credentials "
/* While a run is open, what was written at its start and does not change. */
#define VOUCH_OF_RUN_START                                                                                       \
    "SELECT state, first_leaf, last_leaf, id, workflow_id, trigger, started_ms, actor, parent, parent_effect, first_leaf," \
    " idempotency, random, input FROM runs "
#define VOUCH_OF_RUN_END                                                                                         \
    "SELECT state, first_leaf, last_leaf, id, workflow_id, state, trigger, started_ms, ended_ms, due_ms, actor, parent," \
    " parent_effect, first_leaf, last_leaf, idempotency, random, input, output, error, context, trace FROM runs "

/* Of these the first key column is the run. */
#define VOUCH_OF_JOURNAL "SELECT run_id, '', '', run_id, seq, kind, effect, at_ms, data FROM journal "
#define VOUCH_OF_EVENT   "SELECT run_id, '', '', id, run_id, at_ms, data FROM events "

#define STORE_STATEMENTS(S)                                                                                      \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                  \
    S(BEGIN_READ, "BEGIN")                                                                                       \
    S(COMMIT, "COMMIT")                                                                                          \
    S(ROLLBACK, "ROLLBACK")                                                                                      \
    /* the log */                                                                                                \
    S(LEAF_PUT, "INSERT INTO leaves (idx, body) VALUES (?, ?)")                                                  \
    S(LEAVES, "SELECT idx, body FROM leaves WHERE idx >= ? AND idx < ? ORDER BY idx")                            \
    S(LEAF_COUNT, "SELECT coalesce(max(idx) + 1, 0) FROM leaves")                                                \
    S(TILE_PUT, "INSERT INTO tiles (level, idx, hashes) VALUES (?, ?, ?)"                                        \
                " ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes")                              \
    S(TILE, "SELECT hashes FROM tiles WHERE level = ? AND idx = ?")                                              \
    S(TILES, "SELECT level, idx, length(hashes) FROM tiles")                                                     \
    S(CHECKPOINT_PUT, "INSERT INTO checkpoints (size, note, at_ms) VALUES (?, ?, ?)"                             \
                      " ON CONFLICT (size) DO UPDATE SET note = excluded.note, at_ms = excluded.at_ms")          \
    S(CHECKPOINT_THIN, "DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints WHERE size < ?)" \
                       " AND at_ms / 3600000 = ? / 3600000")                                                     \
    S(CHECKPOINTS, "SELECT size, note, at_ms FROM checkpoints ORDER BY size")                                    \
    S(CHECKPOINT_LAST, "SELECT size, note, at_ms FROM checkpoints ORDER BY size DESC LIMIT 1")                   \
    S(CHECK_PRINCIPALS, "PRAGMA integrity_check(principals)")                                                    \
    S(CHECK_NAMESPACES, "PRAGMA integrity_check(namespaces)")                                                    \
    S(CHECK_WORKFLOWS, "PRAGMA integrity_check(workflows)")                                                      \
    S(CHECK_CREDENTIALS, "PRAGMA integrity_check(credentials)")                                                  \
    S(CHECK_DEFINITIONS, "PRAGMA integrity_check(definitions)")                                                  \
    S(CHECK_JOURNAL, "PRAGMA integrity_check(journal)")                                                          \
    S(CHECK_EVENTS, "PRAGMA integrity_check(events)")                                                            \
    S(CHECK_LEAVES, "SELECT 'a leaf before the first' FROM leaves WHERE idx < 0 LIMIT 1")                        \
    /* what leaves vouch for */                                                                                  \
    S(VOUCH_NAMESPACE, VOUCH_OF_NAMESPACE "WHERE name = ?")                                                      \
    S(VOUCH_NAMESPACES, VOUCH_OF_NAMESPACE "NOT INDEXED")                                                        \
    S(VOUCH_PRINCIPAL, VOUCH_OF_PRINCIPAL "WHERE name = ?")                                                      \
    S(VOUCH_PRINCIPALS, VOUCH_OF_PRINCIPAL "NOT INDEXED")                                                        \
    S(VOUCH_WORKFLOW, VOUCH_OF_WORKFLOW "WHERE n.name = ? AND w.name = ? AND w.version = ?")                     \
    S(VOUCH_WORKFLOWS, VOUCH_OF_WORKFLOW)                                                                        \
    S(VOUCH_CREDENTIAL, VOUCH_OF_CREDENTIAL "WHERE ns = ? AND name = ?")                                         \
    S(VOUCH_CREDENTIALS, VOUCH_OF_CREDENTIAL)                                                                    \
    S(VOUCH_RUN_START, VOUCH_OF_RUN_START "WHERE id = ?")                                                        \
    /* with those whose state is NULL, which the table does not allow and an editor may leave there */           \
    S(VOUCH_RUNS_OPEN, VOUCH_OF_RUN_START "NOT INDEXED WHERE CASE WHEN state >= 4 THEN 0 ELSE 1 END")            \
    S(VOUCH_RUN_END, VOUCH_OF_RUN_END "WHERE id = ?")                                                            \
    S(VOUCH_RUNS_ENDED, VOUCH_OF_RUN_END "NOT INDEXED WHERE state >= 4 ORDER BY id")                             \
    S(VOUCH_JOURNAL, VOUCH_OF_JOURNAL "WHERE run_id = ? ORDER BY seq")                                           \
    S(VOUCH_JOURNALS, VOUCH_OF_JOURNAL "ORDER BY run_id, seq")                                                   \
    S(VOUCH_EVENTS, VOUCH_OF_EVENT "WHERE run_id = ? ORDER BY id")                                               \
    S(VOUCH_EVENTS_ALL, VOUCH_OF_EVENT "WHERE run_id IS NOT NULL ORDER BY run_id, id")                           \
    /* what changes seldom */                                                                                    \
    S(META_PUT, "INSERT INTO meta (key, value) VALUES (?, ?)"                                                    \
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value")                                       \
    S(META, "SELECT value FROM meta WHERE key = ?")                                                              \
    S(NAMESPACE_PUT, "INSERT INTO namespaces (name, wrapped_key, created_ms) VALUES (?, ?, ?)")                  \
    S(NAMESPACES, "SELECT id, name, wrapped_key, created_ms FROM namespaces ORDER BY name")                      \
    S(PRINCIPAL_PUT, "INSERT INTO principals (name, role, token_hash, created_ms, expires_ms, is_disabled)"      \
                     " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET role = excluded.role,"         \
                     " token_hash = excluded.token_hash, created_ms = excluded.created_ms,"                      \
                     " expires_ms = excluded.expires_ms, is_disabled = excluded.is_disabled")                    \
    S(PRINCIPALS, PRINCIPAL_COLUMNS "ORDER BY name")                                                             \
    S(DEFINITION_PUT, "INSERT INTO definitions (digest, text) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING")    \
    S(DEFINITION, "SELECT text FROM definitions WHERE digest = ?")                                               \
    S(DEFINITIONS, "SELECT digest, text FROM definitions")                                                       \
    S(WORKFLOW_PUT, "INSERT INTO workflows (namespace_id, name, version, digest, manifest, deployed_ms,"         \
                    " deployed_by, enabled_order) VALUES (?, ?, ?, ?, ?, ?, ?,"                                  \
                    " CASE WHEN ? THEN " NEXT_ENABLED " ELSE 0 END)")                                            \
    S(WORKFLOW_ENABLE, "UPDATE workflows SET enabled_order = CASE WHEN ? THEN " NEXT_ENABLED " ELSE 0 END"       \
                       " WHERE id = ?")                                                                          \
    S(WORKFLOWS_LIVE, WORKFLOW_COLUMNS ", w.manifest" WORKFLOW_FROM "WHERE" WORKFLOW_IS_LIVE                     \
                                       "ORDER BY n.name, w.name")                                                \
    S(WORKFLOW_LIVE, WORKFLOW_COLUMNS ", w.manifest" WORKFLOW_FROM "WHERE n.name = ? AND w.name = ? AND"         \
                                      WORKFLOW_IS_LIVE)                                                          \
    S(WORKFLOW_BY_ID, WORKFLOW_COLUMNS ", w.manifest" WORKFLOW_FROM "WHERE w.id = ?")                            \
    S(CREDENTIAL_PUT, "INSERT INTO credentials (ns, name, version, kind, policy, wrapped, set_ms, set_by)"       \
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (ns, name) DO UPDATE SET"                    \
                      " version = excluded.version, kind = excluded.kind, policy = excluded.policy,"             \
                      " wrapped = excluded.wrapped, set_ms = excluded.set_ms, set_by = excluded.set_by"          \
                      " WHERE excluded.version > version")                                                       \
    S(CREDENTIAL_REVOKE, "UPDATE credentials SET wrapped = NULL, set_ms = ?, set_by = ?"                         \
                         " WHERE ns = ? AND name = ? AND wrapped IS NOT NULL")                                   \
    S(CREDENTIALS, CREDENTIAL_COLUMNS "ORDER BY ns, name")                                                       \
    S(CREDENTIAL, CREDENTIAL_COLUMNS "WHERE ns = ? AND name = ?")                                                \
    /* runs */                                                                                                   \
    S(RUN_PUT, "INSERT INTO runs (id, workflow_id, state, trigger, started_ms, ended_ms, due_ms, actor, parent," \
               " parent_effect, first_leaf, last_leaf, idempotency, random, input, output, error, context,"      \
               " trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                       \
    S(RUN_UPDATE, "UPDATE runs SET state = ?, ended_ms = ?, due_ms = ?, last_leaf = ?,"                          \
                  " output = coalesce(?, output), error = coalesce(?, error), context = coalesce(?, context)"    \
                  " WHERE id = ? AND state < 4")                                                                 \
    S(RUN_STATE, "SELECT state FROM runs WHERE id = ?")                                                          \
    S(RUN_BY_ID, "SELECT " RUN_COLUMNS RUN_BLOBS RUN_FROM "WHERE r.id = ?")                                      \
    S(RUN_BY_IDEMPOTENCY, "SELECT " RUN_COLUMNS RUN_BLOBS RUN_FROM "WHERE r.idempotency = ?")                    \
    S(RUNS, "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.id < ?1 AND (?2 = '' OR n.name = ?2)"                        \
            " AND (?3 = 0 OR r.state = ?3) ORDER BY r.id DESC LIMIT ?4")                                         \
    S(RUNS_OF_WORKFLOW, "SELECT " RUN_COLUMNS RUN_FROM                                                           \
                        "WHERE r.id < ?1 AND (?3 = 0 OR r.state = ?3) AND r.workflow_id IN"                      \
                        " (SELECT x.id FROM workflows x JOIN namespaces y ON y.id = x.namespace_id"              \
                        " WHERE (?2 = '' OR y.name = ?2) AND x.name = ?5) ORDER BY r.id DESC LIMIT ?4")          \
    S(RUNS_FAULTED, "SELECT " RUN_COLUMNS RUN_FROM "WHERE r.id < ?1 AND (?2 = '' OR n.name = ?2)"                \
                    " AND r.state = 5 AND ?3 = 5 ORDER BY r.id DESC LIMIT ?4")                                   \
    S(RUNS_OPEN, "SELECT id, workflow_id, state, due_ms FROM runs WHERE state < 4"                               \
                 " ORDER BY due_ms, state, workflow_id, id")                                                     \
    S(RUNS_OLD, "SELECT r.id FROM runs r WHERE r.id < ?1 AND r.state >= 4 AND r.ended_ms < ?2"                   \
                " ORDER BY r.id LIMIT ?3")                                                                       \
    S(RUNS_OLD_OF_NAMESPACE, "SELECT r.id FROM runs r JOIN workflows w ON w.id = r.workflow_id"                  \
                             " WHERE r.id < ?1 AND r.state >= 4 AND r.ended_ms < ?2 AND w.namespace_id = ?4"     \
                             " ORDER BY r.id LIMIT ?3")                                                          \
    S(RUNS_OLD_OF_WORKFLOW, "SELECT r.id FROM runs r INDEXED BY runs_by_workflow WHERE r.workflow_id IN"         \
                            " (SELECT w.id FROM workflows l JOIN workflows w ON w.namespace_id = l.namespace_id" \
                            " AND w.name = l.name WHERE l.id = ?4) AND r.id < ?1 AND r.state >= 4"               \
                            " AND r.ended_ms < ?2 LIMIT ?3")                                                     \
    S(RUN_DELETE, "DELETE FROM runs WHERE id = ?")                                                               \
    S(JOURNAL_PUT, "INSERT INTO journal (run_id, seq, kind, effect, at_ms, data) VALUES (?, ?, ?, ?, ?, ?)")     \
    S(JOURNAL, "SELECT seq, kind, effect, at_ms, data FROM journal WHERE run_id = ? ORDER BY seq")               \
    S(JOURNAL_DELETE, "DELETE FROM journal WHERE run_id = ?")                                                    \
    S(EVENT_PUT, "INSERT INTO events (id, run_id, at_ms, data) VALUES (?, ?, ?, ?)")                             \
    S(EVENTS_LEN, "SELECT sum(max(0, length(data) - ?2)) FROM events WHERE run_id = ?1")                         \
    S(EVENTS_DELETE, "DELETE FROM events WHERE run_id = ?")                                                      \
    S(DELIVERIES_PUT, "INSERT INTO deliveries (seen_ms, hashes) VALUES (?, ?)")                                  \
    S(DELIVERIES_SIZES, "SELECT id, length(hashes) FROM deliveries ORDER BY id DESC")                            \
    S(DELIVERIES, "SELECT hashes, seen_ms FROM deliveries WHERE id >= ? AND seen_ms >= ? ORDER BY id")           \
    S(DELIVERIES_PRUNE, "DELETE FROM deliveries WHERE id < coalesce("                                            \
                        "(SELECT id FROM deliveries WHERE seen_ms >= ? ORDER BY id LIMIT 1),"                    \
                        " (SELECT max(id) + 1 FROM deliveries))")

#endif
