/*
 * asyncapi - GET /asyncapi.json: the subjects that integrators subscribe to, generated from the event table.
 */
#pragma once
#include "base/arena.h"

const char *asyncapi_document(struct arena *arena); /* AsyncAPI 3.0, JSON */
