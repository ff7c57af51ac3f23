/*
 * bucket - a service that speaks S3, as far as presigned URLs go: PUT, GET and DELETE of whole objects in /sim-bucket/.
 *
 * Region us-east-1, key sim-key, secret sim-secret. A URL whose signature is wrong, or over, is 403.
 */
#ifndef SIMULATOR_BUCKET_H
#define SIMULATOR_BUCKET_H

#include "http_server.h"

#include <stdbool.h>

bool bucket_matches(const struct http_request *request);
void bucket_handle(struct exchange *exchange);

#endif
