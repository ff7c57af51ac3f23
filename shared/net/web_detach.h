/*
 * web_detach - a connection of the server's that becomes somebody else's. Private to the web files.
 *
 * civetweb tells no descriptor and has no way to let a connection go: its thread would wait as long as the stream
 * lasts. So the descriptor is looked for by its ends, and under its number the server is left with a socket of its own
 * that leads nowhere: it closes that one. Only the thread that serves the connection may do this, and then no more of
 * it.
 */
#pragma once

/* The descriptor of the connection between that peer and our port; -1: there is none. */
int web_find(const char *address, int port, int our_port);
/* The same, taken away from the server; the caller closes it. */
int web_detach(const char *address, int port, int our_port);
