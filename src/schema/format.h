/* The formats of section 7.3 of the validation specification, for strings. */
#ifndef SCHEMA_FORMAT_H
#define SCHEMA_FORMAT_H

#include "base/slice.h"

/* True if the text has the format. It is UTF-8 and may hold NUL. */
typedef bool format_check(struct slice text);

/* The check of a format, or NULL for an unknown one, which asserts nothing. */
format_check *format_find(struct slice name);

bool format_date_time(struct slice text);
bool format_date(struct slice text);
bool format_time(struct slice text);
bool format_duration(struct slice text);
bool format_email(struct slice text);
bool format_idn_email(struct slice text);
bool format_hostname(struct slice text);
bool format_idn_hostname(struct slice text);
bool format_ipv4(struct slice text);
bool format_ipv6(struct slice text);
bool format_uri(struct slice text);
bool format_uri_reference(struct slice text);
bool format_iri(struct slice text);
bool format_iri_reference(struct slice text);
bool format_uri_template(struct slice text);
bool format_json_pointer(struct slice text);
bool format_relative_json_pointer(struct slice text);
bool format_uuid(struct slice text);

#endif
