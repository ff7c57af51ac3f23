/*
 * page - a list of REST, newest first: where it begins, and how it goes on.
 *
 * Requests say `limit` and `cursor`, lists have `items` and `next_cursor`, items `created_at` and `id` (and `position`,
 * where the list is in its order): found by their names. A statement asks for one row more than the limit, to know
 * whether there are more.
 */
#pragma once
#include "read.h"

struct page {
    struct cursor from; /* at 0: from the newest */
    int64_t limit;
};

/* What the item's request wants, and that its caller has a company. REJECT for what we never gave out. */
enum status page_read(const struct item *item, struct page *out, struct error *error);
/* The same of a list whose ids are not UUIDs but letters and digits. */
enum status page_read_named(const struct item *item, struct page *out, struct error *error);

/* $1 the company, $2 and $3 where the page begins, by time and id. */
struct params *page_params(const struct item *item, const struct page *page);

/* Of a statement that joins its rows to whether their owner is there (`found`): how many rows are items. One row
 * without an id says only that. */
size_t page_rows(const struct rows *rows, bool *found);

/* The item's reply: the first rows as its items, and where the rest begins. count: rows that are items of the list. */
enum status page_reply(struct item *item, ProtobufCMessage *list, const struct rows *rows, size_t count,
                       struct error *error);
/* The same of a list that is in another order: *last is the item after which the rest begins, NULL where there is no
 * more; next_cursor is the caller's to set. */
enum status page_items(struct item *item, ProtobufCMessage *list, const struct rows *rows, size_t count,
                       const void **last, struct error *error);
