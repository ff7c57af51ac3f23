#include "safety/find.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    FACTS_FIRST = 16,
    LONG_DIGITS_MIN = 7,
    LONG_DIGITS_MAX = 24,
    NUMBER_BYTES_MAX = 40,
    DECIMALS_MAX = 2,
    LOCAL_BYTES_MAX = 64, /* of an e-mail address, before the @ */
    HOST_BYTES_MAX = 253
};

static const double WHOLE_MAX = 1e10; /* from here on ten digits don't hold it */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Any byte of a character beyond ASCII counts: hosts and names may be written in any script. */
static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static void facts_add(struct arena *arena, struct facts *facts, struct fact fact)
{
    if (facts->count == facts->capacity) {
        struct fact *grown = ARENA_ARRAY(arena, struct fact, facts->capacity ? 2 * facts->capacity : FACTS_FIRST);
        if (facts->count)
            memcpy(grown, facts->list, facts->count * sizeof *grown);
        facts->capacity = facts->capacity ? 2 * facts->capacity : FACTS_FIRST;
        facts->list = grown;
    }
    facts->list[facts->count++] = fact;
    facts->of[fact.kind]++;
}

/* -- links and e-mail addresses */

/* Domains that nobody ends a sentence and begins the next with. */
static const char *const ENDINGS[] = { "com",  "net",    "org",  "io",   "co",   "app",    "dev", "shop",  "store",
                                       "info", "biz",    "xyz",  "site", "link", "online", "ly",  "gl",    "bd",
                                       "ai",   "cloud",  "tech", "blog", "page", "club",   "top", "click", "live",
                                       "pro",  "agency", "edu",  "gov",  "uk",   "de",     "fr",  "eu",    NULL };

static bool ends_domain(const char *text, size_t bytes)
{
    for (const char *const *ending = ENDINGS; *ending; ending++)
        if (strlen(*ending) == bytes && memcmp(*ending, text, bytes) == 0)
            return true;
    return false;
}

static size_t host_bytes(const char *at)
{
    size_t bytes = 0;
    while (bytes < HOST_BYTES_MAX &&
           (is_name(at[bytes]) || (bytes && at[bytes] && strchr(".-_", at[bytes]) && is_name(at[bytes + 1]))))
        bytes++;
    return bytes;
}

/* Up to white space or what encloses a link. */
static size_t path_bytes(const char *at)
{
    size_t bytes = 0;
    if (*at == ':' && is_digit(at[1]))
        for (bytes = 1; is_digit(at[bytes]);)
            bytes++;
    if (!at[bytes] || !strchr("/?#", at[bytes]))
        return bytes;
    while ((unsigned char)at[bytes] > ' ' && !strchr("<>\"'()[]{}|\\^`*", at[bytes]))
        bytes++;
    while (bytes && strchr(".,;:!?/", at[bytes - 1]))
        bytes--;
    return bytes;
}

static bool has_dot(const char *host, size_t bytes)
{
    return memchr(host, '.', bytes) != NULL;
}

/* A host without a scheme: by its ending, or any when a path follows. */
static bool is_bare_host(const char *host, size_t bytes, char next)
{
    const char *dot = NULL;
    for (size_t i = 0; i < bytes; i++)
        if (host[i] == '.')
            dot = host + i;
    if (!dot || dot == host)
        return false;
    size_t ending = (size_t)(host + bytes - dot) - 1;
    bool letters = true;
    for (size_t i = 1; i <= ending; i++)
        letters = letters && dot[i] >= 'a' && dot[i] <= 'z';
    return letters && ending >= 2 && (next == '/' || ends_domain(dot + 1, ending));
}

/* "tel:", "mailto:" and their like are no hosts; what follows is found by itself. */
static size_t scheme_bytes(const char *at)
{
    size_t bytes = 0;
    while ((at[bytes] >= 'a' && at[bytes] <= 'z') || (bytes && strchr("+.-", at[bytes]) && at[bytes]))
        bytes++;
    return bytes >= 2 && text_starts(at + bytes, "://") ? bytes + 3 : 0;
}

static size_t take_link(struct arena *arena, const char *at, struct facts *facts)
{
    size_t scheme = scheme_bytes(at);
    const char *host = at + scheme;
    size_t host_length = host_bytes(host);
    if (!host_length)
        return 0;
    bool www = text_starts(host, "www.");
    if (!scheme && !www && !is_bare_host(host, host_length, host[host_length]))
        return 0;
    if (!scheme && !has_dot(host, host_length))
        return 0;
    size_t path = path_bytes(host + host_length);
    size_t skip = www && host_length > strlen("www.") ? strlen("www.") : 0; /* a host may end with its www */
    facts_add(arena, facts,
              (struct fact){ .kind = FACT_LINK, .text = arena_text_n(arena, host + skip, host_length + path - skip) });
    return scheme + host_length + path;
}

static size_t take_email(struct arena *arena, const char *at, struct facts *facts)
{
    size_t local = 0;
    while (local <= LOCAL_BYTES_MAX && (is_name(at[local]) || (local && at[local] && strchr(".-_+%", at[local]))))
        local++;
    if (!local || at[local] != '@')
        return 0;
    size_t host = host_bytes(at + local + 1);
    if (!has_dot(at + local + 1, host))
        return 0;
    facts_add(arena, facts, (struct fact){ .kind = FACT_EMAIL, .text = arena_text_n(arena, at, local + 1 + host) });
    return local + 1 + host;
}

/* -- numbers */

struct number {
    size_t bytes;
    double value;
};

/* A separator between digits: a thousand's, or the decimal one where one or two digits end the number. */
static size_t separator_bytes(const char *at)
{
    if (*at && strchr(".,' ", *at))
        return 1;
    return text_starts(at, "\xC2\xA0") || text_starts(at, "’") ? strlen(text_starts(at, "’") ? "’" : "\xC2\xA0") : 0;
}

static size_t digits_at(const char *at)
{
    size_t count = 0;
    while (is_digit(at[count]))
        count++;
    return count;
}

/* After two digits, more of them: 1,00,000. */
static bool group_follows(const char *at, size_t digits)
{
    size_t separator = separator_bytes(at);
    return digits == DECIMALS_MAX && separator && *at != ' ' && is_digit(at[separator]);
}

/* 350 1,500.00 1.500,00 1 500 12,5 and the Indian 1,00,000. A space or a comma joins only groups. */
static struct number number_at(const char *at)
{
    char plain[NUMBER_BYTES_MAX + 2];
    struct number number = { .bytes = digits_at(at) };
    size_t count = 0;
    if (!number.bytes || number.bytes > NUMBER_BYTES_MAX)
        return number;
    memcpy(plain, at, number.bytes);
    count = number.bytes;
    for (size_t separator; (separator = separator_bytes(at + number.bytes)) > 0;) {
        const char *group = at + number.bytes + separator;
        size_t digits = digits_at(group);
        bool spaced = at[number.bytes] == ' ' || separator > 1;
        bool last = !spaced && digits && digits <= DECIMALS_MAX && !group_follows(group + digits, digits);
        if ((digits != 3 && digits != 2 && !last) || (spaced && digits != 3) || count + digits > NUMBER_BYTES_MAX)
            break;
        if (last)
            plain[count++] = '.';
        memcpy(plain + count, group, digits);
        count += digits;
        number.bytes += separator + digits;
        if (last)
            break;
    }
    plain[count] = '\0';
    number.value = strtod(plain, NULL);
    return number;
}

static const struct {
    const char *word;
    double times;
} SCALES[] = { { "k", 1e3 },   { "thousand", 1e3 }, { "lakh", 1e5 },    { "lac", 1e5 },   { "million", 1e6 },
               { "m", 1e6 },   { "crore", 1e7 },    { "billion", 1e9 }, { "হাজার", 1e3 }, { "লাখ", 1e5 },
               { "লক্ষ", 1e5 }, { "কোটি", 1e7 },     { "हज़ार", 1e3 },    { "लाख", 1e5 } };

static bool word_here(const char *at, const char *word)
{
    return text_starts(at, word) && !is_name(at[strlen(word)]);
}

static size_t take_scale(const char *at, double *value)
{
    size_t space = *at == ' ';
    for (size_t i = 0; i < sizeof SCALES / sizeof *SCALES; i++)
        if (word_here(at + space, SCALES[i].word) && !(space && strlen(SCALES[i].word) == 1)) { /* "5 m" is a length */
            *value *= SCALES[i].times;
            return space + strlen(SCALES[i].word);
        }
    return 0;
}

static const char *const SIGNS[] = { "$", "€", "£", "¥", "₹", "৳", "₽", "₩", "₦", "₺", "₫", "₱", "฿", "₴", NULL };
static const char *const CURRENCIES[] = {
    "usd",    "eur",   "gbp",  "bdt",  "inr",   "pkr",  "aed",    "sar",    "jpy",  "cny", "chf",     "cad",   "aud",
    "nzd",    "sgd",   "hkd",  "brl",  "mxn",   "zar",  "ngn",    "kes",    "try",  "rub", "sek",     "nok",   "dkk",
    "pln",    "tk",    "taka", "rs",   "rupee", "euro", "rupees", "dollar", "cent", "yen", "dollars", "euros", "pound",
    "pounds", "cents", "yuan", "টাকা", "টাকায়", "রুপি",  "रुपये",    "रुपए",    "руб",  "kr",  NULL
};

static size_t sign_at(const char *at)
{
    if (*at != '$' && (unsigned char)*at < 0x80) /* no other sign is ASCII: nearly every character ends here */
        return 0;
    for (const char *const *sign = SIGNS; *sign; sign++)
        if (text_starts(at, *sign))
            return strlen(*sign);
    return 0;
}

/* A currency's sign or word; its bytes. */
static size_t currency_at(const char *at)
{
    size_t sign = sign_at(at);
    if (sign)
        return sign;
    for (const char *const *word = CURRENCIES; *word; word++)
        if (word_here(at, *word))
            return strlen(*word);
    return 0;
}

static size_t percent_at(const char *at)
{
    if (*at == '%')
        return 1;
    return word_here(at, "percent") ? strlen("percent") : word_here(at, "শতাংশ") ? strlen("শতাংশ") : 0;
}

static bool is_year(const char *at)
{
    return text_starts(at, "19") || text_starts(at, "20");
}

/* 2024-2026, 2026-11-20, 20.11.2026, 20/11/2026: a date is no phone number. */
static size_t date_bytes(const char *at)
{
    size_t first = digits_at(at);
    char mark = at[first];
    if (first == 4 && mark && strchr("-/ ", mark) && digits_at(at + 5) == 4 && is_year(at) && is_year(at + 5))
        return 9;
    if ((first != 4 && first > 2) || !mark || !strchr("-./", mark))
        return 0;
    size_t second = digits_at(at + first + 1);
    if (!second || second > 2 || at[first + 1 + second] != mark)
        return 0;
    size_t third = digits_at(at + first + second + 2);
    bool whole = (first == 4 && third && third <= 2) || (first <= 2 && (third == 4 || third == 2));
    return whole ? first + second + third + 2 : 0;
}

/* As phones are written: digits with at most two marks between them; opening hours are too, but have only pairs. */
static size_t take_long(struct arena *arena, const char *at, struct facts *facts)
{
    char digits[LONG_DIGITS_MAX + 1];
    size_t count = 0, bytes = 0, run = 0, longest = 0, plus = *at == '+';
    for (size_t i = plus, marks = 0; at[i] && count < LONG_DIGITS_MAX; i++) {
        if (is_digit(at[i])) {
            digits[count++] = at[i];
            bytes = i + 1;
            marks = 0;
            longest = ++run > longest ? run : longest;
        } else if (!strchr(" -.()/", at[i]) || ++marks > 2 || text_starts(at + i, ". ")) {
            break;
        } else {
            run = 0;
        }
    }
    digits[count] = '\0';
    bool phone = plus || longest >= 4 || (digits[0] == '0' && count >= LONG_DIGITS_MIN + 2);
    if (count < LONG_DIGITS_MIN || !phone)
        return 0;
    facts_add(arena, facts, (struct fact){ .kind = FACT_LONG, .text = arena_text(arena, digits) });
    return bytes;
}

static size_t add_number(struct arena *arena, struct facts *facts, enum fact_kind kind, double value, size_t bytes)
{
    bool whole = value < WHOLE_MAX && floor(value) >= value; /* most are, and are written quicker */
    const char *text = whole ? text_format(arena, "%lld", (long long)value) : text_format(arena, "%.10g", value);
    facts_add(arena, facts, (struct fact){ .kind = kind, .text = text, .value = value });
    return bytes;
}

/* The digits stand at `at`; what stood before them may have been a currency. */
static size_t take_number(struct arena *arena, const char *at, bool money, struct facts *facts)
{
    struct number number = number_at(at);
    size_t bytes = number.bytes;
    double value = number.value;
    bytes += take_scale(at + bytes, &value);
    size_t space = at[bytes] == ' ' || text_starts(at + bytes, "/-");
    size_t percent = percent_at(at + bytes + space);
    size_t currency = currency_at(at + bytes + space);
    if (money || currency)
        return add_number(arena, facts, FACT_MONEY, value, currency && !money ? bytes + space + currency : bytes);
    if (percent)
        return add_number(arena, facts, FACT_PERCENT, value, bytes + space + percent);
    size_t date = date_bytes(at);
    if (date)
        return date;
    size_t taken = take_long(arena, at, facts);
    return taken ? taken : add_number(arena, facts, FACT_NUMBER, value, bytes ? bytes : 1);
}

/* Whether a number follows this word or sign: of few words the currencies need to be gone through. */
static bool number_follows(const char *at)
{
    at += *at == '$';
    while (is_name(*at) && !is_digit(*at))
        at++;
    at += *at == '.';
    at += *at == ' ';
    return is_digit(*at);
}

/* A currency before its number: $350, Tk. 350. */
static size_t take_money(struct arena *arena, const char *at, struct facts *facts)
{
    size_t currency = number_follows(at) ? currency_at(at) : 0;
    if (!currency)
        return 0;
    currency += at[currency] == '.'; /* Tk. 350 */
    size_t space = at[currency] == ' ';
    if (!is_digit(at[currency + space]))
        return 0;
    return currency + space + take_number(arena, at + currency + space, true, facts);
}

/* -- all of them */

static size_t take(struct arena *arena, const char *at, bool begins, struct facts *facts)
{
    size_t bytes = 0;
    if (begins && is_name(*at))
        bytes = take_email(arena, at, facts);
    if (!bytes && begins && is_name(*at))
        bytes = take_link(arena, at, facts);
    if (!bytes && (begins || sign_at(at))) /* US$350 */
        bytes = take_money(arena, at, facts);
    if (!bytes && *at == '+' && is_digit(at[1]))
        bytes = take_long(arena, at, facts);
    if (!bytes && is_digit(*at))
        bytes = take_number(arena, at, false, facts);
    return bytes;
}

void facts_find(struct arena *arena, const char *folded, struct facts *out)
{
    bool begins = true; /* a word could begin here */
    for (const char *at = folded; *at;) {
        size_t bytes = take(arena, at, begins, out);
        begins = bytes > 0 || !is_name(*at);
        at += bytes ? bytes : 1;
    }
}

char *fact_host(struct arena *arena, const char *link)
{
    return arena_text_n(arena, link, strcspn(link, ":/?#"));
}

bool host_within(const char *host, const char *domain)
{
    size_t below = strlen(host), above = strlen(domain);
    return text_same(host, domain) || (below > above && host[below - above - 1] == '.' && text_ends(host, domain));
}
