/*
 * filter - which events of a company a stream wants: of one lead, of some types. Nothing given: all.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/ident.h"
#include "wire/pb.h"

/* What is told and not stored: no event of the log. */
#define FILTER_TYPING "conversation.typing"

enum { FILTER_TYPES_MAX = 16, FILTER_TYPE_BYTES = 48 };

struct filter {
    char lead_id[IDENT_BYTES]; /* "" any */
    size_t type_count;         /* 0: any */
    char types[FILTER_TYPES_MAX][FILTER_TYPE_BYTES];
};

/* REJECT for a type that no event has, or none whose name begins so. */
enum status filter_read(const Pb__EventStreamRequest *request, struct filter *out, struct error *error);
bool filter_wants(const struct filter *filter, const char *lead_id, const char *type);
/* What the log is asked with. */
void filter_ask(const struct filter *filter, struct arena *arena, Pb__EventPageRequest *request);
