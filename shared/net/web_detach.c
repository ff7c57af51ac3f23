#include "net/web_detach.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Port of a socket's end; its address as text in out. -1: no socket of IP. */
static int end_of(int (*ask)(int, struct sockaddr *, socklen_t *), int fd, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage storage;
    socklen_t bytes = sizeof storage;
    if (ask(fd, (struct sockaddr *)&storage, &bytes) != 0)
        return -1;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&storage;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&storage;
    if (storage.ss_family == AF_INET && inet_ntop(AF_INET, &four->sin_addr, out, INET6_ADDRSTRLEN))
        return ntohs(four->sin_port);
    if (storage.ss_family == AF_INET6 && inet_ntop(AF_INET6, &six->sin6_addr, out, INET6_ADDRSTRLEN))
        return ntohs(six->sin6_port);
    return -1;
}

static bool is_connection(int fd, const char *address, int port, int our_port)
{
    char text[INET6_ADDRSTRLEN];
    if (end_of(getpeername, fd, text) != port || strcmp(text, address) != 0)
        return false;
    return end_of(getsockname, fd, text) == our_port;
}

int web_find(const char *address, int port, int our_port)
{
    int found = -1;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return -1;
    for (const struct dirent *entry; found < 0 && (entry = readdir(folder)) != NULL;) {
        int fd = entry->d_name[0] == '.' ? -1 : (int)strtol(entry->d_name, NULL, 10);
        found = fd >= 0 && is_connection(fd, address, port, our_port) ? fd : -1;
    }
    closedir(folder);
    return found;
}

int web_detach(const char *address, int port, int our_port)
{
    int fd = web_find(address, port, our_port);
    int nowhere = fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (nowhere < 0)
        return -1;
    int taken = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (taken >= 0 && dup3(nowhere, fd, O_CLOEXEC) < 0) {
        close(taken);
        taken = -1;
    }
    close(nowhere);
    return taken;
}
