#include "stream/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "service/event_type.h"

static bool type_fits(const char *pattern, const char *type)
{
    size_t bytes = strlen(pattern);
    if (bytes > 0 && pattern[bytes - 1] == '*')
        return strncmp(pattern, type, bytes - 1) == 0;
    return strcmp(pattern, type) == 0;
}

static bool type_known(const char *pattern)
{
    for (const struct event_type *type = EVENT_TYPES; type->name != NULL; type++)
        if (type_fits(pattern, type->name))
            return true;
    return type_fits(pattern, FILTER_TYPING);
}

static enum status add_type(struct filter *filter, const char *type, struct error *error)
{
    if (strlen(type) >= FILTER_TYPE_BYTES || !type_known(type))
        return error_code(error, REJECT, "bad_value", "'type' names an event that there is none of.");
    if (filter->type_count == FILTER_TYPES_MAX)
        return error_code(error, REJECT, "bad_value", "'type' names more than %d.", FILTER_TYPES_MAX);
    memcpy(filter->types[filter->type_count++], type, strlen(type) + 1);
    return OK;
}

enum status filter_read(const Pb__EventStreamRequest *request, struct filter *out, struct error *error)
{
    *out = (struct filter){ 0 };
    snprintf(out->lead_id, sizeof out->lead_id, "%s", text_or(request->lead_id, ""));
    for (char *c = out->lead_id; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
    for (const char *at = text_or(request->type, ""); *at != '\0';) {
        char type[FILTER_TYPE_BYTES + 1];
        size_t bytes = strcspn(at, ",");
        snprintf(type, sizeof type, "%.*s", (int)(bytes < sizeof type ? bytes : sizeof type), at);
        TRY(add_type(out, type, error));
        at += bytes + (at[bytes] == ',');
    }
    return OK;
}

bool filter_wants(const struct filter *filter, const char *lead_id, const char *type)
{
    if (filter->lead_id[0] != '\0' && strcmp(filter->lead_id, text_or(lead_id, "")) != 0)
        return false;
    for (size_t i = 0; i < filter->type_count; i++)
        if (type_fits(filter->types[i], type))
            return true;
    return filter->type_count == 0;
}

void filter_ask(const struct filter *filter, struct arena *arena, Pb__EventPageRequest *request)
{
    if (filter->lead_id[0] != '\0')
        request->lead_id = arena_text(arena, filter->lead_id);
    request->types = ARENA_ARRAY(arena, char *, filter->type_count + 1);
    for (size_t i = 0; i < filter->type_count; i++)
        request->types[request->n_types++] = arena_text(arena, filter->types[i]);
}
