/*
 * table - values of one fixed size under text keys: the buckets and windows per recipient.
 *
 * A pointer to a value holds until the next table_put or table_clear.
 */
#ifndef SIMULATOR_TABLE_H
#define SIMULATOR_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
    char *key; /* NULL: free */
    unsigned char value[16];
};

struct table {
    struct table_slot *slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

enum { TABLE_VALUE_BYTES = 16, TABLE_KEYS_MAX = 1 << 20 };

/* NULL when the key is not there. */
void *table_get(const struct table *table, const char *key);

/* The value of the key, all zero when it is new. A full table forgets everything first. */
void *table_put(struct table *table, const char *key);

void table_clear(struct table *table);

#endif
