/* role.h without a process around it: the main of a role, included and renamed, leaves its handlers here, and
 * the harness plays the supervisor with them. A role that would end itself over what a peer said is a
 * failure. */
#ifndef FUZZ_STAND_IN_ROLE_H
#define FUZZ_STAND_IN_ROLE_H

#include "role/role.h"

extern const struct role_handlers *stand_in_role; /* NULL before the role's main */
extern bool stand_in_role_is_ready;

/* Its main's loop, also what role_loop gives; made here. Log lines are looked at and dropped. */
struct ev_loop *stand_in_role_begin(int (*role_main_of)(int, char **));

#endif
