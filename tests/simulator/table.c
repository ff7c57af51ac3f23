#include "table.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 64 };

static uint64_t hash(const char *key)
{
    uint64_t value = 14695981039346656037U;
    for (; *key != '\0'; key++)
        value = (value ^ (unsigned char)*key) * 1099511628211U;
    return value;
}

/* The slot of the key, or the free one where it belongs. */
static struct table_slot *find(const struct table *table, const char *key)
{
    size_t at = (size_t)hash(key) & (table->room - 1);
    while (table->slots[at].key != NULL && strcmp(table->slots[at].key, key) != 0)
        at = (at + 1) & (table->room - 1);
    return &table->slots[at];
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->room = old.room == 0 ? ROOM_MIN : old.room * 2;
    table->slots = memory_zeroed(table->room * sizeof *table->slots);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].key != NULL)
            *find(table, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void *table_get(const struct table *table, const char *key)
{
    if (table->count == 0)
        return NULL;
    struct table_slot *slot = find(table, key);
    return slot->key == NULL ? NULL : slot->value;
}

void *table_put(struct table *table, const char *key)
{
    void *known = table_get(table, key);
    if (known != NULL)
        return known;
    if (table->count == TABLE_KEYS_MAX)
        table_clear(table);
    if (table->count * 4 >= table->room * 3)
        grow(table);
    struct table_slot *slot = find(table, key);
    slot->key = memory_text(key);
    table->count++;
    return slot->value;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->room; i++)
        free(table->slots[i].key);
    free(table->slots);
    *table = (struct table){ 0 };
}
