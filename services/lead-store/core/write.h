/*
 * write - what a caller changes: refused by name before SQL, then each under its company's row.
 *
 * A refusal is the item's alone and leaves everything as it was: `refused` is filled and nothing has been written. Only
 * what the database itself can't do comes back as an error.
 */
#pragma once
#include "core/event.h"
#include "core/transaction.h"

/* What can be told without looking: REJECT refuses the item. */
typedef enum status write_check(const struct item *item, struct error *refused);
/* transaction_run for the items that pass. */
void write_run(struct batch *batch, write_check *check, transaction_work *work);

/* One item; refused ones answer so and return OK. */
typedef enum status write_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error);
struct writer {
    write_check *check;
    write_one *one;
};
/* The same, one item after the other under the locks of all companies' rows, for a later one sees what an earlier one
 * left. Takes item->state. */
void write_in_turn(struct batch *batch, const struct writer *writer);

/* The item answers with what is there now: the one row of the caller's company ($1) with this id ($2). */
enum status write_show(struct batch *batch, struct item *item, const struct statement *statement,
                       const ProtobufCMessageDescriptor *descriptor, const char *id, struct error *error);
/* The item answers with what was refused. */
void write_refuse(struct item *item, const struct error *refused);
/* REJECT stale_version unless the caller changes what is there now. noun: "the model". */
enum status write_version(bool given, int64_t version, int64_t now, const char *noun, struct error *refused);
