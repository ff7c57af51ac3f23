/* `--probe`: asks the service beside it, on this machine, whether it is ready. Plain sockets: images hold no client. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "service/process.h"

enum { PROBE_WAIT_MS = 2500 }; /* below the 3 s that compose.yaml gives a check */

static const char QUESTION[] = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

static bool wait_until(int fd, short events, int64_t ends_us)
{
    struct pollfd wanted = { .fd = fd, .events = events };
    int64_t left_ms = (ends_us - moment_monotonic_us()) / 1000;
    return left_ms > 0 && poll(&wanted, 1, (int)left_ms) == 1;
}

static bool call(int fd, int port, int64_t ends_us)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)port) };
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        return false;
    return wait_until(fd, POLLOUT, ends_us) &&
           send(fd, QUESTION, sizeof QUESTION - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof QUESTION - 1);
}

/* As much as fits; the rest doesn't matter. */
static void listen_to(int fd, int64_t ends_us, char *answer, size_t bytes_max)
{
    size_t bytes = 0;
    ssize_t more = 1;
    while (more > 0 && bytes + 1 < bytes_max && wait_until(fd, POLLIN, ends_us)) {
        more = recv(fd, answer + bytes, bytes_max - 1 - bytes, 0);
        bytes += more > 0 ? (size_t)more : 0;
    }
    answer[bytes] = '\0';
}

int probe_run(int64_t port)
{
    char answer[2048] = "";
    int64_t ends_us = moment_monotonic_us() + PROBE_WAIT_MS * 1000LL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && call(fd, (int)port, ends_us))
        listen_to(fd, ends_us, answer, sizeof answer);
    if (fd >= 0)
        close(fd);
    if (text_starts(answer, "HTTP/1.1 200 "))
        return 0;
    const char *body = strstr(answer, "\r\n\r\n");
    const char *why = body ? body + 4 : "no answer from 127.0.0.1 at ADMIN_PORT";
    fprintf(stderr, "not ready: %.*s\n", (int)strcspn(why, "\r\n"), why);
    return 1;
}
