#include "llm/said.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* Characters of the escape at a backslash; 0: the text ends within it. */
static size_t escape_bytes(const char *at)
{
    size_t bytes = at[1] == 'u' ? strlen("\\u0000") : strlen("\\n");
    return strnlen(at, bytes) == bytes ? bytes : 0;
}

/* Copies what stands in quotes, from the opening one to the closing one or to the end of the text, where half an escape
 * is left out; a raw control character, which JSON forbids and models write, is escaped. Returns where it ended. */
static const char *copy_quoted(struct buffer *out, const char *at, bool *whole)
{
    *whole = false;
    buffer_add_char(out, *at++);
    for (size_t bytes; *at && *at != '"'; at += bytes) {
        bytes = *at == '\\' ? escape_bytes(at) : 1;
        if (bytes == 0)
            return at + strlen(at);
        if ((unsigned char)*at < ' ')
            buffer_format(out, "\\u%04x", (unsigned)*at);
        else
            buffer_add_n(out, at, bytes);
    }
    if (!*at)
        return at;
    *whole = true;
    buffer_add_char(out, *at);
    return at + 1;
}

/* The object from its brace to the one that closes it; false when that is missing. */
static bool copy_object(struct buffer *out, const char *at)
{
    size_t depth = 0;
    bool whole = true;
    while (*at && whole) {
        if (*at == '"') {
            at = copy_quoted(out, at, &whole);
            continue;
        }
        depth += *at == '{';
        depth -= *at == '}';
        buffer_add_char(out, *at++);
        if (depth == 0)
            return true;
    }
    return false;
}

const cJSON *said_object(struct arena *arena, const char *text)
{
    struct buffer json = { .arena = arena };
    cJSON *object = NULL;
    const char *brace = strchr(text, '{');
    if (!brace || !copy_object(&json, brace))
        return NULL;
    return json_parse(arena, json.text, json.bytes, &object, NULL) == OK ? object : NULL;
}

static const char *unquoted(struct arena *arena, const char *quoted)
{
    const char *text = NULL;
    cJSON *object = NULL;
    const char *json = text_format(arena, "{\"text\":%s}", quoted);
    if (json_parse(arena, json, strlen(json), &object, NULL) != OK || json_need_text(object, "text", &text, NULL) != OK)
        return NULL;
    return text;
}

const char *said_member(struct arena *arena, const char *text, const char *name, bool *whole)
{
    struct buffer quoted = { .arena = arena };
    const char *label = text_format(arena, "\"%s\"", name);
    const char *at = strstr(text, label);
    if (!at)
        return NULL;
    at += strlen(label);
    at += strspn(at, " \t\r\n");
    if (*at++ != ':')
        return NULL;
    at += strspn(at, " \t\r\n");
    if (*at != '"')
        return NULL;
    copy_quoted(&quoted, at, whole);
    if (!*whole)
        buffer_add_char(&quoted, '"');
    return unquoted(arena, quoted.text);
}
