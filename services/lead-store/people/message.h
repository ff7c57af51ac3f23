/*
 * message - one message as REST shows it, and why it left or did not.
 */
#pragma once
#include "service/service.h"

void message_get(struct batch *batch);
void message_why(struct batch *batch);
