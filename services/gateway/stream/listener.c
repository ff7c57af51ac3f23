#include "stream/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/moment.h"

enum { CAPACITY_FIRST = 4096, CAPACITY_KEPT = 65536, SOCKET_BYTES = 65536 };

struct listener *listener_new(uint64_t serial, const char *company_id, const char *key_id, const struct filter *filter)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        abort();
    listener->serial = serial;
    listener->filter = *filter;
    listener->fd = -1;
    snprintf(listener->company_id, sizeof listener->company_id, "%s", company_id);
    snprintf(listener->key_id, sizeof listener->key_id, "%s", key_id);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener->bytes);
    free(listener);
}

/* The kernel's share is bounded too: it would hold megabytes for a peer that does not read. */
void listener_connect(struct listener *listener, int fd)
{
    const int bytes = SOCKET_BYTES;
    listener->fd = fd;
    listener->moved_us = listener->spoke_us = moment_monotonic_us();
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void make_room(struct listener *listener, size_t count)
{
    if (listener->from > 0) {
        memmove(listener->bytes, listener->bytes + listener->from, listener->to - listener->from);
        listener->to -= listener->from;
        listener->from = 0;
    }
    while (listener->capacity - listener->to < count) {
        listener->capacity = listener->capacity == 0 ? CAPACITY_FIRST : 2 * listener->capacity;
        listener->bytes = realloc(listener->bytes, listener->capacity);
        if (listener->bytes == NULL)
            abort();
    }
}

void listener_queue(struct listener *listener, const char *bytes, size_t count)
{
    if (listener->capacity - listener->to < count)
        make_room(listener, count);
    memcpy(listener->bytes + listener->to, bytes, count);
    listener->to += count;
    listener->spoke_us = moment_monotonic_us();
    if (listener->to - listener->from == count)
        listener->moved_us = listener->spoke_us;
}

size_t listener_waiting(const struct listener *listener)
{
    return listener->to - listener->from;
}

void listener_flush(struct listener *listener)
{
    while (listener->from < listener->to) {
        ssize_t count = send(listener->fd, listener->bytes + listener->from, listener->to - listener->from,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            listener->closing |= errno != EAGAIN && errno != EINTR;
            return;
        }
        listener->from += (size_t)count;
        listener->moved_us = moment_monotonic_us();
    }
    listener->from = listener->to = 0;
    if (listener->capacity > CAPACITY_KEPT) {
        free(listener->bytes);
        listener->bytes = NULL;
        listener->capacity = 0;
    }
}

void listener_hear(struct listener *listener)
{
    char bytes[512];
    ssize_t count = recv(listener->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    listener->closing |= count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}
