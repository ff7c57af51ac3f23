#include "capacity.h"

#include <pthread.h>
#include <string.h>

#include "base/text.h"

struct worker_word {
    char task[CAPACITY_NAME_BYTES_MAX], worker_id[CAPACITY_NAME_BYTES_MAX];
    int64_t jobs;
    moment heard_at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker_word words[CAPACITY_WORKERS_MAX];
static size_t word_count;

static bool fresh(const struct worker_word *word, moment now)
{
    return now - word->heard_at <= CAPACITY_AGE_MS_MAX;
}

/* The worker's own row, else a stale one, else a new one; NULL when all are taken. */
static struct worker_word *row_for(const char *task, const char *worker_id, moment now)
{
    struct worker_word *stale = NULL;
    for (size_t i = 0; i < word_count; i++) {
        if (strcmp(words[i].worker_id, worker_id) == 0 && strcmp(words[i].task, task) == 0)
            return &words[i];
        if (!stale && !fresh(&words[i], now))
            stale = &words[i];
    }
    if (!stale && word_count < CAPACITY_WORKERS_MAX)
        stale = &words[word_count++];
    return stale;
}

static void write_row(struct worker_word *row, const char *task, const char *worker_id)
{
    *row = (struct worker_word){ 0 };
    memcpy(row->task, task, strlen(task));
    memcpy(row->worker_id, worker_id, strlen(worker_id));
}

static bool hear_locked(const char *task, const char *worker_id, int64_t jobs, moment now)
{
    struct worker_word *row = row_for(task, worker_id, now);
    if (!row)
        return false;
    bool known = strcmp(row->worker_id, worker_id) == 0 && strcmp(row->task, task) == 0 && fresh(row, now);
    bool more = jobs > (known ? row->jobs : 0);
    if (!known)
        write_row(row, task, worker_id);
    row->jobs = jobs;
    row->heard_at = now;
    return more;
}

bool capacity_hear(const char *task, const char *worker_id, int64_t jobs, moment now)
{
    if (text_empty(task) || text_empty(worker_id) || strlen(task) >= CAPACITY_NAME_BYTES_MAX ||
        strlen(worker_id) >= CAPACITY_NAME_BYTES_MAX)
        return false;
    if (jobs < 0 || jobs > CAPACITY_JOBS_MAX)
        return false;
    pthread_mutex_lock(&lock);
    bool more = hear_locked(task, worker_id, jobs, now);
    pthread_mutex_unlock(&lock);
    return more;
}

int64_t capacity_of(const char *task, moment now)
{
    int64_t jobs = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < word_count; i++)
        if (fresh(&words[i], now) && strcmp(words[i].task, task) == 0)
            jobs += words[i].jobs;
    pthread_mutex_unlock(&lock);
    return jobs;
}

void capacity_forget(void)
{
    pthread_mutex_lock(&lock);
    memset(words, 0, sizeof words);
    word_count = 0;
    pthread_mutex_unlock(&lock);
}
