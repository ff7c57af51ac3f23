/*
 * pbrow - rows <-> messages, by descriptor.
 *
 * A column with a field's name fills it: uuid, text, int, bool, double, timestamptz ("..._at", "..._ts"), enum words,
 * jsonb (Json), arrays of text for repeated strings. Columns without a field and fields without a column are passed
 * over. NULL leaves an optional field absent.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "net/db.h"

/* A new message of the type from one row. */
void *pbrow_read(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct rows *rows, size_t row);
/* All rows; *out is an array of pointers as a repeated field holds them. Returns the count. */
size_t pbrow_read_all(struct arena *arena, const ProtobufCMessageDescriptor *type, const struct rows *rows,
                      void ***out);

/* Appends one parameter: the field's value of each message, as one array ($n::<type>[]). Absent fields and "" uuids are
 * NULL. */
void pbrow_column(struct params *params, const ProtobufCMessageDescriptor *type, const char *field,
                  const void *const *messages, size_t count);
