#include "service/task.h"

#include <string.h>

enum { S = 1000, MIN = 60 * S, H = 60 * MIN };

/* What most kinds share: six runs, 5 s to 10 min between them, a minute each. */
#define USUAL .attempts_max = 6, .ladder_ms = { 5 * S, 20 * S, 60 * S, 180 * S, 600 * S }, .run_ms_max = 60 * S
#define P1    .priority_min = PRIORITY_LIVE_MIN, .priority_max = 100
#define P2    .priority_min = 0, .priority_max = PRIORITY_LIVE_MIN - 1
#define ANY   .priority_min = 0, .priority_max = 100

const struct task TASKS[] = {
    { .name = "ai.engage", .priority = 100, P1, USUAL },
    { .name = "followup.bumpup", .priority = 95, P1, USUAL },
    { .name = "ai.summary", .priority = 90, P1, USUAL },
    { .name = "sequence.step", .priority = 70, P2, USUAL },
    { .name = "email.sequence", .priority = 60, P2, USUAL },
    /* As webhook senders agree on it: three days of patience. */
    { .name = "webhook.reminder",
      .priority = 50,
      P2,
      .attempts_max = 10,
      .ladder_ms = { 5 * S, 5 * MIN, 30 * MIN, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H },
      .run_ms_max = 60 * S },
    /* A send has its cause's priority, whatever class that is; an answer to a customer is the usual one. */
    { .name = "channel.send.whatsapp_cloud", .priority = 100, ANY, USUAL },
    { .name = "channel.send.whatsapp_web", .priority = 100, ANY, USUAL },
    { .name = "channel.send.email", .priority = 100, ANY, USUAL },
    { .name = "channel.send.sms", .priority = 100, ANY, USUAL },
    { .name = "channel.send.push", .priority = 100, ANY, USUAL },
    { .name = "channel.send.in_app", .priority = 100, ANY, USUAL },
    { .name = "channel.mark.whatsapp_cloud", .priority = 95, P1, USUAL },
    /* later and helper kinds */
    { .name = "media.fetch",
      .priority = 97,
      P1,
      .attempts_max = 6,
      .ladder_ms = { 5 * S, 20 * S, 60 * S, 180 * S, 600 * S },
      .run_ms_max = 180 * S }, /* the largest file on a slow line */
    { .name = "smartengage.message", .priority = 65, P2, USUAL },
    { .name = "coachnova.check", .priority = 65, P2, USUAL },
    { .name = "smartengage.run", .priority = 45, P2, USUAL },
    { .name = "template.sync", .priority = 30, P2, USUAL },
    { .name = "kb.index", .priority = 30, P2, USUAL },
    { .name = NULL },
};

const struct task *task_find(const char *name)
{
    for (const struct task *task = TASKS; name && task->name; task++)
        if (strcmp(task->name, name) == 0)
            return task;
    return NULL;
}
