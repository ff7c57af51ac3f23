/* Markdown as far as it gives structure: headings of both kinds, code kept as it is, links by their words and address,
 * emphasis without its marks. Tables and lists read well as they stand. */
#include <string.h>

#include "knowledge/document_inside.h"

struct line {
    const char *text;
    size_t bytes; /* without the end of line */
};

static bool line_next(const char **at, struct line *out)
{
    if (!**at)
        return false;
    size_t bytes = strcspn(*at, "\n");
    *out = (struct line){ *at, bytes && (*at)[bytes - 1] == '\r' ? bytes - 1 : bytes };
    *at += bytes + ((*at)[bytes] == '\n');
    return true;
}

/* Blanks that an indented mark may have. */
static size_t indent(struct line line)
{
    size_t blanks = 0;
    while (blanks < line.bytes && line.text[blanks] == ' ')
        blanks++;
    return blanks;
}

static size_t run_of(struct line line, size_t from, char mark)
{
    size_t at = from;
    while (at < line.bytes && line.text[at] == mark)
        at++;
    return at - from;
}

/* "## Text ##": its level; 0: none. */
static size_t hash_level(struct line line)
{
    size_t from = indent(line), level = run_of(line, from, '#');
    bool gap = from + level == line.bytes || line.text[from + level] == ' ' || line.text[from + level] == '\t';
    return from <= 3 && level <= DOCUMENT_HEADING_LEVELS && gap ? level : 0;
}

/* A line of only = or - under a paragraph's line makes that line a heading. */
static size_t underline_level(struct line line)
{
    size_t from = indent(line);
    for (size_t i = 0; i < 2; i++) {
        size_t marks = run_of(line, from, "=-"[i]);
        size_t end = from + marks;
        while (end < line.bytes && (line.text[end] == ' ' || line.text[end] == '\t'))
            end++;
        if (from <= 3 && marks >= 2 && end == line.bytes)
            return i + 1;
    }
    return 0;
}

static bool is_fence(struct line line)
{
    size_t from = indent(line);
    return from <= 3 && (run_of(line, from, '`') >= 3 || run_of(line, from, '~') >= 3);
}

/* -- inside a line */

enum { LINK_BYTES_MAX = 4096 }; /* half a megabyte of brackets is not looked through once for each of them */

/* [words](address) at the start of the bytes: how long it is; 0: none. */
static size_t link_bytes(const char *at, size_t bytes, size_t *words)
{
    bytes = bytes < LINK_BYTES_MAX ? bytes : LINK_BYTES_MAX;
    const char *close = *at == '[' ? memchr(at, ']', bytes) : NULL;
    if (!close || close + 1 >= at + bytes || close[1] != '(')
        return 0;
    const char *end = memchr(close, ')', (size_t)(at + bytes - close));
    *words = (size_t)(close - at) - 1;
    return end ? (size_t)(end - at) + 1 : 0;
}

static void add_link(struct buffer *out, const char *at, size_t words, size_t bytes)
{
    const char *address = at + words + 3;
    size_t address_bytes = bytes - words - 4;
    buffer_add_n(out, at + 1, words);
    if (address_bytes && (text_starts(address, "http") || text_starts(address, "mailto:")))
        buffer_format(out, " (%.*s)", (int)strcspn(address, " )"), address);
}

/* Marks of emphasis stand in pairs or more; a single star or underscore may be anything. */
static size_t mark_bytes(const char *at, size_t bytes)
{
    size_t count = 0;
    if (*at != '`' && *at != '*' && *at != '_' && *at != '~')
        return 0;
    while (count < bytes && at[count] == *at)
        count++;
    return *at == '`' || count >= 2 ? count : 0;
}

static const char *plain(struct arena *arena, const char *at, size_t bytes)
{
    struct buffer out = { .arena = arena };
    for (const char *end = at + bytes; at < end;) {
        size_t left = (size_t)(end - at), words = 0, step = *at == '!' && left > 1 ? 1 : 0;
        size_t link = left > step ? link_bytes(at + step, left - step, &words) : 0;
        size_t mark = mark_bytes(at, left);
        if (link) {
            add_link(&out, at + step, words, link);
            at += step + link;
        } else if (mark) {
            at += mark;
        } else {
            at += *at == '\\' && left > 1 && strchr("\\`*_{}[]()#+-.!|", at[1]) ? 1 : 0;
            buffer_add_char(&out, *at++);
        }
    }
    return buffer_text(&out);
}

/* -- the document */

struct reading {
    struct outline *outline;
    struct line waiting; /* a paragraph's line, which the next one may make a heading; bytes 0: none */
    bool code;
};

static void add_plain(struct reading *reading, struct line line)
{
    const char *text = plain(reading->outline->arena, line.text, line.bytes);
    outline_text(reading->outline, text, strlen(text));
    outline_text(reading->outline, "\n", 1);
}

static void release(struct reading *reading)
{
    if (reading->waiting.bytes)
        add_plain(reading, reading->waiting);
    reading->waiting.bytes = 0;
}

static void add_heading(struct reading *reading, size_t level, struct line line, size_t from)
{
    struct arena *arena = reading->outline->arena;
    char *text = text_trim(arena, plain(arena, line.text + from, line.bytes - from));
    size_t bytes = strlen(text);
    while (bytes && (text[bytes - 1] == '#' || text[bytes - 1] == ' '))
        text[--bytes] = '\0';
    outline_heading(reading->outline, level, text);
}

static void take_line(struct reading *reading, struct line line)
{
    size_t level = hash_level(line), under = underline_level(line);
    if (level) {
        release(reading);
        add_heading(reading, level, line, indent(line) + level);
    } else if (under && reading->waiting.bytes) {
        struct line heading = reading->waiting;
        reading->waiting.bytes = 0;
        add_heading(reading, under, heading, 0);
    } else {
        release(reading);
        reading->waiting = line;
        if (!line.bytes)
            outline_text(reading->outline, "\n", 1);
    }
}

enum status document_read_markdown(struct outline *outline, const char *text, struct error *error)
{
    struct reading reading = { .outline = outline };
    struct line line;
    (void)error;
    while (line_next(&text, &line)) {
        if (is_fence(line)) {
            release(&reading);
            reading.code = !reading.code;
        } else if (reading.code) {
            outline_text(outline, line.text, line.bytes);
            outline_text(outline, "\n", 1);
        } else {
            take_line(&reading, line);
        }
    }
    release(&reading);
    return OK;
}
