/*
 * lease - what only one copy of lead-store does at a time: a row of crm.relay, taken and renewed in short transactions
 * of its own.
 *
 * A holder that dies is succeeded when its lease is over. Nothing may rely on the lease alone: what is done under it is
 * also safe done twice.
 */
#pragma once
#include "service/service.h"

/* One row (xid, n: the relay's watermark) while this process holds the lease; none while another does. */
enum status lease_take(struct batch *batch, const char *name, int64_t lease_ms, struct rows *rows, struct error *error);
void lease_release(struct batch *batch, const char *name);
