/* The server's settings as the audit log knows them: what the supervisor was configured with, for whatever role, so that a
 * `connectTo` or a limit that was changed between two starts is seen. */
#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H

#include <jansson.h>

#include "engine/request.h"
#include "store/store.h"

/* What was in force when the log was written last. */
[[gnu::warn_unused_result]] int settings_load(struct store_reader *reader);

/* What is in force now: an object of settings by name; NULL where there are none (`sallyport run`). */
[[gnu::warn_unused_result]] int settings_take(const json_t *settings);

/* Writes a leaf for each setting that differs from what was in force, and keeps what is: in one commit [I3]. To be called when
 * leaves may be written, and after each settings_take from then on. */
void settings_record(void);

#endif
