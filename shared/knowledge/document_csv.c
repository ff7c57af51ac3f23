/* RFC 4180, two columns: question and answer. A first row that names the columns may turn them round. */
#include <string.h>

#include "knowledge/document_inside.h"
#include "language/language.h"

enum { COLUMNS = 2 };

struct csv {
    struct arena *arena;
    const char *at;
    size_t row; /* from 1 */
};

/* A field behind an opening quote; "" is a quote. */
static enum status read_quoted(struct csv *csv, struct buffer *field, struct error *error)
{
    for (csv->at++;; csv->at++) {
        if (!*csv->at)
            return error_code(error, REJECT, "bad_csv", "row %zu: a quote is not closed", csv->row);
        if (*csv->at == '"' && csv->at[1] != '"')
            break;
        csv->at += *csv->at == '"';
        buffer_add_char(field, *csv->at);
    }
    csv->at++;
    return OK;
}

static enum status read_field(struct csv *csv, const char **out, struct error *error)
{
    struct buffer field = { .arena = csv->arena };
    if (*csv->at == '"') {
        TRY(read_quoted(csv, &field, error));
        if (*csv->at && !strchr(",\r\n", *csv->at))
            return error_code(error, REJECT, "bad_csv", "row %zu: there is text behind a closing quote", csv->row);
    } else {
        size_t bytes = strcspn(csv->at, ",\r\n");
        buffer_add_n(&field, csv->at, bytes);
        csv->at += bytes;
    }
    *out = text_trim(csv->arena, buffer_text(&field));
    return OK;
}

static void end_row(struct csv *csv)
{
    csv->at += *csv->at == '\r';
    csv->at += *csv->at == '\n';
}

static enum status read_row(struct csv *csv, const char *fields[COLUMNS], struct error *error)
{
    csv->row++;
    for (size_t i = 0; i < COLUMNS; i++) {
        TRY(read_field(csv, &fields[i], error));
        bool last = i + 1 == COLUMNS;
        if (last == (*csv->at == ','))
            return error_code(error, REJECT, "bad_csv", "row %zu must have two columns: question and answer", csv->row);
        csv->at += *csv->at == ',';
    }
    end_row(csv);
    return OK;
}

static bool named(struct arena *arena, const char *field, const char *const *names)
{
    const char *folded = language_fold(arena, field);
    for (; *names; names++)
        if (strcmp(folded, *names) == 0)
            return true;
    return false;
}

static const char *const QUESTION[] = { "question", "q", "প্রশ্ন", NULL };
static const char *const ANSWER[] = { "answer", "a", "উত্তর", NULL };

static void add_pair(struct outline *outline, const char *question, const char *answer)
{
    outline_text(outline, question, strlen(question));
    outline_text(outline, "\n", 1);
    outline_text(outline, answer, strlen(answer));
    outline_close(outline);
}

enum status document_read_csv(struct outline *outline, const char *text, struct error *error)
{
    struct csv csv = { .arena = outline->arena, .at = text };
    size_t question = 0;
    csv.at += text_starts(text, "\xEF\xBB\xBF") ? 3 : 0;
    while (*csv.at) {
        const char *fields[COLUMNS] = { "", "" };
        if (*csv.at == '\r' || *csv.at == '\n') { /* an empty line says nothing */
            csv.row++;
            end_row(&csv);
            continue;
        }
        TRY(read_row(&csv, fields, error));
        bool straight = named(csv.arena, fields[0], QUESTION) && named(csv.arena, fields[1], ANSWER);
        bool turned = named(csv.arena, fields[1], QUESTION) && named(csv.arena, fields[0], ANSWER);
        if (csv.row == 1 && (straight || turned))
            question = turned;
        else if (text_empty(fields[0]) || text_empty(fields[1]))
            return error_code(error, REJECT, "bad_csv", "row %zu: question and answer must not be empty", csv.row);
        else
            add_pair(outline, fields[question], fields[!question]);
    }
    return OK;
}

enum status document_check(struct arena *arena, const char *format, const char *text, struct error *error)
{
    struct outline outline = { .arena = arena, .text = { .arena = arena } };
    return text_same(format, "csv") ? document_read_csv(&outline, text, error) : OK;
}
