#include "base/setting.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"

enum { VALUE_BYTES_MAX = 64 * 1024 };

/* Values live as long as the process: nobody frees this. Settings are read at start, by one thread. */
static struct arena *kept;

/* What a bad value is called in a sentence; a secret isn't shown. */
static const char *shown(const struct setting *setting, const char *value)
{
    return setting->secret ? "what it is set to" : text_format(kept, "'%s'", text_cut(kept, value, 60));
}

static enum status read_file(const char *name, const char *path, char **out, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, REJECT, "%s can't be read: '%s': %s", name, path, strerror(errno));
    char *text = arena_alloc(kept, VALUE_BYTES_MAX + 2);
    size_t bytes = 0;
    ssize_t got = 0;
    while (bytes <= VALUE_BYTES_MAX) {
        got = read(file, text + bytes, VALUE_BYTES_MAX + 1 - bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        bytes += (size_t)got;
    }
    int problem = got < 0 ? errno : 0;
    close(file);
    if (problem)
        return error_set(error, REJECT, "%s can't be read: '%s': %s", name, path, strerror(problem));
    TRY(text_check(text, bytes, VALUE_BYTES_MAX, name, error));
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
        text[--bytes] = '\0';
    *out = text;
    return OK;
}

/* The value of one environment variable or of the file it names; *out stays NULL when neither is set. Empty counts as
 * unset. */
static enum status read_name(const char *name, const char **out, struct error *error)
{
    const char *file_name = text_format(kept, "%s_FILE", name);
    const char *value = getenv(name);
    const char *path = getenv(file_name);
    if (!text_empty(value) && !text_empty(path))
        return error_set(error, REJECT, "%s and %s are both set: set one of them", name, file_name);
    if (path && *path) {
        char *text = NULL;
        TRY(read_file(file_name, path, &text, error));
        *out = text;
    } else if (value && *value) {
        TRY(text_check(value, strlen(value), VALUE_BYTES_MAX, name, error));
        *out = arena_text(kept, value);
    }
    return OK;
}

/* The name, else the first alias that is set, else the fallback. */
static enum status find_value(const struct setting *setting, setting_notice *notice, const char **out,
                              struct error *error)
{
    TRY(read_name(setting->name, out, error));
    const char *const *alias = setting->aliases;
    for (; !*out && alias && *alias; alias++) {
        TRY(read_name(*alias, out, error));
        if (*out && notice)
            notice(setting->name, *alias);
    }
    if (!*out)
        *out = setting->fallback;
    return OK;
}

static enum status set_number(const struct setting *setting, const char *value, struct error *error)
{
    bool checked = setting->min != 0 || setting->max != 0;
    long long min = checked ? setting->min : INT64_MIN;
    long long max = checked ? setting->max : INT64_MAX;
    long long number = 0;
    if (!text_empty(value) && text_int64(value, min, max, setting->name, &number, NULL) != OK) {
        const char *bad = shown(setting, value);
        if (!checked)
            return error_set(error, REJECT, "%s must be a whole number, not %s", setting->name, bad);
        return error_set(error, REJECT, "%s must be between %lld and %lld, not %s", setting->name, min, max, bad);
    }
    *setting->number = number;
    return OK;
}

static bool listed(const char *const *names, const char *value)
{
    for (; *names; names++)
        if (strcasecmp(*names, value) == 0)
            return true;
    return false;
}

static enum status set_flag(const struct setting *setting, const char *value, struct error *error)
{
    static const char *const on[] = { "on", "true", "yes", "1", NULL };
    static const char *const off[] = { "off", "false", "no", "0", "", NULL };
    bool is_on = listed(on, text_or(value, ""));
    if (!is_on && !listed(off, text_or(value, "")))
        return error_set(error, REJECT, "%s must be on or off, not %s", setting->name, shown(setting, value));
    *setting->flag = is_on;
    return OK;
}

static const char *choices_text(const struct setting *setting)
{
    struct buffer buffer = { .arena = kept };
    for (const char *const *choice = setting->choices; *choice; choice++)
        buffer_format(&buffer, "%s%s", buffer.bytes ? ", " : "", *choice);
    return buffer_text(&buffer);
}

static enum status set_text(const struct setting *setting, const char *value, struct error *error)
{
    value = text_or(value, "");
    const char *const *choice = setting->choices;
    while (choice && *choice && strcasecmp(*choice, value) != 0)
        choice++;
    if (choice && !*choice && *value)
        return error_set(error, REJECT, "%s must be one of %s, not %s", setting->name, choices_text(setting),
                         shown(setting, value));
    *setting->text = choice && *choice ? *choice : value;
    return OK;
}

enum status setting_read(const struct setting *table, setting_notice *notice, struct error *error)
{
    if (!kept)
        kept = arena_new(0);
    for (const struct setting *setting = table; setting->name; setting++) {
        assert(!!setting->text + !!setting->number + !!setting->flag == 1);
        const char *value = NULL;
        TRY(find_value(setting, notice, &value, error));
        if (setting->number)
            TRY(set_number(setting, value, error));
        else if (setting->flag)
            TRY(set_flag(setting, value, error));
        else
            TRY(set_text(setting, value, error));
    }
    return OK;
}

static void help_kind(FILE *out, const struct setting *setting)
{
    if (setting->flag)
        fputs("on or off", out);
    else if (setting->number && (setting->min != 0 || setting->max != 0))
        fprintf(out, "%lld to %lld", (long long)setting->min, (long long)setting->max);
    else if (setting->number)
        fputs("whole number", out);
    else if (setting->choices)
        for (const char *const *choice = setting->choices; *choice; choice++)
            fprintf(out, "%s%s", choice == setting->choices ? "" : "|", *choice);
    else
        fputs(setting->secret ? "secret text" : "text", out);
}

static void help_names(FILE *out, const struct setting *setting)
{
    for (const char *const *alias = setting->aliases; alias && *alias; alias++)
        fprintf(out, "%s%s", alias == setting->aliases ? "; also " : ", ", *alias);
    if (!text_empty(setting->fallback))
        fprintf(out, "; default %s", setting->secret ? "(not shown)" : setting->fallback);
}

void setting_help(FILE *out, const struct setting *table)
{
    for (const struct setting *setting = table; setting->name; setting++) {
        fprintf(out, "  %-32s %s\n  %-32s (", setting->name, text_or(setting->help, ""), "");
        help_kind(out, setting);
        help_names(out, setting);
        fputs(")\n", out);
    }
}
