/*
 * quarantine - puts messages that were set aside back to where they came from, oldest first.
 *
 * Each goes under a fresh id (its old one may still be in the stream's window and would swallow it), and leaves the
 * quarantine only after the stream has it: a crash between the two means twice, and the database is the judge of that.
 */
#pragma once
#include "service/service.h"

void quarantine_replay(struct batch *batch);
