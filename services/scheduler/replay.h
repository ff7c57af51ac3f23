/*
 * replay - jobs.replay: dead jobs run again, oldest first, with their key, priority and params, from the first step of
 * the ladder.
 *
 * Every gate they pass is asked again by their workers. The dispatch number goes on, so no stream takes the new run for
 * the old one.
 */
#pragma once
#include "service/service.h"

void replay_handle(struct batch *batch);
