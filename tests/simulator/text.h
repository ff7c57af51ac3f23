/*
 * text - what the contracts count and compare: UTF-8 characters and phone numbers.
 */
#ifndef SIMULATOR_TEXT_H
#define SIMULATOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `at` (1 to 4) and its code point; 0 when it is not UTF-8. */
size_t text_character(const char *at, size_t bytes, uint32_t *code);

bool text_is_utf8(const char *text, size_t bytes);

/* Characters, not bytes. The text must be UTF-8. */
size_t text_length(const char *text);

/* How many bytes the first `characters` characters take. */
size_t text_prefix_bytes(const char *text, size_t characters);

/* Copies the digits of a phone number, a leading + dropped; false when it is none or longer than `room`. */
bool text_phone(const char *text, char *digits, size_t room);

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* Copies what fits, always NUL-terminated. */
void text_copy(char *target, size_t room, const char *text);

#endif
