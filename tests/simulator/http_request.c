#include "http_request.h"

#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum http_reading broken(int *status, int code)
{
    *status = code;
    return HTTP_BROKEN;
}

static const char *line_end(const char *line, const char *end)
{
    const char *found = memmem(line, (size_t)(end - line), "\r\n", 2);
    return found == NULL ? end : found;
}

bool http_request_header(const struct http_request *request, const char *name, char *value, size_t room)
{
    const char *end = request->head + request->head_bytes;
    size_t name_length = strlen(name);
    const char *line = line_end(request->head, end);
    while (line + 2 < end) {
        line += 2;
        const char *stop = line_end(line, end);
        bool same = (size_t)(stop - line) > name_length && line[name_length] == ':' &&
                    strncasecmp(line, name, name_length) == 0;
        if (same) {
            const char *from = line + name_length + 1;
            while (from < stop && (*from == ' ' || *from == '\t'))
                from++;
            int written = snprintf(value, room, "%.*s", (int)(stop - from), from);
            return written >= 0 && (size_t)written < room;
        }
        line = stop;
    }
    return false;
}

static bool read_token(const char **at, const char *end, char stop, char *token, size_t room)
{
    const char *found = memchr(*at, stop, (size_t)(end - *at));
    if (found == NULL || found == *at || (size_t)(found - *at) >= room)
        return false;
    memcpy(token, *at, (size_t)(found - *at));
    token[found - *at] = '\0';
    *at = found + 1;
    return true;
}

static void split_query(char *target, struct http_request *request)
{
    char *question = strchr(target, '?');
    if (question != NULL) {
        text_copy(request->query, sizeof request->query, question + 1);
        *question = '\0';
    }
    text_copy(request->path, sizeof request->path, target);
}

/* False when the request line is none. A target that doesn't fit is none of ours. */
static bool read_request_line(struct http_request *request)
{
    const char *at = request->head;
    const char *end = line_end(at, at + request->head_bytes);
    char target[sizeof request->path + sizeof request->query];
    if (!read_token(&at, end, ' ', request->method, sizeof request->method) ||
        !read_token(&at, end, ' ', target, sizeof target))
        return false;
    split_query(target, request);
    return target[0] == '/' && end - at == 8 && strncmp(at, "HTTP/1.", 7) == 0;
}

static bool says_close(const struct http_request *request)
{
    char value[64];
    return http_request_header(request, "connection", value, sizeof value) && strcasecmp(value, "close") == 0;
}

/* Sets the body's size; false, with a status, when the simulator can't know it or won't hold it. */
static bool read_body_size(struct http_request *request, int *status)
{
    char value[32];
    if (http_request_header(request, "transfer-encoding", value, sizeof value)) {
        *status = 411;
        return false;
    }
    if (!http_request_header(request, "content-length", value, sizeof value))
        return true;
    char *rest = NULL;
    unsigned long size = strtoul(value, &rest, 10);
    bool is_number = isdigit((unsigned char)value[0]) && *rest == '\0';
    if (!is_number || size > HTTP_BODY_MAX) {
        *status = is_number ? 413 : 400;
        return false;
    }
    request->body_bytes = size;
    return true;
}

enum http_reading http_request_read(const char *bytes, size_t count, struct http_request *request, size_t *taken,
                                    int *status)
{
    const char *blank = count == 0 ? NULL : memmem(bytes, count, "\r\n\r\n", 4);
    if (blank == NULL)
        return count > HTTP_HEAD_MAX ? broken(status, 431) : HTTP_WANTS_MORE;
    *request = (struct http_request){ .head = bytes, .head_bytes = (size_t)(blank - bytes), .body = blank + 4 };
    if (!read_request_line(request))
        return broken(status, 400);
    if (!read_body_size(request, status))
        return HTTP_BROKEN;
    request->keep_alive = !says_close(request);
    *taken = request->head_bytes + 4 + request->body_bytes;
    if (count >= *taken)
        return HTTP_WHOLE;
    char expect[32];
    bool waits = count == request->head_bytes + 4 && http_request_header(request, "expect", expect, sizeof expect);
    return waits ? HTTP_WANTS_CONTINUE : HTTP_WANTS_MORE;
}

bool http_request_bearer(const struct http_request *request, char *token, size_t room)
{
    char value[1024];
    if (!http_request_header(request, "authorization", value, sizeof value) || strncasecmp(value, "Bearer ", 7) != 0)
        return false;
    int written = snprintf(token, room, "%s", value + 7);
    return written > 0 && (size_t)written < room;
}

static int hex_digit(char byte)
{
    if (isdigit((unsigned char)byte))
        return byte - '0';
    int lower = tolower((unsigned char)byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A + stays a + (phone numbers), other than in forms. */
static bool decode(const char *from, size_t length, char *value, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < room; i++) {
        char byte = from[i];
        bool escaped = byte == '%' && i + 2 < length && hex_digit(from[i + 1]) >= 0 && hex_digit(from[i + 2]) >= 0;
        if (escaped) {
            byte = (char)(hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]));
            i += 2;
        }
        value[used++] = byte;
    }
    value[used] = '\0';
    return used + 1 < room;
}

bool http_request_query(const struct http_request *request, const char *name, char *value, size_t room)
{
    size_t name_length = strlen(name);
    const char *at = request->query;
    while (*at != '\0') {
        size_t length = strcspn(at, "&");
        if (length > name_length && at[name_length] == '=' && strncmp(at, name, name_length) == 0)
            return decode(at + name_length + 1, length - name_length - 1, value, room);
        at += length + (at[length] == '&');
    }
    return false;
}
