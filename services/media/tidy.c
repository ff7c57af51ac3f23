#include "tidy.h"

#include "base/text.h"
#include "fetch.h"

enum { TIDY_EVERY_MS = 60 * SECOND_MS, ABANDONED_MS = 60 * MINUTE_MS };

int64_t tidy_run(struct batch *batch)
{
    size_t count = media_place_tidy(batch->arena, &fetch_place, ABANDONED_MS, batch->now);
    if (count > 0)
        log_line(LOG_INFO, "unfinished files removed", "count", text_format(batch->arena, "%zu", count), NULL);
    return TIDY_EVERY_MS;
}
