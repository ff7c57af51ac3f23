#include "graph_limits.h"

#include "graph_errors.h"
#include "moment.h"

#include <assert.h>
#include <stdio.h>

enum { KEY_ROOM = 320, WINDOW_S = 24 * 60 * 60 };

/* How many tokens are missing at `at_us`; all zero: none, ever. */
struct bucket {
    double missing;
    int64_t at_us;
};

static_assert(sizeof(struct bucket) <= TABLE_VALUE_BYTES, "a bucket fits a table's value");

struct rate {
    double burst;
    double per_second;
};

static const struct rate pair_rate = { .burst = 45, .per_second = 1.0 / 6 };
static const struct rate number_rate = { .burst = 80, .per_second = 80 };

static void refill(struct bucket *bucket, const struct rate *rate, int64_t now_us)
{
    double refilled = (double)(now_us - bucket->at_us) / 1e6 * rate->per_second;
    bucket->missing = bucket->missing > refilled ? bucket->missing - refilled : 0;
    bucket->at_us = now_us;
}

static bool has_token(const struct bucket *bucket, const struct rate *rate)
{
    return bucket->missing + 1 <= rate->burst;
}

static void write_key(char key[KEY_ROOM], const char *phone_id, const char *user)
{
    snprintf(key, KEY_ROOM, "%s/%s", phone_id, user);
}

int graph_limits_take(struct graph_limits *limits, const char *phone_id, const char *recipient)
{
    char key[KEY_ROOM];
    write_key(key, phone_id, recipient);
    struct bucket *pair = table_put(&limits->pairs, key);
    struct bucket *number = table_put(&limits->numbers, phone_id);
    int64_t now_us = moment_steady_us();
    refill(pair, &pair_rate, now_us);
    refill(number, &number_rate, now_us);
    if (!has_token(number, &number_rate))
        return GRAPH_RATE_LIMIT;
    if (!has_token(pair, &pair_rate))
        return GRAPH_PAIR_LIMIT;
    number->missing += 1;
    pair->missing += 1;
    return 0;
}

void graph_limits_open_window(struct graph_limits *limits, const char *phone_id, const char *user, int64_t at_s)
{
    char key[KEY_ROOM];
    write_key(key, phone_id, user);
    int64_t *last_s = table_put(&limits->windows, key);
    *last_s = at_s > *last_s ? at_s : *last_s;
}

void graph_limits_close_window(struct graph_limits *limits, const char *phone_id, const char *user)
{
    char key[KEY_ROOM];
    write_key(key, phone_id, user);
    *(int64_t *)table_put(&limits->windows, key) = 0;
}

bool graph_limits_window_is_open(const struct graph_limits *limits, const char *phone_id, const char *user,
                                 int64_t now_s)
{
    char key[KEY_ROOM];
    write_key(key, phone_id, user);
    const int64_t *last_s = table_get(&limits->windows, key);
    return last_s != NULL && now_s < *last_s + WINDOW_S;
}

void graph_limits_reset(struct graph_limits *limits)
{
    table_clear(&limits->pairs);
    table_clear(&limits->numbers);
    table_clear(&limits->windows);
}
