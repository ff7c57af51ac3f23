#include "moment.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t moment_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t moment_steady_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

void moment_write(int64_t wall_ms, char text[MOMENT_ROOM])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, MOMENT_ROOM, "%s.%03dZ", date, (int)(wall_ms % 1000));
}
