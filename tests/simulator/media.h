/*
 * media - the vendor's files: an id gives a URL, the URL gives the file to whoever has the token.
 *
 *   GET /{version}/{media id}       its URL, type, hash, size       (a kept one; graph.c asks here)
 *   GET /_media/{media id}?n=...    the file, as long as that URL lives
 *   POST /_sim/media                a test lays one down
 */
#ifndef SIMULATOR_MEDIA_H
#define SIMULATOR_MEDIA_H

#include "fields.h"
#include "http_server.h"
#include "simulator.h"

/* GET /{version}/{id} of a file that was laid down; false: it is none. The token has been checked. */
bool media_handle_look(struct simulator *simulator, struct exchange *exchange);

bool media_matches(const struct http_request *request);
void media_handle(struct simulator *simulator, struct exchange *exchange);

/* False with one sentence. */
bool media_lay_down(struct simulator *simulator, const cJSON *body, char problem[FIELD_PROBLEM_ROOM]);
/* What was asked of each, as JSON. */
void media_write(struct buffer *body);
void media_reset(void);

#endif
