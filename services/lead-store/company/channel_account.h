/*
 * channel_account - writing one account of a company: by request, or from the environment at start.
 */
#pragma once
#include "service/service.h"

/* Inside a transaction. No row: no such company, or the account is another's. */
enum status channel_account_write(struct batch *batch, const char *company_id, const Pb__ChannelAccountRequest *request,
                                  struct rows *rows, struct error *error);
