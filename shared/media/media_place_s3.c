/* A visit to a bucket as one presigned URL (AWS Signature Version 4, in the query): whoever makes the call needs no
 * key, and a browser can be sent there. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "media/media_place.h"

struct mac {
    unsigned char bytes[32];
};

static struct mac mac_of(const void *key, size_t key_bytes, const char *said)
{
    struct mac mac;
    unsigned int bytes = sizeof mac.bytes;
    HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)said, strlen(said), mac.bytes, &bytes);
    return mac;
}

static struct mac mac_next(struct mac key, const char *said)
{
    return mac_of(key.bytes, sizeof key.bytes, said);
}

static char *hash_hex(struct arena *arena, const char *text)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), hash);
    return text_hex(arena, hash, sizeof hash);
}

static void add_encoded(struct buffer *out, const char *text)
{
    for (; *text; text++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text))
            buffer_add_char(out, *text);
        else
            buffer_format(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static void add_parameter(struct buffer *query, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_format(query, "%s%s=", query->bytes ? "&" : "", name);
    add_encoded(query, value);
}

struct dated {
    char day[16], second[24];
};

static struct dated dated_of(moment now)
{
    struct dated dated;
    struct tm tm;
    time_t at = (time_t)(now / SECOND_MS);
    gmtime_r(&at, &tm);
    strftime(dated.day, sizeof dated.day, "%Y%m%d", &tm);
    strftime(dated.second, sizeof dated.second, "%Y%m%dT%H%M%SZ", &tm);
    return dated;
}

static char *signature_of(struct arena *arena, const struct media_place *place, const struct dated *dated,
                          const char *scope, const char *request)
{
    const char *said =
        text_format(arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", dated->second, scope, hash_hex(arena, request));
    const char *key = text_format(arena, "AWS4%s", place->s3_secret);
    struct mac mac = mac_next(mac_next(mac_of(key, strlen(key), dated->day), place->s3_region), "s3");
    mac = mac_next(mac_next(mac, "aws4_request"), said);
    return text_hex(arena, mac.bytes, sizeof mac.bytes);
}

/* In the order of the names, which is part of what is signed. */
static const char *query_of(struct arena *arena, const struct media_place *place, const struct dated *dated,
                            const char *scope, const struct media_place_visit *visit)
{
    struct buffer query = { .arena = arena };
    add_parameter(&query, "X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    add_parameter(&query, "X-Amz-Credential", text_format(arena, "%s/%s", place->s3_key, scope));
    add_parameter(&query, "X-Amz-Date", dated->second);
    add_parameter(&query, "X-Amz-Expires", text_format(arena, "%d", visit->valid_s));
    add_parameter(&query, "X-Amz-SignedHeaders", "host");
    add_parameter(&query, "response-content-disposition", visit->answer_disposition);
    add_parameter(&query, "response-content-type", visit->answer_type);
    return buffer_text(&query);
}

char *media_place_url(struct arena *arena, const struct media_place *place, const struct media_place_visit *visit,
                      moment now)
{
    struct dated dated = dated_of(now);
    size_t endpoint_bytes = strlen(place->s3_endpoint);
    while (endpoint_bytes > 0 && place->s3_endpoint[endpoint_bytes - 1] == '/')
        endpoint_bytes--;
    const char *host = strstr(place->s3_endpoint, "://") + 3;
    int host_bytes = (int)strcspn(host, "/");
    const char *path =
        text_format(arena, "/%s/%s/%.2s/%s", place->s3_bucket, visit->company_id, visit->sha256, visit->sha256);
    const char *scope = text_format(arena, "%s/%s/s3/aws4_request", dated.day, place->s3_region);
    const char *query = query_of(arena, place, &dated, scope, visit);
    const char *request = text_format(arena, "%s\n%s\n%s\nhost:%.*s\n\nhost\nUNSIGNED-PAYLOAD", visit->method, path,
                                      query, host_bytes, host);
    return text_format(arena, "%.*s%s?%s&X-Amz-Signature=%s", (int)endpoint_bytes, place->s3_endpoint, path, query,
                       signature_of(arena, place, &dated, scope, request));
}
