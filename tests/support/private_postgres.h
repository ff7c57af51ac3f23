/*
 * private_postgres - a real PostgreSQL of a test's own: fresh, on a socket in a temporary folder, gone with the test.
 *
 * Included as source: #include "../../tests/support/private_postgres.c". Start it once per test binary: it takes one to
 * two seconds.
 */
#pragma once

/* Aborts when there is no PostgreSQL to start. The URL lives until private_postgres_stop. */
const char *private_postgres_start(void);
void private_postgres_stop(void);
