/* HTML by libxml2's parser, which takes whatever is found on the web. Only what a reader sees is kept. */
#include <libxml/HTMLparser.h>
#include <string.h>

#include "knowledge/document_inside.h"

static bool among(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(name, *list) == 0)
            return true;
    return false;
}

static const char *const UNSEEN[] = {
    "head", "script", "style", "noscript", "template", "svg", "iframe", "object", NULL
};
static const char *const BLOCKS[] = { "p",     "div",     "section", "article", "header",     "footer",
                                      "main",  "aside",   "nav",     "ul",      "ol",         "li",
                                      "dl",    "dt",      "dd",      "table",   "tr",         "br",
                                      "hr",    "pre",     "form",    "figure",  "blockquote", "thead",
                                      "tbody", "caption", "address", "option",  NULL };
static const char *const CELLS[] = { "td", "th", NULL };

/* 1 to 6 of h1 to h6; 0: no heading. */
static size_t heading_level(const char *name)
{
    bool heading = (name[0] == 'h' || name[0] == 'H') && name[1] >= '1' && name[1] <= '6' && !name[2];
    return heading ? (size_t)(name[1] - '0') : 0;
}

struct reading {
    struct outline *outline;
    struct buffer *heading; /* the heading that is open; NULL: none */
};

static struct buffer *target(struct reading *reading)
{
    return reading->heading ? reading->heading : &reading->outline->text;
}

static char last_of(const struct buffer *buffer)
{
    return buffer->bytes ? buffer->text[buffer->bytes - 1] : '\n';
}

static void add_break(struct reading *reading)
{
    if (last_of(target(reading)) != '\n')
        buffer_add_char(target(reading), '\n');
}

/* White space runs together, as a browser shows it. */
static void add_text(struct reading *reading, const char *text)
{
    struct buffer *out = target(reading);
    for (; *text; text++) {
        bool blank = strchr(" \t\r\n\f", *text) != NULL;
        if (!blank)
            buffer_add_char(out, *text);
        else if (last_of(out) != ' ' && last_of(out) != '\n')
            buffer_add_char(out, ' ');
    }
}

static void enter(struct reading *reading, const char *name)
{
    if (heading_level(name) && !reading->heading) {
        reading->heading = ARENA_NEW(reading->outline->arena, struct buffer);
        reading->heading->arena = reading->outline->arena;
    } else if (among(name, BLOCKS)) {
        add_break(reading);
        if (strcasecmp(name, "li") == 0)
            buffer_add(target(reading), "- ");
    }
}

static void leave(struct reading *reading, const char *name)
{
    size_t level = heading_level(name);
    if (level && reading->heading) {
        struct buffer *heading = reading->heading;
        reading->heading = NULL;
        outline_heading(reading->outline, level, buffer_text(heading));
    } else if (among(name, BLOCKS)) {
        add_break(reading);
    } else if (among(name, CELLS)) {
        buffer_add(target(reading), " | ");
    }
}

static bool seen(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE && !among((const char *)node->name, UNSEEN);
}

/* Without recursion: how deep a page is nested is a stranger's choice. */
static void walk(struct reading *reading, const xmlNode *root)
{
    const xmlNode *node = root;
    while (node) {
        if (node->type == XML_TEXT_NODE && node->content)
            add_text(reading, (const char *)node->content);
        if (seen(node))
            enter(reading, (const char *)node->name);
        if (seen(node) && node->children) {
            node = node->children;
            continue;
        }
        while (node && !node->next) {
            if (seen(node))
                leave(reading, (const char *)node->name);
            node = node == root ? NULL : node->parent;
        }
        if (!node)
            return;
        if (seen(node))
            leave(reading, (const char *)node->name);
        node = node->next;
    }
}

static void free_document(htmlDocPtr *document)
{
    if (*document)
        xmlFreeDoc(*document);
}

enum status document_read_html(struct outline *outline, const char *text, struct error *error)
{
    struct reading reading = { .outline = outline };
    int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
    CLEANUP(free_document)
    htmlDocPtr document = htmlReadMemory(text, (int)strlen(text), NULL, "UTF-8", options);
    (void)error;
    if (document)
        walk(&reading, xmlDocGetRootElement(document));
    return OK;
}
