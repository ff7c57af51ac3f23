/*
 * json - strict parsing: one JSON value in UTF-8 and nothing behind it.
 */
#ifndef SIMULATOR_JSON_H
#define SIMULATOR_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* NULL when it is none. */
cJSON *json_parse(const char *text, size_t bytes);

#endif
