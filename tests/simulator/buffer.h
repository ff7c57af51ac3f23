/*
 * buffer - bytes that grow: what is read from a socket, and every JSON text the simulator writes.
 *
 * `bytes` is NULL only while nothing was ever added, else it is followed by a NUL that `used` doesn't count.
 * Any call that adds may move `bytes`.
 */
#ifndef SIMULATOR_BUFFER_H
#define SIMULATOR_BUFFER_H

#include <stddef.h>

struct buffer {
    char *bytes;
    size_t used;
    size_t room;
};

/* Makes room for `more` bytes behind `used`. */
void buffer_reserve(struct buffer *buffer, size_t more);

void buffer_add(struct buffer *buffer, const void *bytes, size_t count);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds `text` as a JSON string with its quotes; NULL becomes null. The text must be UTF-8. */
void buffer_add_json(struct buffer *buffer, const char *text);

/* Writes every non-ASCII character as \uXXXX, as Meta does. The whole buffer must be JSON text in UTF-8. */
void buffer_escape_non_ascii(struct buffer *buffer);

void buffer_drop_front(struct buffer *buffer, size_t count);
void buffer_clear(struct buffer *buffer);

#endif
