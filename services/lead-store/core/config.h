/*
 * config - lead-store's settings, read once at start.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/setting.h"

extern const struct setting CONFIG_SETTINGS[];

extern int64_t config_buffer_ms;             /* BUFFER_MS: quiet window of a burst where the company sets none */
extern int64_t config_buffer_max_ms;         /* BUFFER_MAX_MS: longest wait from the oldest owed message */
extern int64_t config_hand_over_deadline_ms; /* HAND_OVER_DEADLINE_MS: past the maximum wait, then a person answers */
extern int64_t
    config_person_deadline_ms;   /* HAND_OVER_PERSON_DEADLINE_MS: who waits longer for a person is overdue; 0: none */
extern int64_t config_pacing_ms; /* WHATSAPP_CLOUD_PACING: between automated messages to one person; 0: no WhatsApp
                                    pacing at all */
extern int64_t config_unknown_hold_ms;    /* UNKNOWN_HOLD_MS: how long an ambiguous send waits for its receipt */
extern const char *config_unknown_policy; /* UNKNOWN_POLICY: hold, resend */
extern const char *config_opt_out_text;   /* OPT_OUT_CONFIRMATION: what an opt-out is answered with; empty: nothing */
extern int64_t config_retention_days;     /* RETENTION_DAYS: of the event log and the gate's verdicts; 0: for ever */
extern bool config_loop_guard;            /* LOOP_GUARD: the five below count */
extern int64_t config_loop_replies_max;   /* LOOP_REPLIES_MAX: where the company sets none; 0: no limit */
extern int64_t config_loop_window_ms;     /* LOOP_WINDOW_MS */
extern int64_t config_loop_quick_ms;      /* LOOP_QUICK_MS: where the company sets none */
extern int64_t config_loop_quick_max;     /* LOOP_QUICK_MAX, likewise; 0: however many */
extern int64_t config_loop_automatic_max; /* LOOP_AUTOMATIC_MAX: machines' messages in a row that are still answered,
                                             and one more; 0: all are */
extern const char *config_whatsapp_phone_id;    /* WHATSAPP_CLOUD_PHONE_ID: the default company's account */
extern const char *config_whatsapp_token;       /* WHATSAPP_CLOUD_TOKEN */
extern const char *config_whatsapp_business_id; /* WHATSAPP_CLOUD_WABA_ID: whose templates are kept in step */
extern bool config_pgvector;                    /* KB_PGVECTOR: use it where PostgreSQL has it */
extern bool config_demo;                        /* PARLEY_DEMO: a demo knowledge base for the default company */
