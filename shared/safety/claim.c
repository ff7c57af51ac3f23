/*
 * What a text claims and its material doesn't hold. A model makes up links, phone numbers and prices that look right:
 * what the prompt holds in no place, nobody told it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "safety/inside.h"

enum { PHONE_DIGITS_SAME = 8, TIMES_MAX = 100 };

/* -- links and addresses */

/* The host alone may always be told where a page of it is known; a page must be known itself. */
static bool link_known(struct exam *exam, const char *link)
{
    const struct facts *known = exam_known(exam);
    bool host_only = strpbrk(link, "/?#") == NULL;
    const char *host = fact_host(exam->arena, link);
    for (size_t i = 0; i < known->count; i++) {
        if (known->list[i].kind != FACT_LINK)
            continue;
        const char *there = known->list[i].text;
        if (text_same(there, link) || (host_only && text_same(fact_host(exam->arena, there), host)))
            return true;
    }
    return false;
}

/* The domain of an address that the company gives out is no news either. */
static bool domain_of_address_known(struct exam *exam, const char *link)
{
    const struct facts *known = exam_known(exam);
    for (size_t i = 0; i < known->count; i++)
        if (known->list[i].kind == FACT_EMAIL && text_same(strchr(known->list[i].text, '@') + 1, link))
            return true;
    return false;
}

static bool host_allowed(const struct exam *exam, const char *host)
{
    const char *const *allowed = exam->material->policy->allowed;
    for (; allowed && *allowed; allowed++)
        if (host_within(host, language_fold(exam->arena, *allowed)))
            return true;
    return false;
}

bool has_unknown_link(struct exam *exam)
{
    for (size_t i = 0; exam->facts.of[FACT_LINK] && i < exam->facts.count; i++) {
        const struct fact *fact = &exam->facts.list[i];
        if (fact->kind == FACT_LINK && !host_allowed(exam, fact_host(exam->arena, fact->text)) &&
            !link_known(exam, fact->text) && !domain_of_address_known(exam, fact->text))
            return true;
    }
    return false;
}

static bool text_known(const struct facts *known, const struct fact *fact)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->list[i].kind == fact->kind && text_same(known->list[i].text, fact->text))
            return true;
    return false;
}

bool has_unknown_email(struct exam *exam)
{
    for (size_t i = 0; exam->facts.of[FACT_EMAIL] && i < exam->facts.count; i++) {
        const struct fact *fact = &exam->facts.list[i];
        if (fact->kind == FACT_EMAIL && !host_allowed(exam, strchr(fact->text, '@') + 1) &&
            !text_known(exam_known(exam), fact))
            return true;
    }
    return false;
}

/* -- numbers */

/* With and without the country's code: the last eight digits are the same. */
static bool same_phone(const char *a, const char *b)
{
    size_t left = strlen(a), right = strlen(b);
    if (text_same(a, b))
        return true;
    return left >= PHONE_DIGITS_SAME && right >= PHONE_DIGITS_SAME &&
           memcmp(a + left - PHONE_DIGITS_SAME, b + right - PHONE_DIGITS_SAME, PHONE_DIGITS_SAME) == 0;
}

static bool phone_known(const struct facts *known, const struct fact *fact)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct fact *there = &known->list[i];
        if (there->kind == FACT_LONG && same_phone(there->text, fact->text))
            return true;
        if (there->kind >= FACT_MONEY && there->value == strtod(fact->text, NULL))
            return true;
    }
    return false;
}

bool has_unknown_phone(struct exam *exam)
{
    for (size_t i = 0; exam->facts.of[FACT_LONG] && i < exam->facts.count; i++)
        if (exam->facts.list[i].kind == FACT_LONG && !phone_known(exam_known(exam), &exam->facts.list[i]))
            return true;
    return false;
}

static bool same_amount(double a, double b)
{
    return fabs(a - b) < 0.005;
}

static bool value_known(const struct facts *known, double value)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct fact *there = &known->list[i];
        bool number = there->kind >= FACT_MONEY || there->kind == FACT_LONG;
        if (number && same_amount(there->kind == FACT_LONG ? strtod(there->text, NULL) : there->value, value))
            return true;
    }
    return false;
}

/* So many times a known price, where the customer named the number. */
static bool times_known(struct exam *exam, double value)
{
    const struct facts *customers = exam_customers(exam);
    for (size_t i = 0; i < customers->count; i++) {
        double times = customers->list[i].value;
        if (customers->list[i].kind == FACT_NUMBER && times >= 2 && times <= TIMES_MAX &&
            value_known(exam_known(exam), value / times))
            return true;
    }
    return false;
}

/* The sum of known prices that the text names itself: of two, or of all before it. */
static bool adds_up(const double *told, size_t count, double value)
{
    double all = 0;
    for (size_t i = 0; i < count; i++) {
        all += told[i];
        for (size_t k = 0; k < i; k++)
            if (same_amount(told[i] + told[k], value))
                return true;
    }
    return count > 1 && same_amount(all, value);
}

bool has_unknown_price(struct exam *exam)
{
    if (!exam->facts.of[FACT_MONEY])
        return false;
    double *told = ARENA_ARRAY(exam->arena, double, exam->facts.count);
    size_t count = 0;
    for (size_t i = 0; i < exam->facts.count; i++) {
        const struct fact *fact = &exam->facts.list[i];
        if (fact->kind != FACT_MONEY)
            continue;
        if (!value_known(exam_known(exam), fact->value) && !times_known(exam, fact->value) &&
            !adds_up(told, count, fact->value))
            return true;
        if (count < TIMES_MAX)
            told[count++] = fact->value;
    }
    return false;
}

/* "100 %" is a manner of speaking. */
bool has_unknown_percentage(struct exam *exam)
{
    for (size_t i = 0; exam->facts.of[FACT_PERCENT] && i < exam->facts.count; i++) {
        const struct fact *fact = &exam->facts.list[i];
        if (fact->kind == FACT_PERCENT && fact->value != 100 && fact->value != 0 &&
            !value_known(exam_known(exam), fact->value))
            return true;
    }
    return false;
}
