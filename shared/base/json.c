#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/limits.h"
#include "base/text.h"

/* Whole numbers up to here have a double of their own. */
static const double EXACT_MAX = 9007199254740992.0;

enum {
    CHECK_ARENA_BYTES = 4096, /* most of what is only checked is small */
    MEMBERS_FEW = 8           /* names are compared with each other */
};

/* While set, what cJSON allocates in this thread comes from here. */
static _Thread_local struct arena *current;

static void *hook_alloc(size_t bytes)
{
    return current ? arena_alloc(current, bytes) : malloc(bytes);
}

static void hook_free(void *piece)
{
    if (!current)
        free(piece);
}

/* Before main, so that no thread can be inside cJSON. */
__attribute__((constructor)) static void install_hooks(void)
{
    cJSON_Hooks hooks = { .malloc_fn = hook_alloc, .free_fn = hook_free };
    cJSON_InitHooks(&hooks);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *duplicate_of_few(const cJSON *object)
{
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return b->string;
    return NULL;
}

/* Sorting finds equal names in n log n whatever names a stranger chooses; a hash would need a secret for that. NULL: no
 * two are equal. */
static const char *duplicate_name(struct arena *arena, const cJSON *object)
{
    size_t count = 0;
    const cJSON *member;
    cJSON_ArrayForEach (member, object)
        count++;
    if (count < 2)
        return NULL;
    if (count <= MEMBERS_FEW)
        return duplicate_of_few(object);
    const char **names = ARENA_ARRAY(arena, const char *, count);
    size_t i = 0;
    cJSON_ArrayForEach (member, object)
        names[i++] = member->string;
    qsort(names, count, sizeof *names, compare_names);
    for (i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return names[i];
    return NULL;
}

/*
 * After the parse, in the order of the text: refuses duplicate members, and gives each number its own text
 * (valuestring, which cJSON leaves unused for numbers), so that ids above 2^53 and long fractions survive. Recursion
 * ends at JSON_DEPTH_MAX, which the scan has checked.
 */
static enum status finish(struct arena *arena, cJSON *item, struct json_numbers *numbers, struct error *error)
{
    if (cJSON_IsNumber(item)) {
        size_t bytes;
        const char *number = json_numbers_next(numbers, &bytes);
        assert(number);
        item->valuestring = arena_text_n(arena, number, bytes);
        return OK;
    }
    const char *duplicate = cJSON_IsObject(item) ? duplicate_name(arena, item) : NULL;
    if (duplicate)
        return error_code(error, REJECT, JSON_MALFORMED, "JSON holds the member '%.64s' twice", duplicate);
    cJSON *child;
    cJSON_ArrayForEach (child, item)
        TRY(finish(arena, child, numbers, error));
    return OK;
}

enum status json_parse(struct arena *arena, const char *text, size_t bytes, cJSON **out, struct error *error)
{
    TRY(json_scan(text, bytes, error));
    struct arena *before = current;
    current = arena;
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, bytes, &end, false);
    current = before;
    if (!tree)
        return error_code(error, REJECT, JSON_MALFORMED, "JSON can't be read");
    struct json_numbers numbers = { .at = text, .end = text + bytes };
    TRY(finish(arena, tree, &numbers, error));
    *out = tree;
    return OK;
}

enum status json_check(const char *text, size_t bytes, struct error *error)
{
    struct arena *arena = arena_new(CHECK_ARENA_BYTES);
    cJSON *tree;
    enum status status = json_parse(arena, text, bytes, &tree, error);
    arena_free(arena);
    return status;
}

enum status json_check_own(const char *text, size_t bytes, struct error *error)
{
    return json_scan(text, bytes, error);
}

/* The shortest of 15 to 17 digits that reads back as the same double. */
static void add_double(struct buffer *buffer, double number)
{
    if (!isfinite(number)) {
        buffer_add(buffer, "null"); /* JSON has no word for it; cJSON prints the same */
        return;
    }
    if (floor(number) == number && fabs(number) <= EXACT_MAX) {
        buffer_format(buffer, "%.0f", number);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) >= number && strtod(text, NULL) <= number)
            break;
    }
    buffer_add(buffer, text);
}

/* The number's text as it was parsed, unless somebody has set another number since. NULL: it has none. */
static const char *number_text(const cJSON *item)
{
    if (!item->valuestring)
        return NULL;
    double parsed = strtod(item->valuestring, NULL);
    return parsed >= item->valuedouble && parsed <= item->valuedouble ? item->valuestring : NULL;
}

static void add_scalar(struct buffer *buffer, const cJSON *item)
{
    if (cJSON_IsString(item))
        json_add_string(buffer, item->valuestring);
    else if (cJSON_IsRaw(item))
        buffer_add(buffer, item->valuestring);
    else if (cJSON_IsNumber(item) && number_text(item))
        buffer_add(buffer, number_text(item));
    else if (cJSON_IsNumber(item))
        add_double(buffer, item->valuedouble);
    else
        buffer_add(buffer, cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false" : "null");
}

static void add_tree(struct buffer *buffer, const cJSON *item)
{
    bool is_object = cJSON_IsObject(item);
    if (!is_object && !cJSON_IsArray(item)) {
        add_scalar(buffer, item);
        return;
    }
    buffer_add_char(buffer, is_object ? '{' : '[');
    const cJSON *child;
    cJSON_ArrayForEach (child, item) {
        if (child != item->child)
            buffer_add_char(buffer, ',');
        if (is_object) {
            json_add_string(buffer, child->string);
            buffer_add_char(buffer, ':');
        }
        add_tree(buffer, child);
    }
    buffer_add_char(buffer, is_object ? '}' : ']');
}

char *json_text(struct arena *arena, const cJSON *tree)
{
    struct buffer buffer = { .arena = arena };
    add_tree(&buffer, tree);
    return buffer.text;
}

static void add_escape(struct buffer *buffer, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *found = strchr(plain, c);
    if (found)
        buffer_add_n(buffer, (const char[]){ '\\', letter[found - plain] }, 2);
    else
        buffer_format(buffer, "\\u%04x", (unsigned char)c);
}

void json_add_string(struct buffer *buffer, const char *text)
{
    const char *at = text ? text : "", *end = at + strlen(at);
    buffer_add_char(buffer, '"');
    for (;;) {
        size_t plain = json_plain_bytes(at, (size_t)(end - at), false);
        buffer_add_n(buffer, at, plain);
        at += plain;
        if (at == end)
            break;
        add_escape(buffer, *at++);
    }
    buffer_add_char(buffer, '"');
}

/* The member, NULL when it is absent or null. */
static const cJSON *member_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNull(member) ? NULL : member;
}

static enum status missing(const char *name, struct error *error)
{
    return error_code(error, REJECT, "missing_member", "'%s' is missing", name);
}

static enum status wrong_type(const char *name, const char *wanted, struct error *error)
{
    return error_code(error, REJECT, "invalid_member", "'%s' must be %s", name, wanted);
}

enum status json_want_text(const cJSON *object, const char *name, const char **out, struct error *error)
{
    const cJSON *member = member_of(object, name);
    if (member && !cJSON_IsString(member))
        return wrong_type(name, "text", error);
    *out = member ? member->valuestring : NULL;
    return OK;
}

enum status json_need_text(const cJSON *object, const char *name, const char **out, struct error *error)
{
    TRY(json_want_text(object, name, out, error));
    return *out ? OK : missing(name, error);
}

enum status json_want_object(const cJSON *object, const char *name, const cJSON **out, struct error *error)
{
    const cJSON *member = member_of(object, name);
    if (member && !cJSON_IsObject(member))
        return wrong_type(name, "an object", error);
    *out = member;
    return OK;
}

enum status json_need_object(const cJSON *object, const char *name, const cJSON **out, struct error *error)
{
    TRY(json_want_object(object, name, out, error));
    return *out ? OK : missing(name, error);
}

enum status json_want_array(const cJSON *object, const char *name, const cJSON **out, struct error *error)
{
    const cJSON *member = member_of(object, name);
    if (member && !cJSON_IsArray(member))
        return wrong_type(name, "an array", error);
    *out = member;
    return OK;
}

enum status json_need_array(const cJSON *object, const char *name, const cJSON **out, struct error *error)
{
    TRY(json_want_array(object, name, out, error));
    return *out ? OK : missing(name, error);
}

enum status json_want_bool(const cJSON *object, const char *name, bool *out, struct error *error)
{
    const cJSON *member = member_of(object, name);
    if (member && !cJSON_IsBool(member))
        return wrong_type(name, "true or false", error);
    if (member)
        *out = cJSON_IsTrue(member);
    return OK;
}

enum status json_want_int64(const cJSON *object, const char *name, int64_t *out, struct error *error)
{
    const cJSON *member = member_of(object, name);
    if (!member)
        return OK;
    bool is_number = cJSON_IsNumber(member);
    const char *text = is_number ? number_text(member) : cJSON_IsString(member) ? member->valuestring : NULL;
    long long number;
    if (text && text_int64(text, INT64_MIN, INT64_MAX, name, &number, NULL) == OK)
        *out = number;
    else if (is_number && floor(member->valuedouble) == member->valuedouble && fabs(member->valuedouble) <= EXACT_MAX)
        *out = (int64_t)member->valuedouble; /* 1e3, 12.0 */
    else
        return wrong_type(name, "a whole number", error);
    return OK;
}
