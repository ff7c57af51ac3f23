#include "media.h"

#include "graph_errors.h"
#include "memory.h"
#include "text.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_ROOM = 128, FILES_MAX = 4096, HEAD_ROOM = 4096, BYTES_MAX = 128 * 1024 * 1024 };

/* Laid down by a test. The content is `head` and then as many letters as `bytes` wants. */
struct media_order {
    char id[ID_ROOM];
    char mime_type[128];
    char head[HEAD_ROOM]; /* base64 */
    char sha256[128];     /* instead of the true one */
    char url[512];        /* instead of ours */
    int64_t bytes;        /* 0: the head's */
    int64_t told_bytes;   /* file_size as told; FIELD_NONE: the true one */
    int64_t expired;      /* so many times the URL is over */
    int64_t half;         /* so many times half of it is sent, and then silence */
    int64_t code;         /* the look-up is refused */
    int64_t status;       /* ... or the download */
    int64_t count;        /* of these two; FIELD_NONE: always */
};

struct media_file {
    struct media_order order;
    char *content;
    size_t bytes;
    int looked, loaded;
};

static struct media_file *files[FILES_MAX];
static size_t file_count;

#define AT(member)   .offset = offsetof(struct media_order, member)
#define ROOM(member) .bytes = sizeof(((struct media_order *)NULL)->member)
static const struct field media_fields[] = {
    { .name = "id", .kind = FIELD_TEXT, AT(id), ROOM(id) },
    { .name = "mime_type", .kind = FIELD_TEXT, AT(mime_type), ROOM(mime_type) },
    { .name = "head", .kind = FIELD_TEXT, AT(head), ROOM(head) },
    { .name = "sha256", .kind = FIELD_TEXT, AT(sha256), ROOM(sha256) },
    { .name = "url", .kind = FIELD_TEXT, AT(url), ROOM(url) },
    { .name = "bytes", .kind = FIELD_INTEGER, AT(bytes), .max = BYTES_MAX },
    { .name = "told_bytes", .kind = FIELD_INTEGER, AT(told_bytes), .min = FIELD_NONE, .max = 9e15 },
    { .name = "expired", .kind = FIELD_INTEGER, AT(expired), .max = 1000 },
    { .name = "half", .kind = FIELD_INTEGER, AT(half), .max = 1000 },
    { .name = "code", .kind = FIELD_INTEGER, AT(code), .max = 1e6 },
    { .name = "status", .kind = FIELD_INTEGER, AT(status), .max = 599 },
    { .name = "count", .kind = FIELD_INTEGER, AT(count), .min = FIELD_NONE, .max = 1000 },
    { 0 },
};

static struct media_file *file_find(const char *id)
{
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i]->order.id, id) == 0)
            return files[i];
    return NULL;
}

static void fill(struct media_file *file)
{
    unsigned char head[HEAD_ROOM];
    size_t length = strlen(file->order.head), padding = 0;
    while (padding < 2 && padding < length && file->order.head[length - 1 - padding] == '=')
        padding++;
    int decoded = EVP_DecodeBlock(head, (const unsigned char *)file->order.head, (int)length);
    size_t head_bytes = decoded < (int)padding ? 0 : (size_t)decoded - padding;
    file->bytes = file->order.bytes > (int64_t)head_bytes ? (size_t)file->order.bytes : head_bytes;
    file->content = memory_zeroed(file->bytes + 1);
    memset(file->content, 'A', file->bytes);
    memcpy(file->content, head, head_bytes);
}

bool media_lay_down(struct simulator *simulator, const cJSON *body, char problem[FIELD_PROBLEM_ROOM])
{
    static const struct media_order nothing = { .told_bytes = FIELD_NONE, .count = FIELD_NONE };
    (void)simulator;
    struct media_file *file = memory_zeroed(sizeof *file);
    file->order = nothing;
    bool read = fields_read(body, media_fields, &file->order, &nothing, problem);
    if (read && (file->order.id[0] == '\0' || file_count == FILES_MAX))
        text_copy(problem, FIELD_PROBLEM_ROOM, "\"id\" is needed, and there is room for 4096");
    if (!read || file->order.id[0] == '\0' || file_count == FILES_MAX) {
        free(file);
        return false;
    }
    fill(file);
    struct media_file *old = file_find(file->order.id);
    if (old != NULL)
        old->order.id[0] = '\0';
    files[file_count++] = file;
    return true;
}

void media_reset(void)
{
    for (size_t i = 0; i < file_count; i++) {
        free(files[i]->content);
        free(files[i]);
    }
    file_count = 0;
}

void media_write(struct buffer *body)
{
    buffer_add_text(body, "[");
    for (size_t i = 0; i < file_count; i++) {
        buffer_add_text(body, i == 0 ? "{\"id\":" : ",{\"id\":");
        buffer_add_json(body, files[i]->order.id);
        buffer_format(body, ",\"looked\":%d,\"loaded\":%d}", files[i]->looked, files[i]->loaded);
    }
    buffer_add_text(body, "]\n");
}

/* -- the look-up */

static void answer_code(struct exchange *exchange, int code, const char *details)
{
    struct buffer body = { 0 };
    graph_error_write(&body, code, details);
    http_answer_json(exchange, 0, graph_error_http_status(code), &body);
}

static bool befalls(struct media_order *order, int64_t fault)
{
    if (fault == 0 || order->count == 0)
        return false;
    if (order->count > 0)
        order->count--;
    return true;
}

static void hash_write(const struct media_file *file, char hash[2 * SHA256_DIGEST_LENGTH + 1])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)file->content, file->bytes, bytes);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(hash + 2 * i, 3, "%02x", bytes[i]);
}

static void answer_look(struct simulator *simulator, struct exchange *exchange, struct media_file *file)
{
    const struct media_order *order = &file->order;
    char hash[2 * SHA256_DIGEST_LENGTH + 1], url[600];
    hash_write(file, hash);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/_media/%s?n=%d", simulator->server.port, order->id, file->looked);
    struct buffer body = { 0 };
    buffer_add_text(&body, "{\"messaging_product\":\"whatsapp\",\"url\":");
    buffer_add_json(&body, order->url[0] == '\0' ? url : order->url);
    buffer_add_text(&body, ",\"mime_type\":");
    buffer_add_json(&body, order->mime_type);
    buffer_add_text(&body, ",\"sha256\":");
    buffer_add_json(&body, order->sha256[0] == '\0' ? hash : order->sha256);
    buffer_format(&body, ",\"file_size\":\"%lld\",\"id\":",
                  (long long)(order->told_bytes == FIELD_NONE ? (int64_t)file->bytes : order->told_bytes));
    buffer_add_json(&body, order->id);
    buffer_add_text(&body, "}");
    http_answer_json(exchange, 0, 200, &body);
}

bool media_handle_look(struct simulator *simulator, struct exchange *exchange)
{
    const char *id = strchr(exchange->request.path + 1, '/');
    struct media_file *file = id == NULL ? NULL : file_find(id + 1);
    if (file == NULL || strcmp(exchange->request.method, "GET") != 0)
        return false;
    file->looked++;
    if (befalls(&file->order, file->order.code))
        answer_code(exchange, (int)file->order.code, "Scripted for this file.");
    else
        answer_look(simulator, exchange, file);
    return true;
}

/* -- the file */

bool media_matches(const struct http_request *request)
{
    return text_starts_with(request->path, "/_media/");
}

static void answer_status(struct exchange *exchange, int status)
{
    const struct http_answer answer = { .status = status, .type = "text/plain", .body = "no", .body_bytes = 2 };
    http_answer(exchange, 0, &answer);
}

void media_handle(struct simulator *simulator, struct exchange *exchange)
{
    const struct settings *settings = &simulator->settings;
    struct media_file *file = file_find(exchange->request.path + strlen("/_media/"));
    char token[sizeof settings->token], n[16] = "";
    http_request_query(&exchange->request, "n", n, sizeof n);
    if (!http_request_bearer(&exchange->request, token, sizeof token) ||
        (settings->token[0] != '\0' && strcmp(token, settings->token) != 0)) {
        answer_status(exchange, 401);
        return;
    }
    if (file == NULL || atoi(n) <= file->order.expired) { /* the first so many URLs are over */
        answer_status(exchange, 404);
        return;
    }
    file->loaded++;
    if (befalls(&file->order, file->order.status)) {
        answer_status(exchange, (int)file->order.status);
        return;
    }
    struct http_answer answer = {
        .status = 200, .type = file->order.mime_type, .body = file->content, .body_bytes = file->bytes
    };
    if (file->order.half > 0) {
        file->order.half--;
        answer.told_bytes = file->bytes;
        answer.body_bytes = file->bytes / 2;
    }
    http_answer(exchange, 0, &answer);
}
