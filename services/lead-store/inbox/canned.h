/*
 * canned - texts that a person sends again and again, by a shortcut; the company's own.
 */
#pragma once
#include "core/hold.h"

void canned_create(struct batch *batch);
void canned_list(struct batch *batch);
void canned_get(struct batch *batch);
void canned_patch(struct batch *batch);
void canned_delete(struct batch *batch);

/* The text of one as it is sent to this lead; *text NULL: there is no such reply. */
enum status canned_text(struct batch *batch, const struct caller *caller, const char *id, const char *lead_id,
                        const char *operator, const char ** text, struct error *error);
