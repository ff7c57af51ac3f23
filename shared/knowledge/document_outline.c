#include <string.h>

#include "knowledge/document_inside.h"
#include "language/language.h"

static bool has_word(const char *text)
{
    struct language_word word;
    return language_next_word(&text, &word);
}

/* One line, inner white space as single blanks. */
static char *one_line(struct arena *arena, const char *text)
{
    struct buffer line = { .arena = arena };
    bool gap = false;
    for (; *text; text++) {
        bool blank = strchr(" \t\r\n", *text) != NULL;
        if (!blank && gap && line.bytes)
            buffer_add_char(&line, ' ');
        if (!blank)
            buffer_add_char(&line, *text);
        gap = blank;
    }
    return text_cut(arena, buffer_text(&line), DOCUMENT_HEADING_BYTES_MAX);
}

static const char *heading_path(const struct outline *outline)
{
    struct buffer path = { .arena = outline->arena };
    for (size_t i = 0; i < DOCUMENT_HEADING_LEVELS; i++)
        if (outline->headings[i])
            buffer_format(&path, "%s%s", path.bytes ? " > " : "", outline->headings[i]);
    return buffer_text(&path);
}

static void add_section(struct outline *outline, struct section section)
{
    if (outline->sections.count == outline->room) {
        outline->room = outline->room ? outline->room * 2 : 16;
        struct section *wider = ARENA_ARRAY(outline->arena, struct section, outline->room);
        if (outline->sections.count)
            memcpy(wider, outline->sections.list, outline->sections.count * sizeof *wider);
        outline->sections.list = wider;
    }
    outline->sections.list[outline->sections.count++] = section;
}

void outline_close(struct outline *outline)
{
    char *text = text_trim(outline->arena, buffer_text(&outline->text));
    if (has_word(text))
        add_section(outline, (struct section){ .heading = heading_path(outline), .text = text });
    outline->text = (struct buffer){ .arena = outline->arena };
}

void outline_heading(struct outline *outline, size_t level, const char *text)
{
    const char *line = one_line(outline->arena, text);
    if (!has_word(line))
        return;
    outline_close(outline);
    size_t place = level < DOCUMENT_HEADING_LEVELS ? level - 1 : DOCUMENT_HEADING_LEVELS - 1;
    outline->headings[place] = line;
    for (size_t i = place + 1; i < DOCUMENT_HEADING_LEVELS; i++)
        outline->headings[i] = NULL;
}

void outline_text(struct outline *outline, const char *bytes, size_t count)
{
    buffer_add_n(&outline->text, bytes, count);
}
