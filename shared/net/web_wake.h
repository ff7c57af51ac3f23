/*
 * web_wake - makes a civetweb that is being stopped notice it.
 *
 * Its accepting thread looks only every 2 s (compiled in) whether it is to end; a connection wakes it. Start it before
 * mg_stop and end it after. Where the server doesn't listen on loopback the stop takes its 2 s.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

struct web_wake {
    pthread_t thread;
    int port;
    atomic_bool over;
};

void web_wake_start(struct web_wake *wake, int port);
void web_wake_end(struct web_wake *wake);
