/*
 * transaction - one transaction per batch, and what to do when it fails.
 *
 * `work` handles all items in set-based statements and sets their answers. RETRY from it: every item of the batch says
 * RETRY (after a few more runs where a concurrent writer was the reason). REJECT from it (a row the database refused):
 * the batch is halved, by savepoints inside one transaction, until the bad item stands alone and is refused alone; a
 * metric counts it, for checks before SQL should have caught it. So is a key that exists already (23505), once looking
 * again did not help. Work must be repeatable: it is run again, also for
 * halves, so it sets every answer anew.
 */
#pragma once
#include "service/service.h"

/* Code of a RETRY by which work asks to be run again at once, in a new transaction: what it had read is no longer so.
 */
#define TRANSACTION_AGAIN "again"

typedef enum status transaction_work(struct batch *batch, struct item **items, size_t count, struct error *error);

/* Items that are no longer OK (refused before SQL) are left out. After commit, events written in it wake the relay. */
void transaction_run(struct batch *batch, transaction_work *work);
