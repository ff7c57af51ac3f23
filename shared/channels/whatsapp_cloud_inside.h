/*
 * whatsapp_cloud_inside - what the files of this room share among themselves, and nobody else sees.
 */
#pragma once
#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/pb.h"

/* Text member of an object; "" when absent, null or of another type. NULL-safe. */
const char *whatsapp_cloud_text(const cJSON *object, const char *name);

/* Meta's sentence without what may be a phone number: runs of 7 digits and more become dots. At most 200 bytes. */
char *whatsapp_cloud_sentence(struct arena *arena, const char *text);

/* Fills the content of a message: kind, text, media, metadata, whether it wants an answer. REJECT: the type's own
 * object is missing or of a wrong type. */
enum status whatsapp_cloud_read_content(struct arena *arena, const cJSON *message, Pb__InboundMessage *out,
                                        struct error *error);

/* "15005550177" -> "+15005550177" as a phone; NULL when it is none. */
char *whatsapp_cloud_phone(struct arena *arena, const char *digits);
