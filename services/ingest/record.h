/*
 * record - a batch of raw messages becomes rows and jobs.
 *
 * Both requests are repeatable by natural keys, so a batch that failed half-way is done again whole.
 */
#pragma once
#include "service/service.h"

void record_messages(struct batch *batch);

/* On whose behalf an item is asked for: what the item itself says wins over what its headers said. */
struct caller record_caller(const struct item *item, const Pb__RawInbound *raw);
/* A change of a webhook that is read and not acted upon. */
void record_passed(const char *field);
