/*
 * demo - a small, made-up company that the demo answers for: Lumen Desk, customer-support software.
 */
#pragma once
#include "service/service.h"

/* Inside a transaction: nothing, if the company knows something already. */
enum status demo_seed(struct batch *batch, const char *company_id, struct error *error);
