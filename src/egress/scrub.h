/* Takes credentials back out of what a server answers: an echo, an error page, a redirect. Each value is looked for as it
 * is, percent-encoded (once and twice), HTML- and JSON-escaped (as several writers do it, JSON twice, too), in base64 at each of the three
 * alignments (both alphabets) and in hex, and becomes "***". A value shorter than 8 bytes is looked for as it is and in its
 * escaped forms only: the others are so short that they would hit innocent text. */
#ifndef EGRESS_SCRUB_H
#define EGRESS_SCRUB_H

#include "base/buffer.h"

struct scrub;

[[gnu::warn_unused_result]] int scrub_new(struct scrub **ret);
void scrub_free(struct scrub *s); /* wipes */

/* Adds a value; an empty or known one changes nothing. -ENOMEM or -SP_ELIMIT: then the answer must not be passed on. */
[[gnu::warn_unused_result]] int scrub_add(struct scrub *s, struct slice value);

/* Adds what a header's value gives away: the whole, what follows its scheme, and of Basic also the decoded pair and its
 * password. */
[[gnu::warn_unused_result]] int scrub_add_header(struct scrub *s, struct slice value);

/* Appends `text` without the values; 1 if there were any, 0 if not, or the buffer's error. */
[[gnu::warn_unused_result]] int scrub_apply(const struct scrub *s, struct slice text, struct buffer *out);

/* Whether a value occurs in the text in any form. */
bool scrub_finds(const struct scrub *s, struct slice text);

#endif
