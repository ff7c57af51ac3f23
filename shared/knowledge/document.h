/*
 * document - a company's material as it was given (text, Markdown, HTML, CSV of question and answer), read into
 * sections.
 *
 * A section is the text between two headings with the path of headings above it, or one question with its answer. What
 * is markup is gone; nothing is added that the company did not write. Pure: one file per format.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

enum {
    DOCUMENT_HEADING_LEVELS = 6,
    DOCUMENT_HEADING_BYTES_MAX = 200, /* of one heading; its end is cut */
};

struct section {
    const char *heading; /* "Prices > Carpets"; "" at the top */
    const char *text;
};

struct sections {
    struct section *list;
    size_t count;
};

bool document_format_known(const char *format); /* text, markdown, html, csv */
/* REJECT: bad_csv, with the row. The other formats can be read whatever they hold. */
enum status document_read(struct arena *arena, const char *format, const char *text, struct sections *out,
                          struct error *error);
/* What document_read would refuse, told without the other formats' parsers. */
enum status document_check(struct arena *arena, const char *format, const char *text, struct error *error);
