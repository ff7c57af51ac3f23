#include "channels/whatsapp_cloud_media.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_inside.h"
#include "wire/base64.h"

enum { HASH_BYTES = 32 };

static enum whatsapp_cloud_media_end end_of_code(int64_t code)
{
    switch (whatsapp_cloud_class(code)) {
    case PB__SEND_CLASS__SEND_CLASS_RETRY:
    case PB__SEND_CLASS__SEND_CLASS_THROTTLE_NUMBER:
        return WHATSAPP_CLOUD_MEDIA_RETRY;
    case PB__SEND_CLASS__SEND_CLASS_AUTH:
        return code == 33 ? WHATSAPP_CLOUD_MEDIA_GONE : WHATSAPP_CLOUD_MEDIA_AUTH; /* 33: the id that was asked for */
    default:
        return WHATSAPP_CLOUD_MEDIA_GONE;
    }
}

/* Without a word of Meta's own the status has to do. */
static enum whatsapp_cloud_media_end end_of_status(long status)
{
    if (status == 401 || status == 403)
        return WHATSAPP_CLOUD_MEDIA_AUTH;
    return status == 404 || status == 410 ? WHATSAPP_CLOUD_MEDIA_GONE : WHATSAPP_CLOUD_MEDIA_RETRY;
}

static void read_refusal(struct arena *arena, long http_status, const cJSON *root, struct whatsapp_cloud_media *out)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
    int64_t code = -1;
    if (cJSON_IsObject(error) && json_want_int64(error, "code", &code, NULL) == OK && code >= 0) {
        out->end = end_of_code(code);
        out->error = text_format(arena, "Meta refused the file with code %lld", (long long)code);
        return;
    }
    out->end = end_of_status(http_status);
    out->error = text_format(arena, "HTTP %ld without an answer of Meta's own", http_status);
}

void whatsapp_cloud_media_read(struct arena *arena, long http_status, const char *body, size_t bytes,
                               struct whatsapp_cloud_media *out)
{
    cJSON *root = NULL;
    *out = (struct whatsapp_cloud_media){ .url = "", .mime_type = "", .sha256 = "", .error = "" };
    bool readable = json_parse(arena, body, bytes, &root, NULL) == OK && cJSON_IsObject(root);
    if (http_status != 200 || !readable || !*whatsapp_cloud_text(root, "url")) {
        read_refusal(arena, http_status, root, out);
        return;
    }
    out->url = whatsapp_cloud_text(root, "url");
    out->mime_type = whatsapp_cloud_text(root, "mime_type");
    out->sha256 = whatsapp_cloud_text(root, "sha256");
    if (json_want_int64(root, "file_size", &out->bytes, NULL) != OK || out->bytes < 0)
        out->bytes = 0;
}

/* "https://host:443" of a URL, in bytes; 0: none, or one with a name and password in it. */
static size_t origin_bytes(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return 0;
    size_t bytes = (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
    return memchr(url, '@', bytes) || memchr(url, '\\', bytes) ? 0 : bytes;
}

bool whatsapp_cloud_media_trusted(const char *url, const char *graph_root)
{
    static const char *const HOSTS[] = { ".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net" };
    size_t bytes = origin_bytes(url), own = origin_bytes(graph_root);
    if (bytes == 0 || strpbrk(url, " \r\n"))
        return false;
    if (bytes == own && strncasecmp(url, graph_root, own) == 0)
        return true;
    for (size_t i = 0; i < sizeof HOSTS / sizeof *HOSTS; i++) {
        size_t host = strlen(HOSTS[i]);
        if (text_starts(url, "https://") && bytes > host && strncasecmp(url + bytes - host, HOSTS[i], host) == 0)
            return true;
    }
    return false;
}

bool whatsapp_cloud_media_hash_fits(struct arena *arena, const char *declared, const unsigned char sha256[32])
{
    if (text_empty(declared))
        return true;
    if (strcasecmp(declared, text_hex(arena, sha256, HASH_BYTES)) == 0)
        return true;
    struct buffer spelled = { .arena = arena };
    base64_add(&spelled, sha256, HASH_BYTES);
    return text_same(buffer_text(&spelled), declared);
}
