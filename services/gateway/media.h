/*
 * media - files: had by id with a key, or by a signed link without one; taken to be sent.
 *
 * A link names company, file and its own end, and is checked before anything is asked: it opens that file and nothing
 * else.
 */
#pragma once
#include "exchange.h"

/* The request carries a signature: it is judged by that and by no key. */
bool media_link_given(const struct exchange *exchange);
enum status media_link_check(struct exchange *exchange, struct error *error);

void media_get(struct exchange *exchange);
void media_link_make(struct exchange *exchange);
/* media_upload.c */
void media_upload(struct exchange *exchange);
