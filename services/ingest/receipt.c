#include "receipt.h"

#include "normalise.h"
#include "record.h"

static bool compose(struct item *item, struct call *call)
{
    const Pb__RawInbound *raw = item->message;
    Pb__Receipt *receipt;
    const char *field;
    item->status = normalise_receipt(item->arena, raw, &receipt, &field, &item->error);
    if (item->status != OK)
        return false;
    if (!receipt) {
        record_passed(field);
        return false;
    }
    *call = (struct call){ .caller = record_caller(item, raw), .request = receipt };
    return true;
}

void apply_receipts(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (compose(batch->items[i], &calls[count]))
            items[count++] = batch->items[i];
    ask(batch->arena, &STORE_RECEIPT_APPLY, calls, count);
    for (size_t i = 0; i < count; i++) {
        items[i]->status = calls[i].status;
        items[i]->error = calls[i].error;
    }
}
