#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* C0, DEL, C1 (C2 80..9F) and the two Unicode line ends (E2 80 A8, E2 80 A9): none of them may reach a line of a log.
 */
static bool is_control(const unsigned char *at, size_t bytes)
{
    if (bytes == 1)
        return *at < 0x20 || *at == 0x7F;
    if (bytes == 2)
        return at[0] == 0xC2 && at[1] < 0xA0;
    return bytes == 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9);
}

/* Copies what is printable of from; whatever isn't UTF-8 (a character cut by the end of the buffer, too) becomes '?'.
 */
static void flatten(char *to, const char *from, size_t count)
{
    size_t i = 0;
    while (i < count) {
        size_t bytes = text_character_bytes(from + i, count - i);
        if (bytes == 0) {
            *to++ = '?';
            i++;
            continue;
        }
        if (is_control((const unsigned char *)from + i, bytes)) {
            *to++ = ' ';
        } else {
            memcpy(to, from + i, bytes);
            to += bytes;
        }
        i += bytes;
    }
    *to = '\0';
}

/* Drops a character that the end of the buffer has cut in two. */
static size_t whole_characters(const char *text, size_t count)
{
    size_t last = count;
    while (last > 0 && count - last < 4 && ((unsigned char)text[last - 1] & 0xC0) == 0x80)
        last--;
    if (last == 0 || (unsigned char)text[last - 1] < 0xC0)
        return count;
    return text_character_bytes(text + last - 1, count - last + 1) ? count : last - 1;
}

/* By way of a local buffer: the arguments may point into error itself. */
__attribute__((format(printf, 2, 0))) static void set_text(struct error *error, const char *format, va_list list)
{
    char text[ERROR_BYTES_MAX];
    int wanted = vsnprintf(text, sizeof text, format, list);
    size_t count = wanted < 0 ? 0 : strnlen(text, sizeof text - 1);
    if (wanted >= (int)sizeof text)
        count = whole_characters(text, count);
    flatten(error->text, text, count);
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    if (!error)
        return status;
    va_list list;
    va_start(list, format);
    set_text(error, format, list);
    va_end(list);
    error->code[0] = '\0';
    return status;
}

enum status error_code(struct error *error, enum status status, const char *code, const char *format, ...)
{
    if (!error)
        return status;
    va_list list;
    va_start(list, format);
    set_text(error, format, list);
    va_end(list);
    size_t bytes = strnlen(code, sizeof error->code - 1);
    memmove(error->code, code, bytes);
    error->code[bytes] = '\0';
    return status;
}

const char *status_name(enum status status)
{
    switch (status) {
    case OK:
        return "ok";
    case RETRY:
        return "retry";
    case REJECT:
        return "reject";
    }
    return "unknown";
}
