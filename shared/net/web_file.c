#include "net/web_file.h"

#include <civetweb.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 * 1024 };

int web_file_open(const char *path)
{
    return path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

void web_file_close(int file)
{
    if (file >= 0)
        close(file);
}

bool web_file_send(struct mg_connection *connection, int file, int64_t from, int64_t bytes)
{
    char piece[PIECE_BYTES];
    while (bytes > 0) {
        size_t some = bytes < PIECE_BYTES ? (size_t)bytes : PIECE_BYTES;
        ssize_t got = pread(file, piece, some, from);
        if (got <= 0 || mg_write(connection, piece, (size_t)got) != got)
            return false;
        from += got;
        bytes -= got;
    }
    return true;
}

static int take_all(struct mg_connection *connection, int file, size_t bytes)
{
    char piece[PIECE_BYTES];
    while (bytes > 0) {
        int got = mg_read(connection, piece, bytes < PIECE_BYTES ? bytes : PIECE_BYTES);
        if (got <= 0)
            return 408;
        if (write(file, piece, (size_t)got) != got)
            return 503;
        bytes -= (size_t)got;
    }
    return 0;
}

int web_file_take(struct mg_connection *connection, const char *path, size_t bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (file < 0)
        return 503;
    int status = take_all(connection, file, bytes);
    if (status == 0 && fsync(file) != 0)
        status = 503;
    close(file);
    if (status != 0)
        unlink(path);
    return status;
}
