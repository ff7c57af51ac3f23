/*
 * hold - the rows that a batch decides on, locked and read once, found by id.
 *
 * A handler first finds the ids it needs (that statement filters by company), then holds leads, conversations and
 * messages in this order, each table in one statement by id: two batches never wait for each other in a circle. What is
 * held can't change until commit; the structs are the batch's own copy and are kept up to date by whoever writes, so
 * that a later item of the same batch sees what an earlier one did.
 */
#pragma once
#include "service/service.h"

struct held_lead {
    const char *id, *company_id, *timezone, *preferred_channel;
    moment opted_out_at, proactive_at;
    const char *proactive_message_id;
    int64_t version;
};

struct held_conversation {
    const char *id, *company_id, *lead_id, *account_id, *channel, *contact_id, *phone, *state, *owner;
    int64_t epoch, last_position, covered_position, owed_position;
    moment owed_since, window_ends_at;
    moment escalated_at, escalation_told_at; /* 0: not waiting for a person; the customer was never told so */
    int64_t remembered_position;             /* every message up to here is in the session's summary */
    moment silence_at;                       /* when the sweep looks whether it has been silent; 0: not at all */
    int64_t ai_replies;                      /* the AI's answers since ai_replies_since: the turn budget */
    moment ai_replies_since;
    int64_t quick_count; /* answers in a row that came faster than a person writes; hold_save forgets them with a new
                            epoch */
    struct reach *reach; /* by hold_reach */

    /* for hold_save */
    bool changed;
    const char *last_message_id; /* NULL: as it was */
    const char *assignee;        /* written with a new owner */
    moment owed_from;            /* 0: owed_since is found from the rows */
};

/* The account that sends, and the rules of its company. */
struct reach_sender {
    const char *account_id;
    const char *account, *credentials; /* "" and NULL: none that could send */
    const char *company_zone, *quiet_from, *quiet_to;
    const char *locale, *hand_over;   /* hand_over: JSON; NULL: the company has set nothing */
    int64_t buffer_ms, buffer_max_ms; /* the company's, or the installation's */
    int64_t summary_after_minutes;    /* 0: no summaries by themselves */
    bool bumps_up;                    /* bump-ups by themselves */
    int64_t replies_max, window_ms;   /* of the turn budget, likewise; replies_max 0: none */
    int64_t quick_max;                /* of quick_count; 0: none */
    bool has_budgets;                 /* or prices: what models cost is more than counted */
};

/* How a conversation reaches its person; as of the statement, not locked. */
struct reach {
    const char *id; /* of the conversation */
    const char *account_id;
    const struct reach_sender *sender;
    const char *address, *kind, *contact_zone; /* NULL: nowhere to send to */
    moment unreachable_at;
    moment opted_out_at; /* of the lead */
    const char *preferred_channel;
};

struct held_message {
    const char *id, *company_id, *conversation_id, *lead_id, *account_id, *channel, *direction, *sender_type, *status,
        *cause, *claim;
    const char *message_text, *media_info, *template_id, *extra_metadata, *external_id, *reply_to, *turn_id,
        *error_class, *error_code, *error, *correlation_id;
    int64_t position, epoch, priority;
    bool wants_answer;
    moment go_until, created_at, updated_at;
};

struct held_turn {
    const char *id, *company_id, *conversation_id, *lead_id, *job_id, *claim, *state, *message_id,
        *reply_conversation_id;
    int64_t epoch, opened_position, after_position, covered_position;
    moment answer_by, opened_at;
    bool handed_over; /* by its own reply: that one leaves in the person's epoch */
};

struct held {
    struct batch *batch;
    struct held_lead *leads;
    struct held_conversation *conversations;
    struct held_message *messages;
    struct held_turn *turns;
    size_t lead_count, conversation_count, message_count, turn_count;
    struct map *leads_by_id, *conversations_by_id, *messages_by_id, *turns_by_id, *turns_by_job;
    struct rows lead_rows, conversation_rows, message_rows, turn_rows, reach_rows, sender_rows; /* until hold_read */
    size_t reach_wanted;                                                                        /* conversations */
};

/* A set of ids. */
struct ids {
    struct arena *arena;
    const char **list;
    size_t count, capacity;
    struct map *seen;
};
void ids_add(struct ids *ids, const char *id); /* NULL and what is there already: nothing */
bool ids_has(const struct ids *ids, const char *id);
struct params *ids_params(const struct ids *ids); /* as the first parameter, sorted: rows are locked in this order */

/* Locks and reads, queued: each at most once per batch run, in this order; the rows are there after hold_read. */
void hold_leads(struct held *held, const struct ids *ids);
void hold_conversations(struct held *held, const struct ids *ids);
void hold_messages(struct held *held, const struct ids *ids);
/* Turns change only under their conversation's lock: read after it. */
void hold_turns_of_jobs(struct held *held, const struct ids *job_ids);
void hold_turns(struct held *held, const struct ids *ids);
/* Of held conversations: all that a send job is made for. */
void hold_reach(struct held *held, const struct ids *conversation_ids);
/* Once, after all of them: one round trip. */
enum status hold_read(struct held *held, struct error *error);

/* Queues the writing of conversations that are marked as changed: positions, coverage, owner; owed_since follows from
 * the messages. */
void hold_save(struct held *held);

/* NULL: not held. */
struct held_lead *held_lead(const struct held *held, const char *id);
struct held_conversation *held_conversation(const struct held *held, const char *id);
struct held_message *held_message(const struct held *held, const char *id);
struct held_turn *held_turn(const struct held *held, const char *id);
struct held_turn *held_turn_of_job(const struct held *held, const char *job_id);

/* The sending account is a real one with credentials. */
bool reach_has_account(const struct reach *reach);
