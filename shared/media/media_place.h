/*
 * media_place - where files are kept: a folder, or a bucket that speaks S3.
 *
 * A file's name is its company and its content's SHA-256, so the same content is kept once, a name never means two
 * things, and no company's name leads to another's file. Files come into being under `incoming/` of the folder, which
 * is therefore needed beside a bucket too, and are moved whole.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"
#include "base/setting.h"

struct media_place {
    const char *folder;
    const char *s3_endpoint; /* "https://s3.eu-west-1.amazonaws.com"; "": files stay in the folder */
    const char *s3_bucket, *s3_region, *s3_key, *s3_secret;
};

/* Rows of a service's settings table. */
#define MEDIA_PLACE_SETTINGS(place)                                                                                    \
    { .name = "MEDIA_DIR",                                                                                             \
      .text = &(place).folder,                                                                                         \
      .fallback = "var/media",                                                                                         \
      .help = "folder of files that people send; one for all services that have this setting" },                       \
        { .name = "MEDIA_S3_ENDPOINT",                                                                                 \
          .text = &(place).s3_endpoint,                                                                                \
          .fallback = "",                                                                                              \
          .help = "URL of a service that speaks S3: files are kept there; empty: in MEDIA_DIR" },                      \
        { .name = "MEDIA_S3_BUCKET", .text = &(place).s3_bucket, .fallback = "", .help = "bucket, which must exist" }, \
        { .name = "MEDIA_S3_REGION", .text = &(place).s3_region, .fallback = "us-east-1", .help = "region" },          \
        { .name = "MEDIA_S3_KEY", .text = &(place).s3_key, .fallback = "", .help = "access key id" },                  \
    {                                                                                                                  \
        .name = "MEDIA_S3_SECRET", .text = &(place).s3_secret, .fallback = "", .secret = true,                         \
        .help = "secret access key"                                                                                    \
    }

/* REJECT: half a bucket is set, or the folder can't be made. */
enum status media_place_open(const struct media_place *place, struct error *error);
bool media_place_remote(const struct media_place *place); /* a bucket */

/* incoming/<name>: where a file comes into being. */
char *media_place_incoming(struct arena *arena, const struct media_place *place, const char *name);
/* Of the folder. */
char *media_place_file(struct arena *arena, const struct media_place *place, const char *company_id,
                       const char *sha256);
/* Moves what came in to its own name, durably: after OK it is there whatever dies. */
enum status media_place_keep(struct arena *arena, const struct media_place *place, const char *incoming,
                             const char *company_id, const char *sha256, struct error *error);
/* The content is gone from the folder, or was never there; false: it was written lately, and may just be coming in
 * again, or can't be removed. */
bool media_place_remove(struct arena *arena, const struct media_place *place, const char *company_id,
                        const char *sha256, int64_t age_ms, moment now);
/* Files in incoming/ that nobody has written to for so long; returns how many were removed. */
size_t media_place_tidy(struct arena *arena, const struct media_place *place, int64_t age_ms, moment now);

/* Of a bucket: a URL that allows this one thing for so long. answer_type and answer_disposition (may be NULL) are what
 * the bucket shall say of it. */
struct media_place_visit {
    const char *method; /* "GET", "PUT", "DELETE" */
    const char *company_id, *sha256;
    int valid_s;
    const char *answer_type, *answer_disposition;
};
char *media_place_url(struct arena *arena, const struct media_place *place, const struct media_place_visit *visit,
                      moment now);
