/*
 * own_file - a file that we keep ourselves, as Meta can have it: by a signed link to our own door, good for an hour.
 */
#pragma once
#include "service/service.h"

extern const char *own_file_public_url, *own_file_link_key; /* PUBLIC_URL, MEDIA_LINK_KEY */

/* Puts the link in the place of our id. A file of Meta's or elsewhere stays as it is. REJECT: no link can be made. */
enum status own_file_link(struct arena *arena, const char *company_id, Pb__Outgoing *outgoing, moment now,
                          struct error *error);
