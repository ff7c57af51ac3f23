/*
 * whatsapp_cloud_media - how a file is had from Meta: its id gives a URL that lives five minutes, the URL gives the
 * file to whoever has the account's token. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum whatsapp_cloud_media_end {
    WHATSAPP_CLOUD_MEDIA_FOUND,
    WHATSAPP_CLOUD_MEDIA_GONE,  /* no such file any more: an outcome */
    WHATSAPP_CLOUD_MEDIA_RETRY, /* Meta is unwell, or we are too fast */
    WHATSAPP_CLOUD_MEDIA_AUTH,  /* token or account: a person must act */
};

struct whatsapp_cloud_media {
    enum whatsapp_cloud_media_end end;
    const char *url, *mime_type, *sha256; /* of FOUND; "" where not told */
    int64_t bytes;                        /* 0: not told */
    const char *error;                    /* unless FOUND, one sentence */
};

/* An answer of GET /{version}/{media id}. */
void whatsapp_cloud_media_read(struct arena *arena, long http_status, const char *body, size_t bytes,
                               struct whatsapp_cloud_media *out);
/* The token goes to Meta's own hosts by https, and to the host of our Graph API; nowhere else. */
bool whatsapp_cloud_media_trusted(const char *url, const char *graph_root);
/* declared: base64 or hex, as Meta spells it here and there; "" fits everything. */
bool whatsapp_cloud_media_hash_fits(struct arena *arena, const char *declared, const unsigned char sha256[32]);
