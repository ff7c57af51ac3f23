#include "settings.h"

#include <string.h>

#include "base/text.h"
#include "media/media_link.h"

struct settings settings;

static const char *const environments[] = { "development", "production", NULL };
static const char *const port_aliases[] = { "PORT", NULL };
static const char *const verify_aliases[] = { "VERIFY_TOKEN", NULL };

const struct setting SETTINGS[] = {
    { .name = "HTTP_LISTEN", .text = &settings.listen, .fallback = "0.0.0.0", .help = "address that REST listens on" },
    { .name = "HTTP_PORT",
      .number = &settings.port,
      .fallback = "8000",
      .min = 1,
      .max = 65535,
      .aliases = port_aliases,
      .help = "port that REST listens on" },
    { .name = "HTTP_THREADS",
      .number = &settings.threads,
      .fallback = "128",
      .min = 4,
      .max = 1024,
      .help = "requests at a time; at least twice the upstream connections of the proxy before it" },
    { .name = "HTTP_STREAMS",
      .number = &settings.streams,
      .fallback = "1000",
      .min = 0,
      .max = 10000,
      .help = "connections of GET /events/stream at a time; they hold no thread" },
    { .name = "HTTP_STREAM_HEARTBEAT_MS",
      .number = &settings.heartbeat_ms,
      .fallback = "15000",
      .min = 100,
      .max = 600000,
      .help = "a stream on which nothing happens says a comment so often" },
    { .name = "PARLEY_AUTH",
      .flag = &settings.auth,
      .fallback = "on",
      .help = "off: no API keys; on a loopback address only" },
    { .name = "ENVIRONMENT",
      .text = &settings.environment,
      .fallback = "development",
      .choices = environments,
      .help = "production: auth can't be off, secrets must be set" },
    { .name = "META_VERIFY_TOKEN",
      .text = &settings.verify_token,
      .aliases = verify_aliases,
      .secret = true,
      .help = "what Meta's GET /webhook must know" },
    { .name = "META_APP_SECRET",
      .text = &settings.app_secrets,
      .secret = true,
      .help = "signs Meta's webhooks; needed unless PARLEY_AUTH is off; several while rotating, comma separated" },
    { .name = "API_RATE_PER_MINUTE",
      .number = &settings.rate_per_minute,
      .fallback = "0",
      .min = 0,
      .max = 100000000,
      .help = "requests per minute of a key that has no limit of its own; 0: no limit" },
    MEDIA_PLACE_SETTINGS(settings.media),
    { .name = "MEDIA_BYTES_MAX",
      .number = &settings.media_bytes_max,
      .fallback = "20971520",
      .min = 1024,
      .max = 100 * 1024 * 1024,
      .help = "the largest file that is taken, where the vendor's own limit is not lower" },
    { .name = "MEDIA_LINK_KEY",
      .text = &settings.media_link_key,
      .secret = true,
      .help = "signs links that open a file without a key; at least 32 characters; empty: no links" },
    { .name = "DOCS_ASSETS",
      .text = &settings.docs_assets,
      .help = "folder of Swagger UI's files; empty: beside the binary" },
    { 0 },
};

bool settings_loopback(const char *listen)
{
    return text_starts(listen, "127.") || text_same(listen, "[::1]") || text_same(listen, "::1");
}

enum status settings_check(const struct settings *set, struct error *error)
{
    bool production = text_same(set->environment, "production");
    if (!set->auth && production)
        return error_set(error, REJECT, "PARLEY_AUTH can't be off where ENVIRONMENT is production.");
    if (!set->auth && !settings_loopback(set->listen))
        return error_set(error, REJECT, "PARLEY_AUTH can be off only on a loopback address, and HTTP_LISTEN is %s.",
                         set->listen);
    if (set->auth && text_empty(set->app_secrets))
        return error_set(error, REJECT, "META_APP_SECRET must be set unless PARLEY_AUTH is off.");
    if (!text_empty(set->media_link_key) && strlen(set->media_link_key) < MEDIA_LINK_KEY_BYTES_MIN)
        return error_set(error, REJECT, "MEDIA_LINK_KEY must have at least %d characters.", MEDIA_LINK_KEY_BYTES_MIN);
    return OK;
}
