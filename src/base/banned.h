/* Included by force before every file: functions that have cost others a CVE do not compile here.
 * Each has a bounded or checked counterpart, named in the message. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat stpcpy   /* use struct buffer, or memcpy with a checked length */
#pragma GCC poison sprintf vsprintf                       /* snprintf, buffer_printf */
#pragma GCC poison strtok gets tmpnam mktemp tempnam
#pragma GCC poison system popen                           /* posix_spawn with an argument vector */
#pragma GCC poison atoi atol atoll atof                   /* number_parse_u64 and friends */
#pragma GCC poison gmtime localtime ctime asctime         /* the _r forms */
#pragma GCC poison rand srand srandom drand48             /* random_bytes, or the run's seed */

#endif
