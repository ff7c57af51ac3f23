/*
 * Messages that are done with. The library hands each to a collecting thread of its own, which it wakes for it: one
 * more thread to wake for every message of an idle system. So they are kept a while and go together.
 */
#include "net/bus_private.h"

#include <string.h>

enum { KEPT_MAX = 64, KEPT_BYTES_MAX = 256 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static natsMsg *kept[KEPT_MAX];
static size_t kept_count, kept_bytes;

/* Under the lock: all that is kept becomes the caller's. */
static size_t take_kept(natsMsg **out)
{
    size_t count = kept_count;
    memcpy(out, kept, count * sizeof *kept);
    kept_count = kept_bytes = 0;
    return count;
}

static void destroy(natsMsg **messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        natsMsg_Destroy(messages[i]);
}

void bus_message_done(natsMsg *message)
{
    natsMsg *done[KEPT_MAX];
    size_t count = 0;
    if (!message)
        return;
    pthread_mutex_lock(&lock);
    kept[kept_count++] = message;
    kept_bytes += (size_t)natsMsg_GetDataLength(message);
    if (kept_count == KEPT_MAX || kept_bytes > KEPT_BYTES_MAX)
        count = take_kept(done);
    pthread_mutex_unlock(&lock);
    destroy(done, count);
}

void bus_messages_clear(void)
{
    natsMsg *done[KEPT_MAX];
    pthread_mutex_lock(&lock);
    size_t count = take_kept(done);
    pthread_mutex_unlock(&lock);
    destroy(done, count);
}
