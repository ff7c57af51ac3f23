/*
 * rules - what a descriptor can't say of a field: that REST never sees it, that it must be there, how large it may be.
 *
 * The transcoder and the OpenAPI document read the same table, so that they can't disagree.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum rule_flag {
    RULE_HIDDEN = 1, /* internal: neither taken nor shown */
    RULE_REQUIRED = 2,
    RULE_UUID = 4,
    RULE_NONEMPTY = 8,
    RULE_ADDED = 16, /* a text of an answer that no message has: the gateway adds it */
};

struct rule {
    const ProtobufCMessageDescriptor *type; /* NULL: every message with a field of that name */
    const char *field;
    unsigned flags;
    int64_t min, max; /* of a number; 0,0: any. max of a text: bytes; 0: any */
};

/* NULL: nothing to say. A rule of the type itself goes before one of the name. */
const struct rule *rules_find(const ProtobufCMessageDescriptor *type, const char *field);
const char *rules_added(const ProtobufCMessageDescriptor *type); /* NULL: nothing */
bool rules_hidden(const ProtobufCMessageDescriptor *type, const char *field);
bool rules_shown(const ProtobufCMessageDescriptor *type, const char *field); /* for pbjson_write_shown */
bool rules_field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* REJECT unknown_field for a hidden field that was set. */
enum status rules_check_hidden(const ProtobufCMessage *message, struct error *error);
/* REJECT missing_field, bad_value, too_long by name. */
enum status rules_check(const ProtobufCMessage *message, struct error *error);
