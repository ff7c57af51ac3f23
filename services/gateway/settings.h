/*
 * settings - what the operator has set, read once at start; constant afterwards.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/setting.h"
#include "media/media_place.h"

struct settings {
    const char *listen; /* address */
    int64_t port;
    int64_t threads;
    int64_t streams;      /* connections of the event stream at a time */
    int64_t heartbeat_ms; /* of a stream on which nothing happens */
    bool auth;
    const char *environment;  /* "development", "production" */
    const char *verify_token; /* of Meta's GET /webhook; "" none */
    const char *app_secrets;  /* of Meta, comma separated, newest first; "" none */
    int64_t rate_per_minute;  /* of keys that have no limit of their own; 0: none */
    struct media_place media;
    int64_t media_bytes_max;    /* of an upload */
    const char *media_link_key; /* signs links to files; "" none are made */
    const char *docs_assets;    /* folder of Swagger UI; "" found beside the binary */
};
extern struct settings settings;
extern const struct setting SETTINGS[];

bool settings_loopback(const char *listen);
/* What one setting alone can't tell: auth off only on loopback and never in production; secrets where they must be. */
enum status settings_check(const struct settings *set, struct error *error);
