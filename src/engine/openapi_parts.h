/* The inside of the description of the API: what openapi.c puts together. Each function writes members into the object that is
 * open, unless it says otherwise. */
#ifndef ENGINE_OPENAPI_PARTS_H
#define ENGINE_OPENAPI_PARTS_H

#include "base/json_writer.h"
#include "engine/routes.h"

#define OPENAPI_COMPONENT(kind, name) "#/components/" kind "/" name

/* --- openapi_schemas.c --- */

void openapi_schemas(struct json_writer *w); /* `schemas`: those that have a name */
/* A schema object's members: a reference to it, or itself when it has no name. */
void openapi_schema_use(struct json_writer *w, enum schema schema);
/* `content` of one media type; between the two a schema object is open. */
void openapi_content_begin(struct json_writer *w, enum media media);
void openapi_content_end(struct json_writer *w);

/* --- openapi_answers.c --- */

void openapi_responses(struct json_writer *w, const struct route *route);
void openapi_common_responses(struct json_writer *w); /* `responses`: what every route may answer */

#endif
