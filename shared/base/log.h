/*
 * log - one line per thing done, logfmt on stderr.
 *
 * Only the skeleton and main functions log; base/, net/, wire/ never do. Values are ids, names of ours and numbers: no
 * message bodies, names of people, addresses or secrets.
 *
 *   log_line(LOG_INFO, "job done", "task", "ai.engage", "job", id, "ms", text_format(...), NULL);
 */
#pragma once
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_open(const char *service);                               /* name printed on each line */
enum status log_level_set(const char *name, struct error *error); /* "debug" .. "error", any case */
bool log_enabled(enum log_level level);

/* message, then pairs of key and value (text, NULL value = pair left out), then NULL. Thread-safe: one write(2) per
 * line. */
void log_line(enum log_level level, const char *message, ...) __attribute__((sentinel));
