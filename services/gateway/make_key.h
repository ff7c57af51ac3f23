/*
 * make_key - `gateway --make-key COMPANY_ID|default [--scopes a,b] [--name NAME]`: an installation's first key.
 *
 * `default` makes a key of the whole installation, at home in the default company; a company's id makes a key of that
 * company alone. Whoever may start it on the machine may do this: it asks lead-store over the bus, as the gateway
 * itself would, and prints the key once.
 */
#pragma once

int make_key_command(int argc, char **argv);
