/*
 * identity - keys under which providers know people, and the lead behind them.
 *
 * A key belongs to one lead. Whoever finds a key unknown first takes a lock on its name, so that one of two writers
 * makes the lead and the other finds it.
 */
#pragma once
#include "arrival.h"

/* merge.c: `from` ends as part of `into` (both locked): contacts, conversations and messages move; event lead.merged
 * keeps what an undo needs. */
enum status person_merge(struct recording *recording, struct person *into, struct person *from, struct error *error);
/* Contacts and leads in memory become rows. */
void people_write(struct recording *recording);
/* identity_row.c: the statements. */
enum status identities_find(struct recording *recording, struct identity **wanted, size_t count, struct error *error);
void identities_lock(struct recording *recording, struct identity **unknown, size_t count);
enum status people_lock(struct recording *recording, struct error *error);
