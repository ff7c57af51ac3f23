/*
 * knowledge - reads what a company has written down, and finds in it what a question asks for.
 *
 *   takes   work.kb.index           a document that was saved
 *           knowledge.search        a question of somebody who maintains the material
 *   asks    store.knowledge.read    the document, and which of its chunks are stored
 *           store.knowledge.index   chunks to be stored, and at the end to be found
 *           store.knowledge.search  what fits a question
 *   calls   the embeddings' provider, where the company has chosen one
 *
 * A process of its own: it reads a stranger's HTML, and however much is to be indexed, no customer waits for it.
 */
#include "find.h"
#include "indexing.h"
#include "service/provider.h"
#include "service/service.h"

enum { PARKED_MAX_HERE = 32 }; /* documents at a time: each holds its text and chunks */

/* Of those that embed. */
static const struct setting settings[] = { PROVIDER_SETTINGS_OPENAI, PROVIDER_SETTINGS_GEMINI, { 0 } };

static const struct route routes[] = {
    { .takes = &WORK_KB_INDEX,
      .handle = indexing_start,
      .resume = indexing_told,
      .batch_max = 1, /* cutting and embedding one may take a second */
      .parked_max = PARKED_MAX_HERE },
    { .takes = &KNOWLEDGE_SEARCH, .handle = find, .batch_max = 1, .threads = 2 },
    { 0 },
};

static enum status knowledge_open(struct batch *batch, struct error *error)
{
    (void)batch;
    find_open();
    return provider_open(error);
}

static const struct service knowledge = { .name = "knowledge",
                                          .help = "indexes what companies have written down, and finds in it",
                                          .settings = settings,
                                          .routes = routes,
                                          .open = knowledge_open,
                                          .close = find_close,
                                          .http = true };

int main(int argc, char **argv)
{
    return service_main(argc, argv, &knowledge);
}
