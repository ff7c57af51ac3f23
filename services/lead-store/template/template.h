/*
 * template - what the provider has approved: its list kept in step, its changes taken at once.
 *
 * The gate reads a template's state in the transaction that lets a message go, under a lock on the row: what is paused
 * here and committed stops every send that has not left yet.
 */
#pragma once
#include "service/service.h"

void template_list(struct batch *batch);
void template_accounts(struct batch *batch);
void template_record(struct batch *batch);
void template_update(struct batch *batch);

/* A pass of the sweep. */
enum status template_sweep(struct batch *batch, struct error *error);
