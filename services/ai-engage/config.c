#include "config.h"

bool config_loop_guard;
struct media_place config_files;
int64_t config_files_wait_ms;

const struct setting config_settings[] = {
    { .name = "LOOP_GUARD",
      .flag = &config_loop_guard,
      .fallback = "on",
      .help = "off: nothing is done against machines that answer each other; for load tests" },
    MEDIA_PLACE_SETTINGS(config_files),
    { .name = "AI_MEDIA_WAIT_MS",
      .number = &config_files_wait_ms,
      .fallback = "5000",
      .max = 60000,
      .help = "how long an answer waits for a picture or a voice to be fetched, ms; 0: the model gets words only" },
    { 0 },
};
