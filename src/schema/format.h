/* The formats of section 7.3 of the validation specification, for strings. */
#ifndef SCHEMA_FORMAT_H
#define SCHEMA_FORMAT_H

#include "base/slice.h"

/* 1 if the text has the format, else 0; -ENOMEM from the one that takes memory ("regex"). It is UTF-8 and may hold NUL. */
typedef int format_check(struct slice text);

/* The check of a format, or NULL for an unknown one, which asserts nothing. */
format_check *format_find(struct slice name);

format_check format_date_time, format_date, format_time, format_duration, format_email, format_idn_email, format_hostname,
    format_idn_hostname, format_ipv4, format_ipv6, format_uri, format_uri_reference, format_iri, format_iri_reference,
    format_uri_template, format_json_pointer, format_relative_json_pointer, format_uuid;

#endif
