/*
 * faults - the plan of what goes wrong, how often, and the seeded dice it is drawn with.
 *
 * A plan has two kinds of members. Latency is the weather: it holds for every call. An effect (a status, a cut,
 * a scripted reply ...) befalls only the calls that `every`, `probability` and `count` choose. A plan with latency
 * and no effect is a slow plan: there the choice says which calls are slow.
 */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include "buffer.h"
#include "fields.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* Which calls are chosen. */
struct fault_choice {
    int64_t every;      /* each n-th call; 1: all */
    double probability; /* 0 to 1, drawn; FIELD_NONE: `every` decides */
    int64_t count;      /* how many times in all; FAULT_ENDLESS: for ever */
    int64_t calls;      /* seen so far */
    int64_t chosen;     /* hit so far */
};

enum { FAULT_ENDLESS = -1 };

struct fault_latency {
    int64_t latency_ms;
    int64_t jitter_ms; /* up to so much more, drawn */
};

struct llm_error {
    char type[64];
    char code[64];
    char message[200];
};

struct llm_fault {
    struct fault_choice choice;
    struct fault_latency latency;
    int64_t status;
    int64_t retry_after;
    struct llm_error error;
    bool cut;
    bool garbage;
    char reply[4096];
    char actions[2048]; /* JSON text */
    char provider[32];  /* only this one's calls; empty: all */
};

struct graph_fault {
    struct fault_choice choice;
    struct fault_latency latency;
    int64_t code;      /* of the vendor's error table */
    int64_t http_only; /* a status with a page of HTML, as a proxy would answer */
    int64_t retry_after;
    bool cut_before_accept;
    bool accept_then_cut;
    bool fail_later; /* accept; `code` comes as a failed status */
    char to[40];     /* only this recipient; empty: all */
};

enum signature_fault { SIGNATURE_RIGHT, SIGNATURE_WRONG, SIGNATURE_MISSING, SIGNATURE_STALE };

struct webhook_fault {
    int64_t duplicate; /* how many times each POST is delivered */
    int64_t spread_ms; /* each copy leaves up to so much later, drawn: so POSTs overtake each other; 0: all at once */
    bool reorder;
    int64_t delay_send_answer_ms;
    bool drop_receipts;
    bool drop_callback;    /* receipts come without biz_opaque_callback_data */
    int64_t bad_signature; /* enum signature_fault */
    int64_t batch;         /* statuses in one POST, at most */
};

/* Delays after the send; FIELD_NONE: that status never comes. */
struct receipt_plan {
    bool enabled;
    int64_t sent_ms;
    int64_t delivered_ms;
    int64_t read_ms;
};

enum leniency { OPEN, STRICT };

struct faults {
    int64_t seed;
    struct llm_fault llm;
    struct graph_fault graph;
    struct webhook_fault webhook;
    struct receipt_plan receipts;
    struct field_texts unreachable; /* how the numbers of unreachable people end */
    int64_t window;                 /* enum leniency */
    int64_t rate;                   /* enum leniency */
    uint64_t dice;
};

void faults_reset(struct faults *faults);

/* Merges by top-level member, all or nothing; false with a sentence. */
bool faults_merge(struct faults *faults, const cJSON *plan, char problem[FIELD_PROBLEM_ROOM]);

void faults_write(struct buffer *buffer, const struct faults *faults);

/* The plan for one call: NULL when no effect befalls it. `latency_ms` is set either way. */
const struct llm_fault *faults_draw_llm(struct faults *faults, const char *provider, int64_t *latency_ms);
const struct graph_fault *faults_draw_graph(struct faults *faults, const char *to, int64_t *latency_ms);

bool faults_unreachable(const struct faults *faults, const char *phone);

/* A number below `limit`, from the seed. */
uint64_t faults_dice(struct faults *faults, uint64_t limit);

#endif
