/*
 * example - a body that each endpoint takes, for the REST description.
 *
 * Every endpoint with a JSON body has one, and its own checks pass it (openapi_test.c).
 */
#pragma once

const char *example_find(const char *method, const char *path); /* JSON; NULL: none */
