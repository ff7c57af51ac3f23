/*
 * read - what the reads for REST have in common: one statement per item in one round trip, pages, refusals.
 *
 * Every read filters by the caller's company; another company's id is an unknown one.
 */
#pragma once
#include "base/cursor.h"
#include "service/service.h"

/* Prepares an item's statement; REJECT refuses the item before SQL. */
typedef enum status read_ask(struct item *item, struct db_step *step, struct error *error);
/* Makes the item's reply of the rows; REJECT refuses it. */
typedef enum status read_tell(struct item *item, const struct rows *rows, struct error *error);

void read_run(struct batch *batch, read_ask *prepare, read_tell *tell);

/* A page's size: PAGE_ITEMS when absent; REJECT outside of 1 to PAGE_ITEMS_MAX. One more row is asked for, to know
 * whether a next page exists. */
enum status read_limit(bool given, int32_t limit, int64_t *out, struct error *error);
/* The caller's company, which must be one. */
enum status read_company(const struct item *item, struct error *error);
