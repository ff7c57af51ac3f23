/*
 * migrations - a service's services/<name>/migrations/NNNN_name.sql files, as the Makefile puts them into its binary,
 * in order of their names.
 */
#pragma once
#include "net/db.h"

extern const struct migration MIGRATIONS[];
extern const size_t MIGRATION_COUNT;
