/* Files that a person names on the command line. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include "base/buffer.h"
#include "base/diag.h"

/* Appends the file's content ("-": standard input), as far as `ret` may hold it. */
[[gnu::warn_unused_result]] int file_read(const char *path, struct buffer *ret, struct diag *reterr);

/* Gives a file that is complete under another name its own; -EEXIST when there is one of that name. On disk when this returns,
 * and at no time before is there anything less under it. */
[[gnu::warn_unused_result]] int file_finish(const char *unfinished, const char *path, struct diag *reterr);

/* Writes a new file with mode 0600, whole or not at all; -EEXIST when there is one. It is on disk when this returns. */
[[gnu::warn_unused_result]] int file_create_secret(const char *path, struct slice content, struct diag *reterr);

/* Makes the folder of `path` (0700) and those above it, on disk. */
[[gnu::warn_unused_result]] int file_make_folder_of(const char *path, struct diag *reterr);

#endif
