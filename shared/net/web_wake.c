#include "net/web_wake.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGAIN_MS = 5 };

/* Again and again: one that comes before the stop is accepted like any other. */
static void *run(void *context)
{
    struct web_wake *wake = context;
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)wake->port) };
    while (!atomic_load(&wake->over)) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0) {
            (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
            usleep(AGAIN_MS * 1000);
            close(fd);
        } else
            usleep(AGAIN_MS * 1000);
    }
    return NULL;
}

void web_wake_start(struct web_wake *wake, int port)
{
    sigset_t all, before;
    *wake = (struct web_wake){ .port = port };
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&wake->thread, NULL, run, wake) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void web_wake_end(struct web_wake *wake)
{
    atomic_store(&wake->over, true);
    pthread_join(wake->thread, NULL);
}
