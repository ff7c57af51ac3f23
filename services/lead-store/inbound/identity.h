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
/* identity_row.c: the statements, queued, and what they answered. */
void identities_ask(struct recording *recording, struct identity **wanted, size_t count, struct rows *rows);
void identities_take(struct identity **wanted, const struct rows *rows);
void identities_lock(struct recording *recording, struct identity **unknown, size_t count);
void people_ask(struct recording *recording, struct rows *rows); /* sorts them */
enum status people_take(struct recording *recording, const struct rows *rows, struct error *error);
