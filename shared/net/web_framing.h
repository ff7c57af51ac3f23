/*
 * web_framing - where a request's head ends and how long its body is: what civetweb lets through and we don't. Private
 * to web.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { WEB_HEAD_BYTES_MAX = 16384 };

struct web_framing {
    size_t body_bytes;
    int status; /* 0: well */
    const char *why;
};

struct mg_request_info;
/* *head: where civetweb's buffer starts, as far as seen by this thread. */
struct web_framing web_framing_read(const struct mg_request_info *info, const char **head);
