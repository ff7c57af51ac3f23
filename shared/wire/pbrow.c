#include "wire/pbrow.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "wire/field.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

/* One field that has a column. */
struct mapping {
    const ProtobufCFieldDescriptor *field;
    int column;
};

static size_t map_columns(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct rows *rows,
                          struct mapping **out)
{
    struct mapping *mappings = ARENA_ARRAY(arena, struct mapping, type->n_fields);
    size_t count = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        int column = rows_column(rows, type->fields[i].name);
        if (column >= 0)
            mappings[count++] = (struct mapping){ &type->fields[i], column };
    }
    *out = mappings;
    return count;
}

/* True when the cell's text was one of the field's type. */
static bool read_scalar(const struct mapping *mapping, const struct rows *rows, size_t row, void *value)
{
    const ProtobufCFieldDescriptor *field = mapping->field;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)value = rows_bool(rows, row, mapping->column);
        return true;
    case PROTOBUF_C_TYPE_DOUBLE:
        *(double *)value = rows_double(rows, row, mapping->column);
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
        *(float *)value = (float)rows_double(rows, row, mapping->column);
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return pbjson_enum_value(field->descriptor, rows_text(rows, row, mapping->column), value);
    case PROTOBUF_C_TYPE_BYTES:
        return false;
    default:
        return field_set_integer(field, value,
                                 field_is_moment(field) ? rows_moment(rows, row, mapping->column)
                                                        : rows_int(rows, row, mapping->column));
    }
}

static void read_texts(struct arena *arena, const struct mapping *mapping, const struct rows *rows, size_t row,
                       ProtobufCMessage *message)
{
    const char *const *texts;
    if (mapping->field->type != PROTOBUF_C_TYPE_STRING)
        return;
    *field_count(message, mapping->field) = rows_texts(rows, row, mapping->column, arena, &texts);
    *(const char *const **)field_memory(message, mapping->field) = texts;
}

static void read_cell(struct arena *arena, const struct mapping *mapping, const struct rows *rows, size_t row,
                      ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field = mapping->field;
    const char *text = rows_text(rows, row, mapping->column);
    if (!text)
        return;
    if (field_is_repeated(field))
        read_texts(arena, mapping, rows, row, message);
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        *(char **)field_memory(message, field) = arena_text(arena, text);
    else if (field_is_json(field))
        *(Pb__Json **)field_memory(message, field) = pb_json(arena, text);
    else if (field->type != PROTOBUF_C_TYPE_MESSAGE && read_scalar(mapping, rows, row, field_memory(message, field)))
        field_mark(message, field);
}

static void *read_row(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct mapping *mappings,
                      size_t count, const struct rows *rows, size_t row)
{
    void *message = pb_new(arena, type);
    for (size_t i = 0; i < count; i++)
        read_cell(arena, &mappings[i], rows, row, message);
    return message;
}

void *pbrow_read(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct rows *rows, size_t row)
{
    struct mapping *mappings;
    size_t count = map_columns(arena, type, rows, &mappings);
    return read_row(arena, type, mappings, count, rows, row);
}

size_t pbrow_read_all(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct rows *rows, void ***out)
{
    struct mapping *mappings;
    size_t count = map_columns(arena, type, rows, &mappings);
    *out = ARENA_ARRAY(arena, void *, rows->count);
    for (size_t row = 0; row < rows->count; row++)
        (*out)[row] = read_row(arena, type, mappings, count, rows, row);
    return rows->count;
}

/* A field that holds a key, where "" means that there is none and would be no uuid either. */
static bool is_id(const ProtobufCFieldDescriptor *field)
{
    return text_same(field->name, "id") || text_ends(field->name, "_id");
}

/* An array as one element's text: SQL casts it back per row (x::text[]). */
static const char *array_text(struct arena *arena, const ProtobufCMessage *message,
                              const ProtobufCFieldDescriptor *field)
{
    assert(field->type == PROTOBUF_C_TYPE_STRING);
    struct params *one = params_new(arena);
    params_texts(one, *(const char *const **)field_memory(message, field), *field_count(message, field));
    return one->values[0];
}

static const char *number_text(struct arena *arena, const ProtobufCFieldDescriptor *field, const void *value)
{
    enum { NUMBER_BYTES = 32 };
    char *text = arena_alloc(arena, NUMBER_BYTES);
    if (field->type == PROTOBUF_C_TYPE_DOUBLE)
        snprintf(text, NUMBER_BYTES, "%.17g", *(const double *)value);
    else if (field->type == PROTOBUF_C_TYPE_FLOAT)
        snprintf(text, NUMBER_BYTES, "%.9g", (double)*(const float *)value);
    else if (field_is_unsigned64(field))
        snprintf(text, NUMBER_BYTES, "%" PRIu64, *(const uint64_t *)value);
    else
        snprintf(text, NUMBER_BYTES, "%" PRId64, field_integer(field, value));
    return text;
}

/* A present field's value as an element of an array; NULL for SQL NULL. */
static const char *element_text(struct arena *arena, const ProtobufCMessage *message,
                                const ProtobufCFieldDescriptor *field)
{
    const void *value = field_memory(message, field);
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)value;
        return *text || !is_id(field) ? text : NULL;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        assert(field_is_json(field));
        return pb_json_text(*(const Pb__Json *const *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)value ? "t" : "f";
    case PROTOBUF_C_TYPE_ENUM:
        return pbjson_enum_word(field->descriptor, *(const int *)value);
    default:
        assert(field->type != PROTOBUF_C_TYPE_BYTES);
        return number_text(arena, field, value);
    }
}

static void add_moments(struct params *params, const ProtobufCFieldDescriptor *field, const void *const *messages,
                        size_t count)
{
    moment *ats = ARENA_ARRAY(params->arena, moment, count);
    for (size_t i = 0; i < count; i++)
        ats[i] = field_present(messages[i], field) ? *(const moment *)field_memory(messages[i], field) : 0;
    params_moments(params, ats, count);
}

void pbrow_column(struct params *params, const ProtobufCMessageDescriptor *type, const char *name,
                  const void *const *messages, size_t count)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, name);
    assert(field);
    if (field_is_moment(field) && !field_is_repeated(field)) {
        add_moments(params, field, messages, count);
        return;
    }
    const char **texts = ARENA_ARRAY(params->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        if (field_is_repeated(field))
            texts[i] = array_text(params->arena, messages[i], field);
        else if (field_present(messages[i], field))
            texts[i] = element_text(params->arena, messages[i], field);
    params_texts(params, texts, count);
}
