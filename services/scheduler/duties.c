/* What the scheduler does again and again beside its routes. */
#include "due.h"
#include "keep.h"
#include "relay.h"

const struct duty SCHEDULER_DUTIES[] = {
    [DUTY_DISPATCH] = { .name = "dispatch", .run = due_run, .hears = &JOBS_CAPACITY, .hear = due_hear },
    [DUTY_RELAY] = { .name = "relay", .run = relay_run },
    [DUTY_KEEP] = { .name = "keep", .run = keep_run },
    { 0 },
};

void relay_wake(void)
{
    duty_wake(&SCHEDULER_DUTIES[DUTY_RELAY]);
}
