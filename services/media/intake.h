/*
 * intake - a file on its way in: written as it comes, hashed as it comes, never whole in memory.
 *
 * intake_take runs on the thread that drives the call; all else before the call began or after it ended.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "media/media_kind.h"

struct intake {
    const char *path;
    int file; /* -1: closed */
    void *hash;
    char head[MEDIA_HEAD_BYTES];
    size_t head_bytes;
    int64_t bytes;
    bool failed; /* the disk would not take it */
};

enum status intake_open(struct intake *intake, const char *path, struct error *error);
bool intake_take(void *intake, const char *bytes, size_t count);
/* Written to disk for good. */
enum status intake_end(struct intake *intake, unsigned char sha256[32], struct error *error);
void intake_drop(struct intake *intake); /* and its file, if there is one; may be called at any time */
