/*
 * problem - what went wrong, as RFC 9457 has it: {type, title, status, detail, code, correlation_id, errors?}.
 *
 * One table maps codes to HTTP; a code is stable, its sentence is not.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct problem {
    int http_status;
    const char *code;
    int retry_after_seconds; /* 0: none */
};

/* OK never gets here. RETRY is 503, REJECT what the table says of the code, else 422. */
struct problem problem_of(enum status status, const struct error *error);
/* Of a code that a REJECT has. */
int problem_http_of_code(const char *code);
/* errors names the members with which the sentence begins, in quotes. */
void problem_write(struct buffer *out, const struct problem *problem, const struct error *error,
                   const char *correlation_id);
/* For what the web server refuses itself. */
const char *problem_code_of_http(int http_status);
const char *problem_title(int http_status);
