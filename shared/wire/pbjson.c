/* The writing half of pbjson, and the words of enums. */
#include "wire/pbjson.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"
#include "wire/base64.h"
#include "wire/field.h"
#include "wire/pb.h"

/* The words of one enum, made when first asked for and kept; words[i] belongs to the descriptor's values[i], NULL for
 * UNSPECIFIED. */
struct words {
    struct words *next;
    const ProtobufCEnumDescriptor *type;
    char *words[];
};

static _Atomic(struct words *) known;

/* JobStatus: the names of its values begin with JOB_STATUS_. */
static size_t prefix_bytes(const ProtobufCEnumDescriptor *type)
{
    size_t bytes = strlen(type->short_name) + 1;
    for (const char *at = type->short_name + 1; *at; at++)
        bytes += isupper((unsigned char)*at) != 0;
    return bytes;
}

static char *lower_copy(const char *name)
{
    char *word = strdup(name);
    if (!word)
        abort();
    for (char *at = word; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return word;
}

static struct words *words_make(const ProtobufCEnumDescriptor *type)
{
    struct words *made = calloc(1, sizeof *made + type->n_values * sizeof *made->words);
    if (!made)
        abort();
    made->type = type;
    size_t prefix = prefix_bytes(type);
    for (unsigned i = 0; i < type->n_values; i++) {
        const char *name = type->values[i].name;
        assert(strlen(name) > prefix && name[prefix - 1] == '_');
        if (strcmp(name + prefix, "UNSPECIFIED") != 0)
            made->words[i] = lower_copy(name + prefix);
    }
    return made;
}

static const struct words *words_find(const struct words *from, const ProtobufCEnumDescriptor *type)
{
    while (from && from->type != type)
        from = from->next;
    return from;
}

/* The list only grows, at its head: reading needs no lock. */
static const struct words *words_of(const ProtobufCEnumDescriptor *type)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const struct words *found = words_find(known, type);
    if (found)
        return found;
    pthread_mutex_lock(&mutex);
    found = words_find(known, type);
    if (!found) {
        struct words *made = words_make(type);
        made->next = known;
        known = made;
        found = made;
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

const char *pbjson_enum_word(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
    return found ? words_of(type)->words[found - type->values] : NULL;
}

bool pbjson_enum_value(const ProtobufCEnumDescriptor *type, const char *word, int *out)
{
    const struct words *words = words_of(type);
    *out = 0;
    for (unsigned i = 0; word && i < type->n_values; i++)
        if (words->words[i] && strcmp(words->words[i], word) == 0) {
            *out = type->values[i].value;
            return true;
        }
    return false;
}

static void add_unsigned(struct buffer *out, uint64_t number, bool negative)
{
    char text[24];
    size_t at = sizeof text;
    do
        text[--at] = (char)('0' + number % 10);
    while (number /= 10);
    if (negative)
        text[--at] = '-';
    buffer_add_n(out, text + at, sizeof text - at);
}

/* JSON has no infinities: null. The shortest of 15 to 17 digits that reads back as the same number. */
static void add_double(struct buffer *out, double number)
{
    char text[40];
    if (!isfinite(number)) {
        buffer_add(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double back = strtod(text, NULL);
        if (back >= number && back <= number)
            break;
    }
    buffer_add(out, text);
}

static void add_moment(struct buffer *out, moment at)
{
    char text[MOMENT_BYTES + 2];
    text[0] = '"';
    moment_text(at, text + 1);
    text[MOMENT_BYTES] = '"';
    buffer_add_n(out, text, MOMENT_BYTES + 1);
}

static void add_integer(struct buffer *out, const ProtobufCFieldDescriptor *field, const void *value)
{
    if (field_is_unsigned64(field)) {
        add_unsigned(out, *(const uint64_t *)value, false);
        return;
    }
    int64_t number = field_integer(field, value);
    if (field_is_moment(field))
        add_moment(out, number);
    else
        add_unsigned(out, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
}

static void add_bytes(struct buffer *out, const ProtobufCBinaryData *bytes)
{
    buffer_add_char(out, '"');
    base64_add(out, bytes->data, bytes->len);
    buffer_add_char(out, '"');
}

static void add_word(struct buffer *out, const char *word)
{
    buffer_add_char(out, '"');
    buffer_add(out, word);
    buffer_add_char(out, '"');
}

static void write_message(struct buffer *out, const ProtobufCMessage *message, pbjson_shown *shown);

static void add_value(struct buffer *out, const ProtobufCFieldDescriptor *field, const void *value, pbjson_shown *shown)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        json_add_string(out, *(const char *const *)value);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (field_is_json(field))
            buffer_add(out, pb_json_text(*(const Pb__Json *const *)value));
        else
            write_message(out, *(const ProtobufCMessage *const *)value, shown);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        buffer_add(out, *(const protobuf_c_boolean *)value ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        add_word(out, pbjson_enum_word(field->descriptor, *(const int *)value));
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        add_double(out, *(const double *)value);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        add_double(out, (double)*(const float *)value);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        add_bytes(out, value);
        break;
    default:
        add_integer(out, field, value);
    }
}

static void add_items(struct buffer *out, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      pbjson_shown *shown)
{
    size_t count = *field_count(message, field);
    size_t bytes = field_value_bytes(field);
    const char *items = *(const char *const *)field_memory(message, field);
    buffer_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_add_char(out, ',');
        add_value(out, field, items + i * bytes, shown);
    }
    buffer_add_char(out, ']');
}

/* An enum without a word (UNSPECIFIED, or of a newer process) has nothing to say in JSON: left out like an absent one.
 */
static bool is_written(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field_is_repeated(field))
        return true;
    if (!field_present(message, field))
        return false;
    return field->type != PROTOBUF_C_TYPE_ENUM ||
           pbjson_enum_word(field->descriptor, *(const int *)field_memory(message, field));
}

static void write_message(struct buffer *out, const ProtobufCMessage *message, pbjson_shown *shown)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    char before = '{';
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!is_written(message, field) || (shown && !shown(type, field->name)))
            continue;
        buffer_add_char(out, before);
        buffer_add_char(out, '"');
        buffer_add(out, field->name);
        buffer_add_n(out, "\":", 2);
        if (field_is_repeated(field))
            add_items(out, message, field, shown);
        else
            add_value(out, field, field_memory(message, field), shown);
        before = ',';
    }
    buffer_add(out, before == '{' ? "{}" : "}");
}

void pbjson_write(struct buffer *out, const ProtobufCMessage *message)
{
    write_message(out, message, NULL);
}

void pbjson_write_shown(struct buffer *out, const ProtobufCMessage *message, pbjson_shown *shown)
{
    write_message(out, message, shown);
}
