#include "map.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct map_entry {
    const char *key;
    void *value;
};

struct map {
    size_t mask, count, keys_max;
    struct map_entry entries[];
};

struct map *map_new(struct arena *arena, size_t keys_max)
{
    size_t size = 16;
    while (size < 2 * (keys_max + 1))
        size *= 2;
    struct map *map = arena_alloc(arena, sizeof *map + size * sizeof *map->entries);
    map->mask = size - 1;
    map->keys_max = keys_max;
    return map;
}

/* Eight bytes at a time, for most keys are ids; the constant is that of Fibonacci hashing. */
static size_t map_hash(const char *key)
{
    const uint64_t spread = 0x9E3779B97F4A7C15u;
    size_t left = strlen(key);
    uint64_t hash = left, eight;
    for (; left >= sizeof eight; left -= sizeof eight, key += sizeof eight) {
        memcpy(&eight, key, sizeof eight);
        hash = (hash ^ eight) * spread;
        hash ^= hash >> 32;
    }
    eight = 0;
    memcpy(&eight, key, left);
    hash = (hash ^ eight) * spread;
    return (size_t)(hash ^ hash >> 32);
}

/* The key's entry, or the empty one where it belongs. */
static size_t map_place(const struct map *map, const char *key)
{
    size_t place = map_hash(key) & map->mask;
    while (map->entries[place].key && strcmp(map->entries[place].key, key) != 0)
        place = (place + 1) & map->mask;
    return place;
}

void **map_at(struct map *map, const char *key)
{
    struct map_entry *entry = &map->entries[map_place(map, key)];
    if (!entry->key) {
        assert(map->count < map->keys_max);
        map->count++;
        entry->key = key;
    }
    return &entry->value;
}

void *map_find(const struct map *map, const char *key)
{
    return map->entries[map_place(map, key)].value;
}
