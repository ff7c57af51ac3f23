/*
 * openapi - the OpenAPI 3.1 document, made from the route table, the descriptors and the rules: it can't say anything
 * else than what is done.
 */
#pragma once
#include "base/text.h"
#include "exchange.h"

void openapi_open(void); /* makes it once */
void openapi_close(void);
void openapi_get(struct exchange *exchange);
void openapi_get_events(struct exchange *exchange); /* asyncapi.json */

void openapi_write(struct buffer *out);
