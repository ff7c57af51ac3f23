#include "base/moment.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const moment THAWED = INT64_MIN;
/* The first and the last moment that four digits of a year can write. */
static const moment WRITTEN_MIN = -62167219200000;
static const moment WRITTEN_MAX = 253402300799999;

static _Atomic moment frozen_at = INT64_MIN;

moment moment_now(void)
{
    moment at = atomic_load_explicit(&frozen_at, memory_order_relaxed);
    if (at != THAWED)
        return at;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (moment)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t moment_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void moment_freeze(moment at)
{
    assert(at != THAWED);
    atomic_store(&frozen_at, at);
}

void moment_thaw(void)
{
    atomic_store(&frozen_at, THAWED);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the leap day ends one
 * (Hinnant, chrono). */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* Writes number with leading zeros; the caller's buffer has room for digits. */
static void put_number(char *to, int number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
}

char *moment_text(moment at, char out[MOMENT_BYTES])
{
    at = at < WRITTEN_MIN ? WRITTEN_MIN : at > WRITTEN_MAX ? WRITTEN_MAX : at;
    int64_t days = at / DAY_MS - (at % DAY_MS < 0);
    int ms = (int)(at - days * DAY_MS);
    int year, month, day;
    date_of(days, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00.000Z", MOMENT_BYTES);
    put_number(out, year, 4);
    put_number(out + 5, month, 2);
    put_number(out + 8, day, 2);
    put_number(out + 11, ms / HOUR_MS, 2);
    put_number(out + 14, ms / MINUTE_MS % 60, 2);
    put_number(out + 17, ms / SECOND_MS % 60, 2);
    put_number(out + 20, ms % SECOND_MS, 3);
    return out;
}

/* Takes exactly so many digits and the character after them ('\0': none is taken). */
static bool take_number(const char **at, int digits, char after, int max, int *out)
{
    int number = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        number = number * 10 + (**at - '0');
    }
    if (after && *(*at)++ != after)
        return false;
    *out = number;
    return number <= max;
}

static int days_of_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **at, int64_t *days)
{
    int year, month, day;
    if (!take_number(at, 4, '-', 9999, &year) || !take_number(at, 2, '-', 12, &month) ||
        !take_number(at, 2, '\0', 31, &day))
        return false;
    if (month == 0 || day == 0 || day > days_of_month(year, month))
        return false;
    *days = days_of(year, month, day);
    return true;
}

/* 0 to 9 digits after a dot; what is finer than a ms is cut. */
static bool take_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.')
        return true;
    int digits = 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, digits++)
        if (digits < 3)
            *ms = *ms * 10 + (**at - '0');
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= 9;
}

static bool take_offset(const char **at, int *offset_ms)
{
    *offset_ms = 0;
    char sign = *(*at)++;
    if (sign == 'Z' || sign == 'z')
        return true;
    int hours, minutes;
    if ((sign != '+' && sign != '-') || !take_number(at, 2, ':', 23, &hours) || !take_number(at, 2, '\0', 59, &minutes))
        return false;
    *offset_ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (sign == '-' ? -1 : 1);
    return true;
}

static bool take_moment(const char *at, moment *out)
{
    int64_t days;
    int hour, minute, second, ms, offset_ms;
    if (!take_date(&at, &days))
        return false;
    char between = *at++;
    if (between != 'T' && between != 't' && between != ' ')
        return false;
    if (!take_number(&at, 2, ':', 23, &hour) || !take_number(&at, 2, ':', 59, &minute) ||
        !take_number(&at, 2, '\0', 60, &second))
        return false;
    if (!take_fraction(&at, &ms) || !take_offset(&at, &offset_ms) || *at)
        return false;
    moment whole = days * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS - offset_ms;
    if (second == 60 && whole % DAY_MS != 0)
        return false; /* a leap second ends a day of UTC; it counts as the first second of the next one */
    *out = whole + ms;
    return *out >= WRITTEN_MIN && *out <= WRITTEN_MAX;
}

enum status moment_from_text(const char *text, moment *out, struct error *error)
{
    moment at;
    if (!text || !take_moment(text, &at))
        return error_code(error, REJECT, "invalid_time", "a time must look like 2026-11-20T09:38:00Z (RFC 3339)");
    *out = at;
    return OK;
}
