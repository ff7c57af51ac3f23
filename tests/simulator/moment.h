/*
 * moment - the two clocks: the wall for what is written down, the steady one for what is awaited.
 */
#ifndef SIMULATOR_MOMENT_H
#define SIMULATOR_MOMENT_H

#include <stdint.h>

enum { MOMENT_ROOM = 32 };

int64_t moment_wall_ms(void);
int64_t moment_steady_us(void);

/* RFC 3339 in UTC with milliseconds: 2026-11-20T09:38:00.123Z */
void moment_write(int64_t wall_ms, char text[MOMENT_ROOM]);

#endif
