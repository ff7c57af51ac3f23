/*
 * receipt_rules - which receipt raises which status, as pure functions.
 *
 * queued < sending < unknown < sent < failed < delivered < read. A message that was ended before leaving (held,
 * withdrawn, cancelled) counts as queued: a receipt is proof that it left all the same.
 */
#pragma once
#include <stdbool.h>

#include "wire/pb.h"

const char *receipt_status_word(Pb__ReceiptStatus status); /* NULL: none */
bool receipt_raises(const char *status, const char *receipt);
/* One sentence; NULL: nothing is wrong with it. */
const char *receipt_wrong(const Pb__Receipt *receipt);
