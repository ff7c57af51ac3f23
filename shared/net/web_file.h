/*
 * web_file - bodies that are files: sent piece by piece, taken piece by piece, never whole in memory. Private to web.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mg_connection;

int web_file_open(const char *path); /* to be sent; NULL path or none there: -1 */
void web_file_close(int file);       /* accepts -1 */
/* The head has promised so many bytes: false ends the connection. */
bool web_file_send(struct mg_connection *connection, int file, int64_t from, int64_t bytes);
/* The body into a new file. 0, or the status to refuse it with; then there is no file. */
int web_file_take(struct mg_connection *connection, const char *path, size_t bytes);
