/*
 * ai-engage - answers customers: one turn for all that somebody wrote since the last answer.
 *
 *   takes   work.ai.engage        an inbound message that wants an answer
 *           work.followup.bumpup  somebody who has been silent and may be nudged
 *   hears   nudge.conversation    something changed: a model call under way may be in vain
 *   asks    store.turn.open       is an answer owed, and what the model needs to know
 *           store.turn.commit     reply, coverage and event in one transaction
 *           store.usage.record    what a call cost that led to none
 *           store.bumpup.open     may they be nudged, and what was said
 *           store.bumpup.commit   the nudge as a message that waits to leave
 *   calls   the model's provider  without blocking: thousands in flight
 *
 * Every handling makes a fresh claim; the store gives the turn to the newest, so a job that runs twice answers once.
 */
#include "bumpup.h"
#include "config.h"
#include "engage.h"
#include "service/model.h"
#include "service/service.h"

static const struct route routes[] = {
    { .takes = &WORK_AI_ENGAGE,
      .handle = engage_start,
      .resume = engage_told,
      .hears = &NUDGE_CONVERSATION,
      .hear = engage_hear,
      .batch_max = 64,
      .parked_max = 2048,
      .threads = 2 }, /* one opens turns while the other commits */
    { .takes = &WORK_BUMPUP, .handle = bumpup_start, .resume = bumpup_told, .batch_max = 16, .parked_max = 256 },
    { 0 },
};

static const struct service ai_engage = { .name = "ai-engage",
                                          .help = "answers customers with a model",
                                          .settings = model_settings,
                                          .own_settings = config_settings,
                                          .routes = routes,
                                          .open = model_open,
                                          .http = true };

int main(int argc, char **argv)
{
    return service_main(argc, argv, &ai_engage);
}
