#include "check.h"

#include "graph_errors.h"
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINK_LENGTH_MAX = 2048 };

void check_fail(struct check *check, int code, const char *format, ...)
{
    if (check->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->details, sizeof check->details, format, arguments);
    va_end(arguments);
    check->failed = true;
    check->code = code;
}

static const char *dot(const char *path)
{
    return *path == '\0' ? "" : ".";
}

static void fail_at(struct check *check, int code, const char *path, const char *name, const char *what)
{
    check_fail(check, code, "Parameter %s%s%s %s.", path, dot(path), name, what);
}

/* NULL when absent or after a fault. */
static const cJSON *member(const struct check *check, const cJSON *object, const char *name)
{
    return check->failed ? NULL : cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *required(struct check *check, const cJSON *object, const char *path, const char *name)
{
    const cJSON *value = member(check, object, name);
    if (value == NULL)
        fail_at(check, GRAPH_MISSING, path, name, "is required");
    return value;
}

static bool is_listed(const char *const words[], const char *word)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

void check_members(struct check *check, const cJSON *object, const char *path, const char *const known[])
{
    const cJSON *value = NULL;
    cJSON_ArrayForEach (value, object) {
        if (!is_listed(known, value->string))
            check_fail(check, GRAPH_INVALID_PARAMETER, "Unexpected key \"%.60s\" on param \"%s\".", value->string,
                       *path == '\0' ? "message" : path);
    }
}

static const char *text_of(struct check *check, const cJSON *value, const char *path, const char *name, size_t min,
                           size_t max)
{
    if (value == NULL)
        return NULL;
    size_t length = cJSON_IsString(value) ? text_length(value->valuestring) : SIZE_MAX;
    if (length >= min && length <= max)
        return value->valuestring;
    char what[80];
    snprintf(what, sizeof what, "must be a string of %zu to %zu characters", min, max);
    fail_at(check, GRAPH_BAD_VALUE, path, name, what);
    return NULL;
}

const char *check_text(struct check *check, const cJSON *object, const char *path, const char *name, size_t min,
                       size_t max)
{
    return text_of(check, required(check, object, path, name), path, name, min, max);
}

const char *check_optional_text(struct check *check, const cJSON *object, const char *path, const char *name,
                                size_t max)
{
    return text_of(check, member(check, object, name), path, name, 0, max);
}

const char *check_word(struct check *check, const cJSON *object, const char *path, const char *name,
                       const char *const words[])
{
    const cJSON *value = required(check, object, path, name);
    if (value == NULL)
        return NULL;
    if (cJSON_IsString(value) && is_listed(words, value->valuestring))
        return value->valuestring;
    fail_at(check, GRAPH_BAD_VALUE, path, name, "has a value that is not allowed");
    return NULL;
}

const cJSON *check_object(struct check *check, const cJSON *object, const char *path, const char *name)
{
    const cJSON *value = required(check, object, path, name);
    if (value != NULL && !cJSON_IsObject(value))
        fail_at(check, GRAPH_BAD_VALUE, path, name, "must be an object");
    return check->failed ? NULL : value;
}

const cJSON *check_array(struct check *check, const cJSON *object, const char *path, const char *name, int min, int max)
{
    const cJSON *value = required(check, object, path, name);
    int count = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : -1;
    if (value != NULL && (count < min || count > max)) {
        char what[80];
        snprintf(what, sizeof what, "must be an array of %d to %d entries", min, max);
        fail_at(check, GRAPH_BAD_VALUE, path, name, what);
    }
    return check->failed ? NULL : value;
}

void check_optional_boolean(struct check *check, const cJSON *object, const char *path, const char *name)
{
    const cJSON *value = member(check, object, name);
    if (value != NULL && !cJSON_IsBool(value))
        fail_at(check, GRAPH_BAD_VALUE, path, name, "must be true or false");
}

void check_coordinate(struct check *check, const cJSON *object, const char *path, const char *name, double limit)
{
    const cJSON *value = required(check, object, path, name);
    if (value == NULL)
        return;
    double number = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    if (cJSON_IsString(value) && value->valuestring[0] != '\0') {
        char *rest = NULL;
        number = strtod(value->valuestring, &rest);
        number = *rest == '\0' ? number : NAN;
    }
    if (!(fabs(number) <= limit))
        fail_at(check, GRAPH_BAD_VALUE, path, name, "is not a coordinate");
}

void check_link(struct check *check, const cJSON *object, const char *path, const char *name)
{
    const char *link = check_text(check, object, path, name, 1, LINK_LENGTH_MAX);
    if (link == NULL)
        return;
    bool legal = (text_starts_with(link, "http://") && strlen(link) > 7) ||
                 (text_starts_with(link, "https://") && strlen(link) > 8);
    if (!legal || strpbrk(link, " \t\r\n") != NULL)
        fail_at(check, GRAPH_BAD_VALUE, path, name, "must be an http or https address");
}
