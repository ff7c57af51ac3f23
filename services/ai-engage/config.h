/*
 * config - ai-engage's own settings, beside those of the models; read once at start.
 */
#pragma once
#include "base/setting.h"
#include "media/media_place.h"

extern const struct setting config_settings[];
extern bool config_loop_guard;          /* LOOP_GUARD: the same answer for the third time is refused */
extern struct media_place config_files; /* where what a model may see or hear is kept */
extern int64_t config_files_wait_ms;    /* AI_MEDIA_WAIT_MS; 0: none is shown */
