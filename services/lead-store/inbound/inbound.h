/*
 * inbound - store.inbound.record: what customers wrote becomes rows, once each, in the order of the stream.
 */
#pragma once
#include "service/service.h"

void inbound_record(struct batch *batch);
