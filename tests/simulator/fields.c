#include "fields.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

static bool problem_set(char problem[FIELD_PROBLEM_ROOM], const char *name, const char *what)
{
    snprintf(problem, FIELD_PROBLEM_ROOM, "\"%.60s\" %s", name, what);
    return false;
}

/* Bounds are well inside what a 64-bit integer holds. */
static bool number_fits(const struct field *field, const cJSON *value)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= field->min && value->valuedouble <= field->max))
        return false;
    return field->kind == FIELD_NUMBER || value->valuedouble == (double)(int64_t)value->valuedouble;
}

static bool read_number(const struct field *field, const cJSON *value, void *place, char *problem)
{
    if (!number_fits(field, value)) {
        char what[80];
        snprintf(what, sizeof what, "must be a %snumber from %.15g to %.15g",
                 field->kind == FIELD_INTEGER ? "whole " : "", field->min, field->max);
        return problem_set(problem, field->name, what);
    }
    if (field->kind == FIELD_INTEGER)
        *(int64_t *)place = (int64_t)value->valuedouble;
    else
        *(double *)place = value->valuedouble;
    return true;
}

static bool read_text(const char *name, const cJSON *value, char *place, size_t room, char *problem)
{
    if (!cJSON_IsString(value) || value->valuestring[0] == '\0' || strlen(value->valuestring) >= room)
        return problem_set(problem, name, "must be a string, not empty and not too long");
    text_copy(place, room, value->valuestring);
    return true;
}

static bool read_texts(const struct field *field, const cJSON *value, struct field_texts *texts, char *problem)
{
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) > FIELD_TEXTS_MAX)
        return problem_set(problem, field->name, "must be an array of strings, not too long");
    *texts = (struct field_texts){ 0 };
    const cJSON *item = NULL;
    cJSON_ArrayForEach (item, value) {
        if (!read_text(field->name, item, texts->items[texts->count++], FIELD_TEXTS_ROOM, problem))
            return false;
    }
    return true;
}

static bool read_word(const struct field *field, const cJSON *value, int64_t *place, char *problem)
{
    if (cJSON_IsBool(value)) {
        *place = cJSON_IsTrue(value);
        return true;
    }
    for (int64_t i = 0; cJSON_IsString(value) && field->words[i] != NULL; i++)
        if (strcmp(field->words[i], value->valuestring) == 0) {
            *place = i;
            return true;
        }
    return problem_set(problem, field->name, "is none of the words it can be");
}

static bool read_object(const struct field *field, const cJSON *value, void *place, const void *fallback, char *problem)
{
    if (!cJSON_IsObject(value))
        return problem_set(problem, field->name, "must be an object");
    memcpy(place, fallback, field->bytes);
    return fields_read(value, field->fields, place, fallback, problem);
}

static size_t value_bytes(const struct field *field)
{
    switch (field->kind) {
    case FIELD_BOOLEAN:
        return sizeof(bool);
    case FIELD_INTEGER:
    case FIELD_WORD:
        return sizeof(int64_t);
    case FIELD_NUMBER:
        return sizeof(double);
    case FIELD_TEXTS:
        return sizeof(struct field_texts);
    case FIELD_JSON:
        return sizeof(const cJSON *);
    case FIELD_TEXT:
    case FIELD_OBJECT:
        break;
    }
    return field->bytes;
}

static bool read_value(const struct field *field, const cJSON *value, void *place, const void *fallback, char *problem)
{
    if (cJSON_IsNull(value)) {
        memcpy(place, fallback, value_bytes(field));
        return true;
    }
    switch (field->kind) {
    case FIELD_BOOLEAN:
        *(bool *)place = cJSON_IsTrue(value);
        return cJSON_IsBool(value) || problem_set(problem, field->name, "must be true or false");
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return read_number(field, value, place, problem);
    case FIELD_TEXT:
        return read_text(field->name, value, place, field->bytes, problem);
    case FIELD_TEXTS:
        return read_texts(field, value, place, problem);
    case FIELD_WORD:
        return read_word(field, value, place, problem);
    case FIELD_OBJECT:
        return read_object(field, value, place, fallback, problem);
    case FIELD_JSON:
        *(const cJSON **)place = value;
        break;
    }
    return true;
}

static const struct field *find(const struct field *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

bool fields_read(const cJSON *object, const struct field *fields, void *target, const void *defaults,
                 char problem[FIELD_PROBLEM_ROOM])
{
    if (!cJSON_IsObject(object))
        return problem_set(problem, "body", "must be a JSON object");
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, object) {
        const struct field *field = find(fields, member->string);
        if (field == NULL)
            return problem_set(problem, member->string, "is not known here");
        void *place = (char *)target + field->offset;
        if (!read_value(field, member, place, (const char *)defaults + field->offset, problem))
            return false;
    }
    return true;
}

static void write_texts(struct buffer *buffer, const struct field_texts *texts)
{
    buffer_add_text(buffer, "[");
    for (size_t i = 0; i < texts->count; i++) {
        buffer_add_text(buffer, i == 0 ? "" : ",");
        buffer_add_json(buffer, texts->items[i]);
    }
    buffer_add_text(buffer, "]");
}

static void write_integer(struct buffer *buffer, int64_t value)
{
    if (value == FIELD_NONE)
        buffer_add_text(buffer, "null");
    else
        buffer_format(buffer, "%lld", (long long)value);
}

static void write_number(struct buffer *buffer, double value)
{
    if (value == FIELD_NONE)
        buffer_add_text(buffer, "null");
    else
        buffer_format(buffer, "%.15g", value);
}

static void write_value(struct buffer *buffer, const struct field *field, const void *place)
{
    switch (field->kind) {
    case FIELD_BOOLEAN:
        buffer_add_text(buffer, *(const bool *)place ? "true" : "false");
        break;
    case FIELD_INTEGER:
        write_integer(buffer, *(const int64_t *)place);
        break;
    case FIELD_NUMBER:
        write_number(buffer, *(const double *)place);
        break;
    case FIELD_TEXT:
        buffer_add_json(buffer, *(const char *)place == '\0' ? NULL : place);
        break;
    case FIELD_TEXTS:
        write_texts(buffer, place);
        break;
    case FIELD_WORD:
        buffer_add_json(buffer, field->words[*(const int64_t *)place]);
        break;
    case FIELD_OBJECT:
        fields_write(buffer, field->fields, place);
        break;
    case FIELD_JSON:
        buffer_add_text(buffer, "null");
        break;
    }
}

void fields_write(struct buffer *buffer, const struct field *fields, const void *source)
{
    buffer_add_text(buffer, "{");
    for (const struct field *field = fields; field->name != NULL; field++) {
        buffer_add_text(buffer, field == fields ? "" : ",");
        buffer_add_json(buffer, field->name);
        buffer_add_text(buffer, ":");
        write_value(buffer, field, (const char *)source + field->offset);
    }
    buffer_add_text(buffer, "}");
}
