#include "waiting.h"

#include <stddef.h>

#include "base/text.h"

enum { BUCKETS = 4096 };

static _Thread_local struct waiting *table[BUCKETS];

static struct waiting **bucket_of(const char *conversation_id)
{
    uint64_t hash = 14695981039346656037u;
    for (; *conversation_id; conversation_id++)
        hash = (hash ^ (unsigned char)*conversation_id) * 1099511628211u;
    return &table[hash % BUCKETS];
}

void waiting_add(struct waiting *entry)
{
    struct waiting **bucket = bucket_of(entry->conversation_id);
    entry->next = *bucket;
    entry->at = bucket;
    if (entry->next)
        entry->next->at = &entry->next;
    *bucket = entry;
}

void waiting_remove(struct waiting *entry)
{
    if (!entry->at)
        return;
    *entry->at = entry->next;
    if (entry->next)
        entry->next->at = entry->at;
    entry->at = NULL;
}

/* Whoever took over, opted out or was erased gets no answer that was begun before; a newer inbound counts while there
 * is time to wait for it. */
static bool in_vain(const struct waiting *entry, const char *cause, int64_t position, moment now)
{
    if (text_same(cause, "inbound"))
        return position > entry->covered_position && now < entry->answer_by_at;
    return text_same(cause, "takeover") || text_same(cause, "opt_out") || text_same(cause, "erasure");
}

struct waiting *waiting_vain(struct waiting *after, const char *conversation_id, const char *cause, int64_t position,
                             moment now)
{
    for (struct waiting *entry = after ? after->next : *bucket_of(conversation_id); entry; entry = entry->next)
        if (text_same(entry->conversation_id, conversation_id) && in_vain(entry, cause, position, now))
            return entry;
    return NULL;
}
