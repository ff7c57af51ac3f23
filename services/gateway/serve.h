/*
 * serve - the way of every request: correlation id, route, key, scope, handler, one answer.
 */
#pragma once
#include "net/web.h"

/* struct web_options' callbacks. */
void serve_handle(void *context, const struct web_request *request, struct web_response *response);
/* Where a body that is a file goes before it is judged; NULL: it is none, or nobody who may. */
const char *serve_body_file(void *context, const struct web_request *request);
void serve_refuse(void *context, const struct web_request *request, int status, const char *why,
                  struct web_response *response);
size_t serve_body_max(const char *method, const char *path);

/* The caller's own id if it is one (1 to 128 of [A-Za-z0-9._-]), else a new one. */
const char *serve_correlation_id(struct arena *arena, const char *given);
/* A W3C traceparent as given if it is well-formed, else "". */
const char *serve_traceparent(const char *given);
