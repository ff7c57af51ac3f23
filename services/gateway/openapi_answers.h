/*
 * openapi_answers - what an endpoint answers with: its reply, and the problem codes that follow from its row.
 *
 * Codes are grouped by their HTTP status; one that stands nowhere in the row is among `default`.
 */
#pragma once
#include "base/text.h"
#include "routes.h"

/* ,"responses":{...} */
void openapi_answers(struct buffer *out, const struct endpoint *endpoint);
/* The headers of answers, under components: "headers":{...} */
void openapi_answer_headers(struct buffer *out);
