#include "bucket.h"

#include "buffer.h"
#include "memory.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OBJECTS_MAX = 64, HEX_ROOM = 2 * SHA256_DIGEST_LENGTH + 1 };

struct object {
    char path[256];
    char *bytes;
    size_t count;
};

static struct object objects[OBJECTS_MAX];

bool bucket_matches(const struct http_request *request)
{
    return text_starts_with(request->path, "/sim-bucket/");
}

static void hex(const unsigned char *bytes, char text[HEX_ROOM])
{
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void mac(unsigned char key[SHA256_DIGEST_LENGTH], const char *text)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    HMAC(EVP_sha256(), key, SHA256_DIGEST_LENGTH, (const unsigned char *)text, strlen(text), out, &bytes);
    memcpy(key, out, SHA256_DIGEST_LENGTH);
}

/* What signs a day's requests. */
static void day_key(const char *day, unsigned char key[SHA256_DIGEST_LENGTH])
{
    static const char secret[] = "AWS4sim-secret";
    unsigned int bytes = 0;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)day, strlen(day), key, &bytes);
    mac(key, "us-east-1");
    mac(key, "s3");
    mac(key, "aws4_request");
}

static bool in_time(const char *date, const char *valid_s)
{
    struct tm tm = { 0 };
    if (strptime(date, "%Y%m%dT%H%M%SZ", &tm) == NULL)
        return false;
    time_t made = timegm(&tm), now = time(NULL);
    return now >= made - 60 && now <= made + atoi(valid_s);
}

/* The query as it was signed: all that stands before the signature. */
static void canonical(const struct http_request *request, const char *host, struct buffer *text)
{
    const char *end = strstr(request->query, "&X-Amz-Signature=");
    buffer_format(text, "%s\n%s\n%.*s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", request->method, request->path,
                  end == NULL ? 0 : (int)(end - request->query), request->query, host);
}

static bool allowed(const struct http_request *request)
{
    char host[128], date[32], valid_s[16], credential[160], given[2 * HEX_ROOM], hash[HEX_ROOM], made[HEX_ROOM],
        scope[64];
    unsigned char digest[SHA256_DIGEST_LENGTH], key[EVP_MAX_MD_SIZE];
    struct buffer text = { 0 }, said = { 0 };
    if (!http_request_header(request, "host", host, sizeof host) ||
        !http_request_query(request, "X-Amz-Date", date, sizeof date) ||
        !http_request_query(request, "X-Amz-Expires", valid_s, sizeof valid_s) ||
        !http_request_query(request, "X-Amz-Credential", credential, sizeof credential) ||
        !http_request_query(request, "X-Amz-Signature", given, sizeof given) || !in_time(date, valid_s))
        return false;
    snprintf(scope, sizeof scope, "%.8s/us-east-1/s3/aws4_request", date);
    canonical(request, host, &text);
    SHA256((const unsigned char *)text.bytes, text.used, digest);
    hex(digest, hash);
    buffer_format(&said, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hash);
    char day[9];
    snprintf(day, sizeof day, "%.8s", date);
    day_key(day, key);
    mac(key, said.bytes);
    hex(key, made);
    buffer_clear(&text);
    buffer_clear(&said);
    return text_starts_with(credential, "sim-key/") && strcmp(credential + 8, scope) == 0 && strcmp(made, given) == 0;
}

static struct object *find(const char *path)
{
    for (size_t i = 0; i < OBJECTS_MAX; i++)
        if (strcmp(objects[i].path, path) == 0)
            return &objects[i];
    return NULL;
}

static void answer(struct exchange *exchange, int status, const char *type, const char *bytes, size_t count)
{
    const struct http_answer answer = { .status = status, .type = type, .body = bytes, .body_bytes = count };
    http_answer(exchange, 0, &answer);
}

static void put(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    struct object *object = find(request->path);
    if (object == NULL)
        object = find("");
    if (object == NULL) {
        answer(exchange, 503, "text/plain", "full", 4);
        return;
    }
    free(object->bytes);
    text_copy(object->path, sizeof object->path, request->path);
    object->count = request->body_bytes;
    object->bytes = memory_zeroed(request->body_bytes + 1);
    memcpy(object->bytes, request->body, request->body_bytes);
    answer(exchange, 200, "text/plain", "", 0);
}

/* Whether it was there or not. */
static void forget(struct exchange *exchange, struct object *object)
{
    if (object != NULL) {
        free(object->bytes);
        *object = (struct object){ 0 };
    }
    answer(exchange, 204, "text/plain", "", 0);
}

void bucket_handle(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    char type[128] = "application/octet-stream";
    if (!allowed(request)) {
        answer(exchange, 403, "text/plain", "SignatureDoesNotMatch", 21);
        return;
    }
    struct object *object = find(request->path);
    http_request_query(request, "response-content-type", type, sizeof type);
    if (strcmp(request->method, "PUT") == 0)
        put(exchange);
    else if (strcmp(request->method, "DELETE") == 0)
        forget(exchange, object);
    else if (object == NULL)
        answer(exchange, 404, "text/plain", "NoSuchKey", 9);
    else
        answer(exchange, 200, type, object->bytes, object->count);
}
