#include "page.h"

#include <assert.h>

#include "base/ident.h"
#include "wire/pb.h"
#include "wire/pbrow.h"

/* The member's place in the message, or NULL where it has none of that name. */
static void *member(const void *message, const char *name)
{
    const ProtobufCMessage *base = message;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(base->descriptor, name);
    return field ? (char *)message + field->offset : NULL;
}

static bool given(const void *message, const char *name)
{
    const ProtobufCMessage *base = message;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(base->descriptor, name);
    return field && *(const protobuf_c_boolean *)((const char *)message + field->quantifier_offset);
}

static enum status limit_read(const struct item *item, int64_t *out, struct error *error)
{
    const int32_t *limit = member(item->message, "limit");
    assert(limit);
    return read_limit(given(item->message, "limit"), *limit, out, error);
}

enum status page_read_named(const struct item *item, struct page *out, struct error *error)
{
    char *const *cursor = member(item->message, "cursor");
    assert(cursor);
    *out = (struct page){ .limit = 0 };
    TRY(read_company(item, error));
    TRY(limit_read(item, &out->limit, error));
    TRY(cursor_read_named(item->arena, *cursor, &out->from, error));
    if (out->from.at && !out->from.id)
        return error_code(error, REJECT, "bad_value", "cursor is none that was given out");
    return OK;
}

enum status page_read(const struct item *item, struct page *out, struct error *error)
{
    TRY(page_read_named(item, out, error));
    if (out->from.id && !ident_valid(out->from.id))
        return error_code(error, REJECT, "bad_value", "cursor is none that was given out");
    return OK;
}

struct params *page_params(const struct item *item, const struct page *page)
{
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_moment(params, page->from.at);
    params_text(params, page->from.id);
    return params;
}

static char *next_after(struct arena *arena, const void *last)
{
    const int64_t *at = member(last, "created_at"), *position = member(last, "position");
    char *const *id = member(last, "id");
    assert(at && id);
    return cursor_text(arena, &(struct cursor){ .at = *at, .position = position ? *position : 0, .id = *id });
}

size_t page_rows(const struct rows *rows, bool *found)
{
    *found = rows_bool(rows, 0, rows_column(rows, "found"));
    return rows_text(rows, 0, rows_column(rows, "id")) ? rows->count : 0;
}

enum status page_items(struct item *item, ProtobufCMessage *list, const struct rows *rows, size_t count,
                       const void **last, struct error *error)
{
    const ProtobufCFieldDescriptor *items = protobuf_c_message_descriptor_get_field_by_name(list->descriptor, "items");
    assert(items);
    *last = NULL;
    size_t *n_items = (size_t *)(void *)((char *)list + items->quantifier_offset);
    void ***all = (void ***)(void *)((char *)list + items->offset);
    int64_t limit;
    TRY(limit_read(item, &limit, error));
    if (count)
        *n_items = pbrow_read_all(item->arena, items->descriptor, rows, all);
    if (count > (size_t)limit) {
        *n_items = (size_t)limit;
        *last = (*all)[limit - 1];
    }
    item->reply = list;
    return OK;
}

enum status page_reply(struct item *item, ProtobufCMessage *list, const struct rows *rows, size_t count,
                       struct error *error)
{
    const void *last;
    char **next_cursor = member(list, "next_cursor");
    assert(next_cursor);
    TRY(page_items(item, list, rows, count, &last, error));
    if (last)
        *next_cursor = next_after(item->arena, last);
    return OK;
}
