#include "read.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"

/* Fails with what was said, or as itself. */
static void read_fail(struct item *item, enum status status, const struct error *error)
{
    item_fail(item, status, *error->code ? error->code : "unavailable", "%s", error->text);
}

void read_run(struct batch *batch, read_ask *prepare, read_tell *tell)
{
    struct db_step *steps = ARENA_ARRAY(batch->arena, struct db_step, batch->count + 1);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        enum status status = prepare(batch->items[i], &steps[count], &error);
        if (status != OK)
            read_fail(batch->items[i], status, &error);
        else
            items[count++] = batch->items[i];
    }
    struct error error = { 0 };
    if (count && db_run_all(batch->db, batch->arena, steps, count, &error) != OK) {
        for (size_t i = 0; i < count; i++)
            read_fail(items[i], steps[i].status == REJECT ? REJECT : RETRY, &error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct error refused = { 0 };
        enum status status = tell(items[i], &steps[i].rows, &refused);
        if (status != OK)
            read_fail(items[i], status, &refused);
    }
}

enum status read_limit(bool given, int32_t limit, int64_t *out, struct error *error)
{
    *out = given ? limit : PAGE_ITEMS;
    if (*out < 1 || *out > PAGE_ITEMS_MAX)
        return error_code(error, REJECT, "bad_value", "limit must be 1 to %d", PAGE_ITEMS_MAX);
    return OK;
}

enum status read_company(const struct item *item, struct error *error)
{
    return ident_valid(item->caller.company_id)
               ? OK
               : error_code(error, REJECT, "unknown_company", "there is no such company");
}
