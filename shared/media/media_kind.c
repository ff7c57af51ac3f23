#include "media/media_kind.h"

#include <string.h>

#include "base/text.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* The vendor's table. A sticker is told from a picture by its kind, not by its type. */
static const struct {
    const char *name;
    int64_t bytes_max;
    const char *types[12];
} KINDS[] = {
    { "image", 5 * MIB, { "image/jpeg", "image/png" } },
    { "audio", 16 * MIB, { "audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg" } },
    { "video", 16 * MIB, { "video/mp4", "video/3gpp" } },
    { "document",
      100 * MIB,
      { "application/pdf", "text/plain", "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" } },
    { "sticker", 500 * KIB, { "image/webp" } },
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

char *media_type_bare(struct arena *arena, const char *declared)
{
    const char *text = text_or(declared, "");
    return text_lower(arena, text_trim(arena, arena_text_n(arena, text, strcspn(text, ";"))));
}

static int kind_find(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (text_same(KINDS[i].name, name))
            return i;
    return -1;
}

static bool kind_has(int kind, const char *bare)
{
    for (const char *const *type = KINDS[kind].types; *type; type++)
        if (text_same(*type, bare))
            return true;
    return false;
}

const char *media_kind_of_type(const char *bare)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (kind_has(i, bare))
            return KINDS[i].name;
    return NULL;
}

bool media_kind_known(const char *kind)
{
    return kind_find(kind) >= 0;
}

bool media_kind_takes(const char *kind, const char *bare)
{
    int found = kind_find(kind);
    return found >= 0 && kind_has(found, bare);
}

int64_t media_bytes_max(const char *kind)
{
    int found = kind_find(kind);
    return found < 0 ? 0 : KINDS[found].bytes_max;
}

/* -- how a file begins */

static bool at(const char *head, size_t bytes, size_t offset, const char *mark, size_t mark_bytes)
{
    return bytes >= offset + mark_bytes && memcmp(head + offset, mark, mark_bytes) == 0;
}

/* ISO base media: MP4, its audio, 3GPP. */
static bool begins_boxed(const char *head, size_t bytes)
{
    return at(head, bytes, 4, "ftyp", 4);
}

/* A sound frame's twelve set bits; layer 0 is ADTS, that is AAC. */
static bool begins_frame(const char *head, size_t bytes, bool aac)
{
    return bytes >= 2 && (unsigned char)head[0] == 0xff && ((unsigned char)head[1] & 0xe0) == 0xe0 &&
           (((unsigned char)head[1] & 0x06) == 0) == aac;
}

static bool begins_text(const char *head, size_t bytes)
{
    return memchr(head, '\0', bytes) == NULL;
}

static const struct {
    const char *type;
    size_t offset;
    const char *mark;
    size_t mark_bytes;
} MARKS[] = {
    { "image/jpeg", 0, "\xff\xd8\xff", 3 }, { "image/png", 0, "\x89PNG\r\n\x1a\n", 8 },
    { "image/webp", 8, "WEBP", 4 },         { "audio/amr", 0, "#!AMR", 5 },
    { "audio/mpeg", 0, "ID3", 3 },          { "audio/ogg", 0, "OggS", 4 },
    { "application/pdf", 0, "%PDF-", 5 },
};

static bool begins_office(const char *bare, const char *head, size_t bytes)
{
    bool zipped = text_starts(bare, "application/vnd.openxmlformats-");
    return zipped ? at(head, bytes, 0, "PK\x03\x04", 4) : at(head, bytes, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
}

bool media_begins_as(const char *bare, const char *head, size_t bytes)
{
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
        if (text_same(MARKS[i].type, bare) && at(head, bytes, MARKS[i].offset, MARKS[i].mark, MARKS[i].mark_bytes))
            return true;
    if (text_same(bare, "audio/mpeg") || text_same(bare, "audio/aac"))
        return begins_frame(head, bytes, text_same(bare, "audio/aac"));
    if (text_ends(bare, "/mp4") || text_same(bare, "video/3gpp"))
        return begins_boxed(head, bytes);
    if (text_same(bare, "text/plain"))
        return begins_text(head, bytes);
    return media_kind_takes("document", bare) && begins_office(bare, head, bytes);
}

bool media_shown_inline(const char *bare)
{
    return text_starts(bare, "image/") || text_starts(bare, "audio/") || text_starts(bare, "video/");
}
