#include "net/web_framing.h"

#include <civetweb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * civetweb stops reading headers, silently, at a line that it doesn't understand and after 64 of them, drops white
 * space before a colon, takes a bare LF as a line's end, and reads a request that follows an empty line twice. A
 * Content-Length that it did not see is a request smuggled in. It leaves NULs where it cut, so that what it did can be
 * checked: each line must end in CR LF and be followed by the next, the last by an empty line.
 */
static bool head_whole(const struct mg_request_info *info, const char **head)
{
    const char *at = NULL;
    if (*head == NULL || info->request_method < *head)
        *head = info->request_method;
    if (info->request_method != *head)
        return false;
    for (int i = 0; i < info->num_headers; i++) {
        const char *name_end = info->http_headers[i].name + strlen(info->http_headers[i].name);
        const char *value = info->http_headers[i].value;
        if ((at != NULL && info->http_headers[i].name != at) || (value > name_end + 1 && name_end[1] == '\0'))
            return false;
        at = value + strlen(value) + 2;
    }
    if (at == NULL) /* such a request is HTTP/1.0, and its connection ends with it */
        return strcmp(info->http_version, "1.0") == 0;
    return at + 2 <= *head + WEB_HEAD_BYTES_MAX && at[-1] == '\0' && at[0] == '\r' && at[1] == '\0';
}

static bool host_named(const struct mg_request_info *info)
{
    int count = 0;
    for (int i = 0; i < info->num_headers; i++)
        count += strcasecmp(info->http_headers[i].name, "host") == 0;
    return count == 1 || (count == 0 && strcmp(info->http_version, "1.0") == 0);
}

static struct web_framing framing_refused(int status, const char *why)
{
    return (struct web_framing){ .status = status, .why = why };
}

/* RFC 9112 section 6.3, its strict reading: a length that can be read in two ways is an attack on whoever stands before
 * us. */
struct web_framing web_framing_read(const struct mg_request_info *info, const char **head)
{
    const char *length = NULL;
    bool coded = false;
    if (!head_whole(info, head) || !host_named(info))
        return framing_refused(400, "The request's head is not well-formed.");
    for (int i = 0; i < info->num_headers; i++) {
        const char *name = info->http_headers[i].name;
        coded = coded || strcasecmp(name, "transfer-encoding") == 0;
        if (strcasecmp(name, "content-length") != 0)
            continue;
        if (length != NULL)
            return framing_refused(400, "The request has more than one Content-Length.");
        length = info->http_headers[i].value;
    }
    if (coded && length != NULL)
        return framing_refused(400, "The request has both Content-Length and Transfer-Encoding.");
    if (coded)
        return framing_refused(411, "Send the body with Content-Length: Transfer-Encoding is not taken here.");
    if (length == NULL)
        return (struct web_framing){ 0 };
    size_t digits = strspn(length, "0123456789");
    if (digits == 0 || length[digits] != '\0')
        return framing_refused(400, "The Content-Length is not a number.");
    if (digits > 18)
        return framing_refused(413, "The body is too large.");
    return (struct web_framing){ .body_bytes = (size_t)strtoull(length, NULL, 10) };
}
