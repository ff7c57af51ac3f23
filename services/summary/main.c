/*
 * summary - tells what was said with a lead, and remembers what prompts no longer hold.
 *
 *   takes   work.ai.summary        somebody wants a lead summed up, or a conversation outgrows its prompt
 *   asks    store.summary.open     what is to be told or remembered next
 *           store.summary.commit   the result of that step
 *   calls   the model's provider   without blocking
 *
 * A long history is remembered in steps, each committed alone: a job that dies goes on where the last step ended.
 */
#include "service/model.h"
#include "summary.h"

static const struct route routes[] = {
    { .takes = &WORK_AI_SUMMARY, .handle = summary_start, .resume = summary_told, .batch_max = 16, .parked_max = 256 },
    { 0 },
};

static const struct service summary = { .name = "summary",
                                        .help = "tells what was said with a lead, with a model",
                                        .settings = model_settings,
                                        .routes = routes,
                                        .open = model_open,
                                        .http = true };

int main(int argc, char **argv)
{
    return service_main(argc, argv, &summary);
}
