/*
 * document_inside - how the formats' files build sections: text comes line by line, a heading ends what went before.
 * Nobody else includes it.
 */
#pragma once
#include "base/text.h"
#include "knowledge/document.h"

struct outline {
    struct arena *arena;
    struct sections sections;
    size_t room;
    struct buffer text;                            /* of the section that is open */
    const char *headings[DOCUMENT_HEADING_LEVELS]; /* that stand above it; NULL: none of that level */
};

/* level from 1; what was open is closed. A heading without a word is passed over. */
void outline_heading(struct outline *outline, size_t level, const char *text);
void outline_text(struct outline *outline, const char *bytes, size_t count);
/* The section that is open ends; one without a word is forgotten. */
void outline_close(struct outline *outline);

enum status document_read_markdown(struct outline *outline, const char *text, struct error *error);
enum status document_read_html(struct outline *outline, const char *text, struct error *error);
enum status document_read_csv(struct outline *outline, const char *text, struct error *error);
