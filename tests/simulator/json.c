#include "json.h"

#include "text.h"

#include <string.h>

cJSON *json_parse(const char *text, size_t bytes)
{
    if (bytes == 0 || !text_is_utf8(text, bytes))
        return NULL;
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, bytes, &end, 0);
    while (value != NULL && end < text + bytes && strchr(" \t\r\n", *end) != NULL && *end != '\0')
        end++;
    if (value != NULL && end == text + bytes)
        return value;
    cJSON_Delete(value);
    return NULL;
}
