/*
 * text - what is done with UTF-8 text, and with buffers that grow.
 *
 * Text inside the house is valid UTF-8 without NUL and ends with NUL; text_check is asked once, where a stranger's
 * bytes come in.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* OK if the bytes are valid UTF-8 without NUL and at most bytes_max; REJECT names `what` otherwise. */
enum status text_check(const char *bytes, size_t count, size_t bytes_max, const char *what, struct error *error);

char *text_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *text_lower(struct arena *arena, const char *text); /* ASCII letters only */
char *text_trim(struct arena *arena, const char *text);  /* white space at both ends, Unicode's too */
char *text_line(struct arena *arena,
                const char *text);            /* on one line: each run of white space and controls is one space */
bool text_same(const char *a, const char *b); /* NULL equals only NULL */
bool text_empty(const char *text);            /* NULL or "" */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
const char *text_or(const char *text, const char *fallback); /* text, or fallback when text is NULL or empty */
size_t text_characters(const char *text);                    /* code points */
size_t text_character_bytes(const char *bytes,
                            size_t count); /* of the valid UTF-8 character at the start; 0: there is none */
char *text_cut(struct arena *arena, const char *text, size_t bytes_max); /* at a code point's border */
char *text_cut_characters(struct arena *arena, const char *text, size_t characters_max);
bool text_same_secret(
    const char *a, const char *b); /* in constant time for equal lengths; an empty or missing secret equals nothing */

/* Splits at every separator; empty parts are kept. Returns the count, parts in the arena. */
size_t text_split(struct arena *arena, const char *text, char separator, char ***parts);

/* Whole decimal number within [min, max]; REJECT names `what`. */
enum status text_int64(const char *text, long long min, long long max, const char *what, long long *out,
                       struct error *error);

/* A phone number as people write it -> digits only with a leading '+', 7 to 15 digits; REJECT otherwise. National plans
 * are not checked. */
enum status text_phone(struct arena *arena, const char *text, char **out, struct error *error);

/* Lower-case hex of bytes. */
char *text_hex(struct arena *arena, const void *bytes, size_t count);

/* A buffer in an arena that grows by doubling; always ends with NUL. */
struct buffer {
    struct arena *arena;
    char *text;   /* NULL until something is added */
    size_t bytes; /* without the NUL */
    size_t capacity;
};

void buffer_add(struct buffer *buffer, const char *text);
void buffer_add_n(struct buffer *buffer, const char *bytes, size_t count);
void buffer_add_char(struct buffer *buffer, char c);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_format_list(struct buffer *buffer, const char *format, va_list list) __attribute__((format(printf, 2, 0)));
const char *buffer_text(const struct buffer *buffer); /* "" when nothing was added */
