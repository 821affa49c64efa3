/* The engine's second thread: it alone writes the database, many commits in one transaction. All calls are for the loop. */
#ifndef ENGINE_COMMITTER_H
#define ENGINE_COMMITTER_H

#include "store/store.h"

/* Opens the store (NULL path: in memory) and starts the thread. */
[[gnu::warn_unused_result]] int committer_start(const char *path, struct diag *reterr);
void committer_stop(void); /* writes what is queued, then closes the store */
struct store *committer_store(void);

/* 0, or the store's sticky error: the server must refuse work [I1]. */
int committer_error(void);
/* Whether the disk does not keep up, so that what would begin now would only wait [I6]. */
bool committer_is_late(void);
/* Whether one more commit may be begun [I6]. */
bool committer_has_room(void);
/* None may be begun any more, but those of the log itself: what was submitted last is the log's end. */
void committer_close(void);

/* The log's head and the consistency proof from `from` to it, asked of the committer between two batches. */
typedef void committer_head_is(int code, const struct store_head *head, struct slice proof, void *user);
void committer_ask_head(uint64_t from, committer_head_is *answered, void *user);
/* Whether leaves became durable since the last such question. */
bool committer_has_news(void);

#endif
