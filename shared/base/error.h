/*
 * error - the decision (status) and the diagnosis (one sentence) of something that failed.
 *
 * A status is what the skeleton acts on; the sentence is set once, at the source, and carried unchanged to the ack, the
 * log line and the answer. It is printable, on one line, and names no personal data and no secret.
 */
#pragma once
#include <stdbool.h>

enum status {
    OK,     /* done: acknowledge */
    RETRY,  /* the world is unwell: same message, later */
    REJECT, /* the message is unwell: never again, keep it for a person */
};

enum { ERROR_BYTES_MAX = 240, ERROR_CODE_BYTES_MAX = 48 };

struct error {
    char
        code[ERROR_CODE_BYTES_MAX]; /* stable, snake_case ("unknown_lead"); empty: none was set. Seen by REST clients */
    char text[ERROR_BYTES_MAX];     /* one sentence; control characters flattened to spaces */
};

/* Sets the sentence and returns status, so that a failing function ends in one line. error may be NULL. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with a stable code that clients may act on. */
enum status error_code(struct error *error, enum status status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const char *status_name(enum status status); /* "ok", "retry", "reject" */

/* Leaves the function with the status of a call that was not OK. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum status try_status_ = (call);                                                                              \
        if (try_status_ != OK)                                                                                         \
            return try_status_;                                                                                        \
    } while (0)

/* Runs function(&variable) when the variable goes out of scope; for the few foreign handles inside adapters. */
#define CLEANUP(function) __attribute__((cleanup(function)))
