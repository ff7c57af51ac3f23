/* The server's version: the library reads it and keeps it to itself, so the greeting that every server sends first is
 * read again. */
#include "net/bus_private.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { GREETING_BYTES = 4096 };

static int dial(const char *host, const char *port)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    if (getaddrinfo(host, port, &wanted, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval second = { .tv_sec = 1 };
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    }
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* INFO {"server_id":"...","version":"2.9.10",...} */
static void read_greeting(int fd, char *out, size_t bytes_max)
{
    char greeting[GREETING_BYTES];
    ssize_t got = recv(fd, greeting, sizeof greeting - 1, 0);
    greeting[got > 0 ? got : 0] = '\0';
    const char *member = "\"version\":\"";
    const char *version = strstr(greeting, member);
    if (!version)
        return;
    version += strlen(member);
    snprintf(out, bytes_max, "%.*s", (int)strcspn(version, "\""), version);
}

static void read_version(natsConnection *connection, char *out, size_t bytes_max)
{
    char url[512];
    if (natsConnection_GetConnectedUrl(connection, url, sizeof url) != NATS_OK)
        return;
    char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    host = strrchr(host, '@') ? strrchr(host, '@') + 1 : host;
    char *port = strrchr(host, ':');
    if (!port)
        return;
    *port++ = '\0';
    if (*host == '[') {
        host[strcspn(host, "]")] = '\0';
        host++;
    }
    int fd = dial(host, port);
    if (fd < 0)
        return;
    read_greeting(fd, out, bytes_max);
    close(fd);
}

const char *bus_server_version(const struct bus *bus)
{
    static _Thread_local char version[32];
    version[0] = '\0';
    if (bus_connection_up(bus))
        read_version(bus->connection, version, sizeof version);
    return version;
}
