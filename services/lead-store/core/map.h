/*
 * map - finds by text what a batch has made already. Lives in an arena, holds a fixed number of keys at most.
 */
#pragma once
#include <stddef.h>

#include "base/arena.h"

struct map;

struct map *map_new(struct arena *arena, size_t keys_max);
/* The value's place, NULL in it when the key is new. The key is not copied. */
void **map_at(struct map *map, const char *key);
/* NULL: unknown. */
void *map_find(const struct map *map, const char *key);
