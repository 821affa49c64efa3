/* What systemd wants to know (sd_notify(3)) and gives (sd_listen_fds(3)), without its library. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

void notify_send(const char *state);   /* "READY=1", "STOPPING=1", …; nothing without NOTIFY_SOCKET */
int64_t notify_watchdog_ms(void);      /* half of WATCHDOG_USEC; 0 without a watchdog for us */
bool notify_is_journal(int fd);        /* what is written to it goes to systemd's journal */
unsigned notify_listen_fds(void);      /* so many listening sockets begin at descriptor 3 */

#endif
