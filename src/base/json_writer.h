/* Writes JSON text into a buffer: commas, quotes and escapes are its business, so no caller can break the structure.
 * Output is minimal (no spaces) and strings are escaped as RFC 8785 (JCS) wants; canonical if the caller sorts its keys. */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include "base/buffer.h"

struct json_writer {
    struct buffer *out;
    bool need_comma;
};

#define JSON_WRITER(buffer) ((struct json_writer){.out = (buffer)})

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_slice(struct json_writer *w, struct slice key);

/* Strings must be UTF-8; bytes that are not become U+FFFD. A NULL slice is written as null. */
void json_slice(struct json_writer *w, struct slice s);
void json_text(struct json_writer *w, const char *text);
void json_i64(struct json_writer *w, int64_t n);
void json_u64(struct json_writer *w, uint64_t n);
void json_bool(struct json_writer *w, bool b);
void json_put_null(struct json_writer *w);
void json_time(struct json_writer *w, int64_t wall_ms); /* RFC 3339 */

/* Text that is JSON already (checked by whoever made it); an empty slice is written as null. */
void json_raw(struct json_writer *w, struct slice json);

/* key and value in one; of an object or array its beginning. */
void json_key_object(struct json_writer *w, const char *key);
void json_key_array(struct json_writer *w, const char *key);
void json_key_text(struct json_writer *w, const char *key, const char *text);
void json_key_string(struct json_writer *w, const char *key, struct slice s);
void json_key_i64(struct json_writer *w, const char *key, int64_t n);
void json_key_u64(struct json_writer *w, const char *key, uint64_t n);
void json_key_bool(struct json_writer *w, const char *key, bool b);
void json_key_time(struct json_writer *w, const char *key, int64_t wall_ms);

#endif
