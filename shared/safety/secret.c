/* What nobody may be told, whoever wrote it down: keys, tokens, numbers of cards. Looked for in the text as it is, for
 * keys know upper and lower case. */
#include <string.h>

#include "base/text.h"
#include "safety/inside.h"

enum { KEY_BYTES_MIN = 16, RANDOM_BYTES_MIN = 32, CARD_DIGITS_MIN = 13, CARD_DIGITS_MAX = 19 };

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_key(char c)
{
    return is_upper(c) || is_lower(c) || is_digit(c) || c == '_' || c == '-';
}

/* How the keys of those begin that our users have. */
static const char *const BEGINNINGS[] = { "sk-",    "sk_live_", "sk_test_",    "pk_live_", "rk_live_", "AKIA",  "ASIA",
                                          "AIza",   "ghp_",     "github_pat_", "glpat-",   "xoxb-",    "xoxp-", "EAA",
                                          "whsec_", "eyJ",      "SG.",         "npm_",     NULL };

static bool begins_key(const char *at, size_t bytes)
{
    for (const char *const *beginning = BEGINNINGS; bytes >= KEY_BYTES_MIN && *beginning; beginning++)
        if (text_starts(at, *beginning))
            return true;
    return false;
}

/* Long, and of all three kinds, changing from one to the next all the time: nobody's word. */
static bool is_random(const char *at, size_t bytes)
{
    size_t upper = 0, lower = 0, digits = 0, changes = 0;
    for (size_t i = 0; i < bytes; i++) {
        upper += is_upper(at[i]);
        lower += is_lower(at[i]);
        digits += is_digit(at[i]);
        changes += i && (is_digit(at[i]) != is_digit(at[i - 1]) || is_upper(at[i]) != is_upper(at[i - 1]));
    }
    return bytes >= RANDOM_BYTES_MIN && upper >= 3 && lower >= 3 && digits >= 3 && changes * 5 >= bytes;
}

/* A page's address may look random; whether it is known is another check's question. */
static bool within_link(const char *text, const char *at)
{
    while (at > text && (unsigned char)at[-1] > ' ')
        at--;
    return text_starts(at, "http://") || text_starts(at, "https://");
}

bool has_key(struct exam *exam)
{
    if (strstr(exam->text, "PRIVATE KEY-----"))
        return true;
    for (const char *at = exam->text; *at;) {
        size_t bytes = 0;
        while (is_key(at[bytes]) || (bytes && at[bytes] == '.' && is_key(at[bytes + 1])))
            bytes++;
        if (begins_key(at, bytes) || (is_random(at, bytes) && !within_link(exam->text, at)))
            return true;
        at += bytes ? bytes : 1;
    }
    return false;
}

static bool is_luhn(const char *digits, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digits[count - 1 - i] - '0';
        if (i % 2)
            digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* In groups of three to six, or whole. The first digit of a card is 2 to 6. */
bool has_card_number(struct exam *exam)
{
    char digits[CARD_DIGITS_MAX + 1];
    for (const char *at = exam->folded; *at; at++) {
        if (*at < '2' || *at > '6' || (at > exam->folded && is_digit(at[-1])))
            continue;
        size_t count = 0, i = 0;
        for (; count <= CARD_DIGITS_MAX && (is_digit(at[i]) || ((at[i] == ' ' || at[i] == '-') && is_digit(at[i + 1])));
             i++)
            if (is_digit(at[i]) && count < sizeof digits)
                digits[count++] = at[i];
        if (count >= CARD_DIGITS_MIN && count <= CARD_DIGITS_MAX && is_luhn(digits, count))
            return true;
    }
    return false;
}
