#include "llm/breaker.h"

bool breaker_admits(const struct breaker *breaker, moment now)
{
    if (breaker->wait_ms == 0)
        return true;
    return now >= breaker->open_until && now >= breaker->probe_until;
}

bool breaker_admit(struct breaker *breaker, moment now)
{
    if (!breaker_admits(breaker, now))
        return false;
    if (breaker->wait_ms > 0)
        breaker->probe_until = now + BREAKER_PROBE_MS_MAX;
    return true;
}

void breaker_worked(struct breaker *breaker)
{
    *breaker = (struct breaker){ 0 };
}

static int64_t within(int64_t ms, int64_t min, int64_t max)
{
    return ms < min ? min : ms > max ? max : ms;
}

void breaker_failed(struct breaker *breaker, moment now, int64_t retry_after_ms, bool at_once)
{
    bool probe = breaker->probe_until > 0;
    if (breaker->failures < BREAKER_FAILURES)
        breaker->failures++;
    if (at_once)
        breaker->failures = BREAKER_FAILURES;
    if (breaker->failures < BREAKER_FAILURES)
        return;
    if (breaker->wait_ms == 0)
        breaker->wait_ms = BREAKER_WAIT_MS;
    else if (probe) /* calls that were under way when it opened tell nothing new */
        breaker->wait_ms = within(2 * breaker->wait_ms, BREAKER_WAIT_MS, BREAKER_WAIT_MS_MAX);
    moment until = now + within(retry_after_ms, breaker->wait_ms, BREAKER_WAIT_MS_MAX);
    if (until > breaker->open_until)
        breaker->open_until = until;
    breaker->probe_until = 0;
}

void breaker_forget(struct breaker *breaker)
{
    breaker->probe_until = 0;
}
