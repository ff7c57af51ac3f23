/*
 * consent - what a person allows: a ledger with its proofs, and what counts now on the lead's row, for the gate.
 *
 * Of each scope the newest word of the person's counts, by when it was given, in whatever order it is recorded. It
 * never lifts an opt-out: that ends with the person's own START.
 */
#pragma once
#include "service/service.h"

void consent_record(struct batch *batch);
void consent_list(struct batch *batch);
