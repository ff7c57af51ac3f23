#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/moment.h"
#include "base/text.h"

/* At most PIPE_BUF, so that a line written to a pipe is never torn; the tail has room for what closes a cut line. */
enum { LINE_BYTES_MAX = 4096, TAIL_BYTES = 8, SERVICE_BYTES_MAX = 64 };

struct line {
    char text[LINE_BYTES_MAX];
    size_t bytes;
    bool cut; /* something had no room: nothing more is added */
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static char service_name[SERVICE_BYTES_MAX] = "-";
static atomic_int level_min = LOG_INFO;

void log_open(const char *service)
{
    snprintf(service_name, sizeof service_name, "%s", text_or(service, "-"));
}

enum status log_level_set(const char *name, struct error *error)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (name && strcasecmp(name, level_names[i]) == 0) {
            atomic_store(&level_min, i);
            return OK;
        }
    }
    return error_set(error, REJECT, "a log level must be one of debug, info, warn, error");
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

static void add(struct line *line, const char *bytes, size_t count)
{
    if (line->cut || line->bytes + count > LINE_BYTES_MAX - TAIL_BYTES) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->bytes, bytes, count);
    line->bytes += count;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static bool needs_quotes(const char *value)
{
    if (!*value)
        return true;
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return false;
}

/* One character of a quoted value. What could end the line or drive a terminal (C0, DEL, C1, U+2028, U+2029) is
 * escaped. */
static void add_escaped(struct line *line, const char *at, size_t bytes)
{
    unsigned char c = (unsigned char)at[0];
    char escaped[8];
    if (c == '"' || c == '\\')
        snprintf(escaped, sizeof escaped, "\\%c", c);
    else if (c == '\n' || c == '\r' || c == '\t')
        snprintf(escaped, sizeof escaped, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < ' ' || c == 0x7F)
        snprintf(escaped, sizeof escaped, "\\u%04x", c);
    else if (bytes == 2 && c == 0xC2 && (unsigned char)at[1] < 0xA0)
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned char)at[1]);
    else if (bytes == 3 && (memcmp(at, "\u2028", 3) == 0 || memcmp(at, "\u2029", 3) == 0))
        snprintf(escaped, sizeof escaped, "\\u202%c", (unsigned char)at[2] == 0xA8 ? '8' : '9');
    else if (bytes == 0)
        snprintf(escaped, sizeof escaped, "\\ufffd");
    else {
        add(line, at, bytes);
        return;
    }
    add_text(line, escaped);
}

static void add_value(struct line *line, const char *value)
{
    if (!needs_quotes(value)) {
        size_t room = LINE_BYTES_MAX - TAIL_BYTES - line->bytes;
        size_t count = strnlen(value, room + 1);
        add(line, value, count > room ? room : count);
        line->cut = line->cut || count > room;
        return;
    }
    add(line, "\"", 1);
    bool open = !line->cut;
    size_t left = strlen(value);
    while (left > 0 && !line->cut) {
        size_t bytes = text_character_bytes(value, left);
        add_escaped(line, value, bytes);
        value += bytes ? bytes : 1;
        left -= bytes ? bytes : 1;
    }
    if (open)
        line->text[line->bytes++] = '"'; /* from the tail's room, so that a cut value is closed too */
}

static void add_pair(struct line *line, const char *key, const char *value)
{
    if (line->bytes > 0)
        add(line, " ", 1);
    add_text(line, key);
    add(line, "=", 1);
    if (!line->cut)
        add_value(line, value);
}

/* A line that can't be written is lost: there is nowhere left to say so. */
static void send_line(struct line *line)
{
    static const char mark[] = " ...";
    if (line->cut) {
        memcpy(line->text + line->bytes, mark, sizeof mark - 1);
        line->bytes += sizeof mark - 1;
    }
    line->text[line->bytes++] = '\n';
    while (write(STDERR_FILENO, line->text, line->bytes) < 0 && errno == EINTR)
        continue;
}

void log_line(enum log_level level, const char *message, ...)
{
    if (!log_enabled(level))
        return;
    int errno_before = errno;
    struct line line;
    line.bytes = 0;
    line.cut = false;
    char time[MOMENT_BYTES];
    add_pair(&line, "time", moment_text(moment_now(), time));
    add_pair(&line, "level", level_names[level]);
    add_pair(&line, "service", service_name);
    add_pair(&line, "msg", message);
    va_list pairs;
    va_start(pairs, message);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            add_pair(&line, key, value);
    }
    va_end(pairs);
    send_line(&line);
    errno = errno_before;
}
