/* role.h without a process around it: the main of a role, included and renamed, leaves its handlers here, and
 * the harness plays the supervisor with them. A role that would end itself over what a peer said is a
 * failure, unless the harness says otherwise. */
#ifndef FUZZ_STAND_IN_ROLE_H
#define FUZZ_STAND_IN_ROLE_H

#include "role/role.h"

extern const struct role_handlers *stand_in_role; /* NULL before the role's main */
extern bool stand_in_role_is_ready;

/* For a role that may end itself. Without them that is a failure, and the role has no folder. */
extern const char *stand_in_role_data_dir;
extern void (*stand_in_role_failed)(int code, const char *text);
extern void (*stand_in_role_ended)(int status);

/* Its main's loop, also what role_loop gives; made here. Log lines are looked at and dropped. */
struct ev_loop *stand_in_role_begin(int (*role_main_of)(int, char **));

#endif
