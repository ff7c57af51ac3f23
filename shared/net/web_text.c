#include "net/web_text.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "net/web.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *web_decode(struct arena *arena, const char *from, size_t count, bool plus)
{
    char *to = arena_alloc(arena, count + 1);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        char c = from[i];
        if (c == '%') {
            int high = i + 2 < count ? hex_digit(from[i + 1]) : -1, low = high < 0 ? -1 : hex_digit(from[i + 2]);
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[bytes++] = c;
    }
    return text_check(to, bytes, bytes, "text", NULL) == OK ? to : NULL;
}

static const struct {
    int status;
    const char *reason;
} REASONS[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 302, "Found" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

const char *web_reason(int status)
{
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    return "Status";
}

bool web_query_next(const struct web_request *request, const char **at, const char **name, const char **value)
{
    const char *from = *at == NULL ? request->query : *at;
    while (*from == '&')
        from++;
    if (*from == '\0')
        return false;
    size_t bytes = strcspn(from, "&"), name_bytes = strcspn(from, "=&");
    size_t value_at = name_bytes < bytes ? name_bytes + 1 : bytes;
    *name = web_decode(request->arena, from, name_bytes, true);
    *value = web_decode(request->arena, from + value_at, bytes - value_at, true);
    *at = from + bytes;
    return true;
}

enum status web_query(const struct web_request *request, const char *name, const char **out, struct error *error)
{
    const char *at = NULL, *its_name = NULL, *value = NULL;
    *out = NULL;
    while (web_query_next(request, &at, &its_name, &value)) {
        if (its_name == NULL || value == NULL)
            return error_code(error, REJECT, "bad_value", "The query is not well-formed.");
        if (strcmp(its_name, name) != 0)
            continue;
        if (*out != NULL)
            return error_code(error, REJECT, "bad_value", "The query parameter %s is given twice.", name);
        *out = value;
    }
    return OK;
}
