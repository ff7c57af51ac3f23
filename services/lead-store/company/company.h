/*
 * company - companies, their API keys and their accounts on channels.
 *
 * Whatever makes a company gives it its default pipeline with five stages. Their ids follow from the company's, so that
 * two makers make one.
 */
#pragma once
#include "service/service.h"

void company_create(struct batch *batch);
void company_get(struct batch *batch);
void company_patch(struct batch *batch);
void api_key_create(struct batch *batch);
void api_key_list(struct batch *batch);
void api_key_revoke(struct batch *batch);
void channel_account_create(struct batch *batch);
void channel_account_list(struct batch *batch);
void access_read(struct batch *batch);

/* The default company, its account from the environment, the demo's knowledge base. */
enum status company_seed(struct batch *batch, struct error *error);

/* The stages of a pipeline that says nothing else. */
const char *const *company_stage_names(size_t *count);
/* Inside a transaction: those of the companies that are unknown come into being, with pipeline and stages. */
enum status company_ensure(struct batch *batch, const char *const *company_ids, size_t count, struct error *error);
