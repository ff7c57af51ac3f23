#include "config.h"

#include <stddef.h>

#include "base/moment.h"

int64_t config_buffer_ms;
int64_t config_buffer_max_ms;
int64_t config_hand_over_deadline_ms;
int64_t config_person_deadline_ms;
int64_t config_pacing_ms;
int64_t config_unknown_hold_ms;
const char *config_unknown_policy;
const char *config_opt_out_text;
int64_t config_retention_days;
bool config_loop_guard;
int64_t config_loop_replies_max;
int64_t config_loop_window_ms;
int64_t config_loop_quick_ms;
int64_t config_loop_quick_max;
int64_t config_loop_automatic_max;
const char *config_whatsapp_phone_id;
const char *config_whatsapp_token;
const char *config_whatsapp_business_id;
bool config_demo;
bool config_pgvector;

static const char *const unknown_policies[] = { "hold", "resend", NULL };
static const char *const phone_id_aliases[] = { "META_PHONE_NUMBER_ID", "WHATSAPP_PHONE_NUMBER_ID", NULL };
static const char *const token_aliases[] = { "META_WHATSAPP_TOKEN", "WHATSAPP_ACCESS_TOKEN", NULL };

/* Longer than any sensible wait, short enough that sums of moments can't overflow. */
enum {
    DEADLINE_MS_MIN = 1000,
    PERSON_DEADLINE_MS_MAX = 7 * DAY_MS,
    HOLD_MS_MIN = 1000,
    HOLD_MS_MAX = DAY_MS,
    PACING_MS_MAX = HOUR_MS,
    RETENTION_DAYS_MAX = 36500,
    QUICK_MS_MAX = MINUTE_MS
};

const struct setting CONFIG_SETTINGS[] = {
    { .name = "BUFFER_MS",
      .number = &config_buffer_ms,
      .fallback = "2000",
      .max = 60000,
      .help = "quiet window of a burst of messages, ms" },
    { .name = "BUFFER_MAX_MS",
      .number = &config_buffer_max_ms,
      .fallback = "15000",
      .max = 600000,
      .help = "longest wait from the oldest unanswered message, ms" },
    { .name = "HAND_OVER_DEADLINE_MS",
      .number = &config_hand_over_deadline_ms,
      .fallback = "120000",
      .min = DEADLINE_MS_MIN,
      .max = DAY_MS,
      .help = "past the longest wait, ms: who has no answer of the AI's by then gets a person" },
    { .name = "HAND_OVER_PERSON_DEADLINE_MS",
      .number = &config_person_deadline_ms,
      .fallback = "1800000",
      .max = PERSON_DEADLINE_MS_MAX,
      .help = "who waits longer for a person is overdue, ms: it is said once; 0: never" },
    { .name = "WHATSAPP_CLOUD_PACING",
      .number = &config_pacing_ms,
      .fallback = "15000",
      .max = PACING_MS_MAX,
      .help = "between automated messages to one person, ms; 0 switches all WhatsApp pacing off" },
    { .name = "UNKNOWN_HOLD_MS",
      .number = &config_unknown_hold_ms,
      .fallback = "600000",
      .min = HOLD_MS_MIN,
      .max = HOLD_MS_MAX,
      .help = "how long an ambiguous send waits for its receipt, ms" },
    { .name = "UNKNOWN_POLICY",
      .text = &config_unknown_policy,
      .fallback = "hold",
      .choices = unknown_policies,
      .help = "then: hold it for a person, or resend it once" },
    { .name = "OPT_OUT_CONFIRMATION",
      .text = &config_opt_out_text,
      .fallback =
          "You are unsubscribed and will get no more marketing messages from us. Reply START to subscribe again.",
      .help = "what an opt-out is answered with; empty: nothing" },
    { .name = "RETENTION_DAYS",
      .number = &config_retention_days,
      .fallback = "90",
      .max = RETENTION_DAYS_MAX,
      .help = "days that the event log and the gate's verdicts are kept; 0: for ever" },
    { .name = "LOOP_GUARD",
      .flag = &config_loop_guard,
      .fallback = "on",
      .help = "off: nothing is done against machines that answer each other; for load tests" },
    { .name = "LOOP_REPLIES_MAX",
      .number = &config_loop_replies_max,
      .fallback = "20",
      .max = 10000,
      .help = "answers of the AI to one person within the window, then a person takes over; 0: no limit" },
    { .name = "LOOP_WINDOW_MS",
      .number = &config_loop_window_ms,
      .fallback = "600000",
      .min = SECOND_MS,
      .max = DAY_MS,
      .help = "that window, ms" },
    { .name = "LOOP_QUICK_MS",
      .number = &config_loop_quick_ms,
      .fallback = "1000",
      .max = QUICK_MS_MAX,
      .help = "after an answer of the AI's has left, ms: within it no person has read it and written back" },
    { .name = "LOOP_QUICK_MAX",
      .number = &config_loop_quick_max,
      .fallback = "5",
      .max = 1000,
      .help = "messages in a row that came within it, then a person takes over; 0: no limit" },
    { .name = "LOOP_AUTOMATIC_MAX",
      .number = &config_loop_automatic_max,
      .fallback = "2",
      .max = 1000,
      .help = "messages in a row that a machine seems to have written, from which on none is answered; 0: all are" },
    { .name = "WHATSAPP_CLOUD_PHONE_ID",
      .text = &config_whatsapp_phone_id,
      .aliases = phone_id_aliases,
      .help = "phone_number_id of the default company's WhatsApp account" },
    { .name = "WHATSAPP_CLOUD_TOKEN",
      .text = &config_whatsapp_token,
      .aliases = token_aliases,
      .secret = true,
      .help = "its access token" },
    { .name = "KB_PGVECTOR",
      .flag = &config_pgvector,
      .fallback = "on",
      .help = "let pgvector find near vectors where PostgreSQL has it (0.8 or newer)" },
    { .name = "WHATSAPP_CLOUD_WABA_ID",
      .text = &config_whatsapp_business_id,
      .help = "id of its WhatsApp Business Account, whose templates are kept in step; empty: they are not" },
    { .name = "PARLEY_DEMO",
      .flag = &config_demo,
      .help = "give the default company a small demo knowledge base while it has none" },
    { 0 },
};
