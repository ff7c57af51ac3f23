#include "knowledge/document.h"

#include <string.h>

#include "knowledge/document_inside.h"

static enum status read_text(struct outline *outline, const char *text, struct error *error)
{
    (void)error;
    outline_text(outline, text, strlen(text));
    return OK;
}

static const struct format {
    const char *name;
    enum status (*read)(struct outline *outline, const char *text, struct error *error);
} FORMATS[] = {
    { "text", read_text },
    { "markdown", document_read_markdown },
    { "html", document_read_html },
    { "csv", document_read_csv },
};

static const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (text_same(FORMATS[i].name, name))
            return &FORMATS[i];
    return NULL;
}

bool document_format_known(const char *format)
{
    return format_find(format) != NULL;
}

enum status document_read(struct arena *arena, const char *format, const char *text, struct sections *out,
                          struct error *error)
{
    const struct format *known = format_find(format);
    struct outline outline = { .arena = arena, .text = { .arena = arena } };
    if (!known)
        return error_code(error, REJECT, "bad_value", "format must be text, markdown, html or csv");
    TRY(known->read(&outline, text, error));
    outline_close(&outline);
    *out = outline.sections;
    return OK;
}
