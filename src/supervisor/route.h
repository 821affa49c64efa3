/* "HOST:PORT:ADDRESS:PORT", as curl's --connect-to: calls to the first pair connect to the second. */
#ifndef SUPERVISOR_ROUTE_H
#define SUPERVISOR_ROUTE_H

#include "base/json_writer.h"

/* 0, or -SP_EINVALID when the text is not of this form; what the parts mean is egress's business. */
[[gnu::warn_unused_result]] int route_check(const char *text);

/* Writes it as egress wants it: {"from": "HOST:PORT", "to": "ADDRESS:PORT"}. */
void route_write(struct json_writer *w, const char *text);

#endif
