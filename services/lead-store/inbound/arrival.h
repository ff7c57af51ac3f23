/*
 * arrival - an inbound message on its way into the tables, and what it meets there.
 *
 * One recording is one run of a transaction over a batch. Its steps, in the order of the locks they take: accounts and
 * companies, known messages, people (leads and their contacts), conversations, messages, events. Each step is a few
 * set-based statements for all arrivals together.
 */
#pragma once
#include "core/event.h"
#include "core/map.h"
#include "service/service.h"

/* A lead, locked, as it will be written. */
struct person {
    const char *id, *company_id;
    const char *pipeline_id, *stage_id; /* of a new one */
    const char *name, *phone;           /* "" and NULL: none */
    moment created_at, opted_out_at;    /* 0: not opted out */
    bool created, changed;
    bool stopped; /* opted out here and now: what is queued is cancelled */
    const char *correlation_id;
};

/* A key under which a provider knows somebody: a contact that is there, or will be. */
struct identity {
    const char *key; /* account, kind, value */
    const char *account_id, *channel, *kind, *value, *address;
    const struct place *place;
    const char *contact_id; /* NULL: unknown yet */
    const char *lead_id;    /* as found; NULL: unknown yet */
    struct sender *sender;
    bool created, changed;
};

/* Who wrote to one account: identities that belong together. */
struct sender {
    struct sender *same_as; /* two turned out to be one; follow with sender_root */
    struct person *person;
    const struct arrival *first;
};

/* A conversation, locked, as it will be written. */
struct talk {
    const char *id, *company_id, *account_id, *channel, *contact_id, *phone, *name, *owner;
    bool waits; /* for a person, whoever owns it */
    bool taken; /* by a person on the business's own phone, here and now */
    struct person *person;
    int64_t epoch, last_position, covered_position, owed_position;
    int64_t automatic_count, inbound_mark; /* what a machine seems to have written in a row; the last text */
    int64_t quick_count;                   /* answers in a row that came faster than a person writes */
    moment said_at;                        /* the last message is the AI's, and left then; 0: it isn't, or has not */
    moment owed_since, buffer_until, window_ends_at;
    const char *last_message_id;
    bool created, changed;
    const char *nudge_cause; /* NULL: nobody needs to know */
    struct item *nudge_item; /* whose `state` carries the nudge past the commit */
};

/* Where a message came in. */
struct place {
    const char *account_id, *account, *company_id, *channel, *pipeline_id, *stage_id;
    int32_t buffer_ms, buffer_max_ms;
    int64_t quick_ms;                 /* nobody answers faster by hand */
    const char *const *opt_out_words; /* the company's own */
    size_t opt_out_word_count;
};

struct arrival {
    struct item *item;
    const Pb__InboundMessage *message;
    size_t order;           /* in the request */
    const char *company_id; /* as the caller said; "": the account tells */
    const char *correlation_id;
    const struct place *place;
    struct identity **identities;
    size_t identity_count;
    struct sender *sender;
    struct talk *talk;
    struct arrival *repeats; /* the same message came twice in this batch: the first of them */

    /* the message as it is stored */
    const char *id, *job_id, *lead_id, *conversation_id;
    int64_t position;
    bool fresh; /* stored by this transaction */
    bool wants_answer;
    bool automatic;                         /* one of several in a row that a machine seems to have written */
    bool quick;                             /* came faster than a person writes */
    bool owner_human, uncovered, opted_out; /* of its conversation; it was an opt-out */
    const char *confirmation_id;            /* of the opt-out's confirmation while it is queued; NULL: none */
    const char *confirmation_recipient;
};

/* A row of messages to be, in column order of its insert. */
struct message_row {
    const char *id, *company_id, *conversation_id, *lead_id, *account_id, *channel;
    const char *direction, *sender_type, *sender_id, *kind, *external_id, *text, *media_info, *extra_metadata,
        *reply_to, *correlation_id, *job_id;
    const char *status, *cause;
    int64_t position, epoch, priority;
    moment provider_at;
    bool wants_answer;
};

/* Who wrote on the business's own phone: the provider tells no name. */
#define OPERATOR_PHONE "phone"

struct recording {
    struct batch *batch;
    struct arrival *arrivals; /* ordered by sequence */
    size_t count;
    struct identity *identities;
    size_t identity_count;
    struct places *places;
    struct arrival **asked; /* of known_rows, in its order */
    size_t asked_count;
    struct rows known_rows, contact_rows; /* contact_rows: of all identities */
    struct map *talks_looked;             /* lead and account: looked for with the people's locks */
    struct rows talk_rows;
    bool merged;        /* two people became one in this transaction */
    struct map *people; /* by lead id */
    struct person **person_list;
    size_t person_count;
    struct talk **talks;
    size_t talk_count;
    struct message_row *rows;
    size_t row_count;
    struct event_list events;
};

/*
 * A recording takes three round trips: places, known messages and contacts are looked up at once; then people and their
 * conversations are locked, or new people's keys are claimed (both: four); then all is written. Lookups that build on
 * another's answer go out with it on the strength of what is remembered (places) or was just read (leads of contacts);
 * where that turns out wrong, they are made again.
 */

/* arrival_place.c: accounts, companies; refuses by item what has no account. From memory, with the look queued, or by a
 * look of its own; then what was remembered is compared. */
enum status arrivals_place(struct recording *recording, struct error *error);
enum status arrivals_placed(struct recording *recording, struct error *error);
/* arrival_known.c: messages that are there already, in the tables or earlier in this batch: queued, taken. */
void arrivals_ask_known(struct recording *recording);
void arrivals_know(struct recording *recording);
/* identity.c: senders, their leads and contacts: queued; taken and locked. */
void arrivals_ask_contacts(struct recording *recording);
enum status arrivals_identify(struct recording *recording, struct error *error);
/* arrival_talk.c: conversations: queued with the locks of their people; taken. */
void arrivals_ask_talks(struct recording *recording);
enum status arrivals_join(struct recording *recording, struct error *error);
/* arrival_effect.c: positions, what is owed, owner, consent: in memory, in order. */
void arrivals_take_effect(struct recording *recording);
/* arrival_write.c: leads, contacts, conversations, messages. */
enum status arrivals_write(struct recording *recording, struct error *error);
/* arrival_answer.c: what the caller is told, jobs included. */
void arrivals_answer(struct recording *recording);

/* Still to be stored: not refused, not known. */
bool arrival_new(const struct arrival *arrival);
struct sender *sender_root(struct sender *sender);
/* How long the burst of an arrival may go on: quiet window, and at most from the oldest owed message. */
int64_t place_buffer_ms(const struct place *place);
int64_t place_buffer_max_ms(const struct place *place);
/* The confirmation of an opt-out has an id that follows from the message's. */
const char *arrival_confirmation_id(struct arena *arena, const char *message_id);
const char *channel_word(Pb__Channel channel);
