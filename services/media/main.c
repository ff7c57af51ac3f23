/*
 * media - fetches the files that people send and keeps them.
 *
 *   takes   work.media.fetch      the file of one inbound message: id -> URL -> file, as Meta hands it out
 *   asks    store.media.find      what is to be fetched, and with which token
 *           store.media.settle    what came of it
 *           store.media.remove    contents of deleted files, which go
 *
 * A service of its own: it alone writes to the folder of files, its calls are few, long and large where a channel's are
 * many and short, and a further channel's files are one more room under shared/channels.
 */
#include "fetch.h"
#include "service/service.h"
#include "tidy.h"

enum { FETCHES_MAX = 32 }; /* at a time: they share one line and one disk */

static const struct route routes[] = {
    { .takes = &WORK_MEDIA_FETCH,
      .handle = fetch_start,
      .resume = fetch_told,
      .let_go = fetch_let_go,
      .parked_max = FETCHES_MAX },
    { 0 },
};

static const struct duty duties[] = {
    { .name = "tidy", .run = tidy_run },
    { 0 },
};

static enum status media_open(struct batch *batch, struct error *error)
{
    tidy_open();
    return fetch_open(batch, error);
}

static void media_close(void)
{
    fetch_close();
    tidy_close();
}

static const struct service media = {
    .name = "media",
    .help = "fetches the files that people send",
    .settings = fetch_settings,
    .routes = routes,
    .duties = duties,
    .open = media_open,
    .close = media_close,
    .http = true,
};

int main(int argc, char **argv)
{
    return service_main(argc, argv, &media);
}
