/*
 * Database sessions of the routes. Each thread has one of its own, and all share one that whoever finds it free takes
 * first: a system with little to do works in that one session, whose plans and caches stay warm, instead of waking a
 * cold one for each step; under load the others are used as well.
 */
#include "service/process.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct db *common; /* set before the threads start */

void session_open(void)
{
    common = process_db("common");
}

void session_close(void)
{
    db_close(common);
    common = NULL;
}

struct db *session_take(struct db *own)
{
    return own && pthread_mutex_trylock(&lock) == 0 ? common : own;
}

void session_give(struct db *db)
{
    if (db && db == common)
        pthread_mutex_unlock(&lock);
}
