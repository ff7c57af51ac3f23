/* The reading half of pbjson. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/moment.h"
#include "wire/base64.h"
#include "wire/field.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

/* Where the reader is in the text, from the outermost object inwards, for the sentence of an error. */
struct path {
    const struct path *outer;
    const char *name; /* of the member; NULL: an item of an array */
    size_t index;
};

struct reader {
    struct arena *arena;
    struct error *error;
};

static void add_path(struct buffer *out, const struct path *path)
{
    if (!path)
        return;
    add_path(out, path->outer);
    if (!path->name)
        buffer_format(out, "[%zu]", path->index);
    else
        buffer_format(out, "%s%s", path->outer ? "." : "", path->name);
}

static enum status refuse(const struct reader *reader, const struct path *path, const char *code, const char *problem)
{
    struct buffer where = { .arena = reader->arena };
    add_path(&where, path);
    return error_code(reader->error, REJECT, code, "'%.120s' %s", buffer_text(&where), problem);
}

static enum status wrong_type(const struct reader *reader, const struct path *path, const char *wanted)
{
    return refuse(reader, path, "wrong_type", wanted);
}

static enum status read_object(const struct reader *reader, const struct path *path, const cJSON *item,
                               const ProtobufCMessageDescriptor *type, ProtobufCMessage **out);

/* A whole number that a double spells (12.0, 1e3) is one too. False: it is none, or too large to be told exactly. */
static bool whole_number(const cJSON *item, int64_t *out)
{
    static const double EXACT_MAX = 9007199254740992.0; /* 2^53 */
    long long number;
    if (text_int64(item->valuestring, INT64_MIN, INT64_MAX, "", &number, NULL) == OK) {
        *out = number;
        return true;
    }
    if (fabs(item->valuedouble) > EXACT_MAX || floor(item->valuedouble) != item->valuedouble)
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

static enum status read_integer(const struct reader *reader, const struct path *path, const cJSON *item,
                                const ProtobufCFieldDescriptor *field, void *value)
{
    int64_t number;
    if (!cJSON_IsNumber(item))
        return wrong_type(reader, path, "must be a whole number");
    if (!whole_number(item, &number))
        return refuse(reader, path, "bad_value", "must be a whole number within its range");
    return field_set_integer(field, value, number) ? OK : refuse(reader, path, "bad_value", "is out of range");
}

static enum status moment_of(const struct reader *reader, const struct path *path, const char *text, void *value)
{
    if (moment_from_text(text, value, NULL) != OK)
        return refuse(reader, path, "bad_value", "must be a time as RFC 3339 has it");
    return OK;
}

static enum status bytes_of(const struct reader *reader, const struct path *path, const char *text,
                            ProtobufCBinaryData *value)
{
    void *bytes;
    if (!base64_read(reader->arena, text, &bytes, &value->len))
        return refuse(reader, path, "bad_value", "must be base64");
    value->data = bytes;
    return OK;
}

static enum status word_of(const struct reader *reader, const struct path *path, const ProtobufCFieldDescriptor *field,
                           const char *word, int *value)
{
    if (pbjson_enum_value(field->descriptor, word, value))
        return OK;
    struct buffer words = { .arena = reader->arena };
    const ProtobufCEnumDescriptor *type = field->descriptor;
    for (unsigned i = 0; i < type->n_values; i++) {
        const char *known = pbjson_enum_word(type, type->values[i].value);
        if (known)
            buffer_format(&words, "%s %s", words.bytes ? "," : "must be one of", known);
    }
    return refuse(reader, path, "bad_value", buffer_text(&words));
}

static enum status read_double(const struct reader *reader, const struct path *path, const cJSON *item,
                               const ProtobufCFieldDescriptor *field, void *value)
{
    if (!cJSON_IsNumber(item))
        return wrong_type(reader, path, "must be a number");
    bool is_double = field->type == PROTOBUF_C_TYPE_DOUBLE;
    if (!isfinite(item->valuedouble) || (!is_double && !isfinite((float)item->valuedouble)))
        return refuse(reader, path, "bad_value", "is out of range");
    if (is_double)
        *(double *)value = item->valuedouble;
    else
        *(float *)value = (float)item->valuedouble;
    return OK;
}

static enum status read_bool(const struct reader *reader, const struct path *path, const cJSON *item,
                             protobuf_c_boolean *value)
{
    if (!cJSON_IsBool(item))
        return wrong_type(reader, path, "must be true or false");
    *value = cJSON_IsTrue(item);
    return OK;
}

/* The types that JSON tells as text; the text is valid UTF-8 without NUL: json_parse has seen to it. */
static enum status read_text(const struct reader *reader, const struct path *path, const cJSON *item,
                             const ProtobufCFieldDescriptor *field, void *value)
{
    if (!cJSON_IsString(item))
        return wrong_type(reader, path, field_is_moment(field) ? "must be a time as text" : "must be text");
    if (field_is_moment(field))
        return moment_of(reader, path, item->valuestring, value);
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        return word_of(reader, path, field, item->valuestring, value);
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return bytes_of(reader, path, item->valuestring, value);
    *(char **)value = item->valuestring; /* lives in the arena as the tree does */
    return OK;
}

static enum status read_message(const struct reader *reader, const struct path *path, const cJSON *item,
                                const ProtobufCFieldDescriptor *field, void *value)
{
    if (!field_is_json(field))
        return read_object(reader, path, item, field->descriptor, value);
    Pb__Json *json = PB_NEW(reader->arena, json);
    json->text = json_text(reader->arena, item);
    *(Pb__Json **)value = json;
    return OK;
}

static enum status read_value(const struct reader *reader, const struct path *path, const cJSON *item,
                              const ProtobufCFieldDescriptor *field, void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_message(reader, path, item, field, value);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, path, item, value);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return read_double(reader, path, item, field, value);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
        return read_text(reader, path, item, field, value);
    default:
        if (field_is_moment(field))
            return read_text(reader, path, item, field, value);
        return read_integer(reader, path, item, field, value);
    }
}

static enum status read_items(const struct reader *reader, const struct path *path, const cJSON *array,
                              const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    if (!cJSON_IsArray(array))
        return wrong_type(reader, path, "must be an array");
    size_t count = 0, bytes = field_value_bytes(field);
    const cJSON *item;
    cJSON_ArrayForEach (item, array)
        count++;
    char *items = arena_array(reader->arena, count, bytes);
    struct path inner = { .outer = path };
    cJSON_ArrayForEach (item, array) {
        TRY(read_value(reader, &inner, item, field, items + inner.index * bytes));
        inner.index++;
    }
    *field_count(message, field) = count;
    *(char **)field_memory(message, field) = count ? items : NULL;
    return OK;
}

static enum status read_member(const struct reader *reader, const struct path *path, const cJSON *item,
                               ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, item->string);
    if (!field)
        return refuse(reader, path, "unknown_field", "is not known here");
    if (cJSON_IsNull(item))
        return OK;
    if (field_is_repeated(field))
        return read_items(reader, path, item, field, message);
    TRY(read_value(reader, path, item, field, field_memory(message, field)));
    field_mark(message, field);
    return OK;
}

static enum status read_object(const struct reader *reader, const struct path *path, const cJSON *item,
                               const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    if (!cJSON_IsObject(item))
        return wrong_type(reader, path, "must be an object");
    ProtobufCMessage *message = pb_new(reader->arena, type);
    const cJSON *member;
    cJSON_ArrayForEach (member, item) {
        struct path inner = { .outer = path, .name = member->string };
        TRY(read_member(reader, &inner, member, message));
    }
    *out = message;
    return OK;
}

enum status pbjson_read(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *text, size_t bytes,
                        ProtobufCMessage **out, struct error *error)
{
    struct reader reader = { arena, error };
    cJSON *tree;
    if (bytes > JSON_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "the JSON is longer than %d bytes", JSON_BYTES_MAX);
    TRY(json_parse(arena, text, bytes, &tree, error));
    if (!cJSON_IsObject(tree))
        return error_code(error, REJECT, "wrong_type", "the JSON must be an object");
    return read_object(&reader, NULL, tree, type, out);
}

static enum status set_bool(const struct reader *reader, const struct path *path, const char *text,
                            protobuf_c_boolean *value)
{
    if (!text_same(text, "true") && !text_same(text, "false"))
        return refuse(reader, path, "bad_value", "must be true or false");
    *value = text_same(text, "true");
    return OK;
}

/* Numbers and free-form members have in a query the form they have in JSON; the rest is JSON's text without its quotes.
 */
static enum status set_value(const struct reader *reader, const struct path *path,
                             const ProtobufCFieldDescriptor *field, const char *text, void *value)
{
    cJSON as_text = { .type = cJSON_String, .valuestring = arena_text(reader->arena, text) };
    cJSON *item = &as_text;
    bool is_number = field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_ENUM &&
                     field->type != PROTOBUF_C_TYPE_BYTES && !field_is_moment(field);
    if (text_check(text, strlen(text), JSON_BYTES_MAX, "", NULL) != OK)
        return refuse(reader, path, "bad_value", "is not valid UTF-8");
    if (field->type == PROTOBUF_C_TYPE_BOOL)
        return set_bool(reader, path, text, value);
    if (is_number && json_parse(reader->arena, text, strlen(text), &item, NULL) != OK)
        return refuse(reader, path, "bad_value",
                      field->type == PROTOBUF_C_TYPE_MESSAGE ? "must be JSON" : "must be a number");
    return read_value(reader, path, item, field, value);
}

/* Each value given for a repeated field is one item more. */
static enum status append_value(const struct reader *reader, const struct path *path,
                                const ProtobufCFieldDescriptor *field, const char *text, ProtobufCMessage *message)
{
    size_t *count = field_count(message, field), bytes = field_value_bytes(field);
    char **items = field_memory(message, field);
    char *grown = arena_array(reader->arena, *count + 1, bytes);
    if (*count)
        memcpy(grown, *items, *count * bytes);
    TRY(set_value(reader, path, field, text, grown + *count * bytes));
    *items = grown;
    (*count)++;
    return OK;
}

enum status pbjson_set(struct arena *arena, ProtobufCMessage *message, const char *name, const char *value,
                       struct error *error)
{
    struct reader reader = { arena, error };
    struct path path = { .name = name };
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    if (!field)
        return refuse(&reader, &path, "unknown_field", "is not known here");
    if (field_is_repeated(field))
        return append_value(&reader, &path, field, value, message);
    TRY(set_value(&reader, &path, field, value, field_memory(message, field)));
    field_mark(message, field);
    return OK;
}
