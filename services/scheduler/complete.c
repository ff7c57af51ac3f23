#include "complete.h"

#include <stdlib.h>

#include "base/text.h"

static const struct statement complete_sql = {
    "complete",
    "SELECT * FROM jobs.complete($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
};

/* Raised by jobs.complete for what it does not do. */
static const char STEPWISE[] = "PS001";

static void add_runs(struct change *change, struct params *params, struct completion *const *list, size_t count)
{
    const char **ids = ARENA_ARRAY(change->arena, const char *, count),
               **results = ARENA_ARRAY(change->arena, const char *, count);
    int64_t *dispatches = ARENA_ARRAY(change->arena, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = list[i]->job_id;
        dispatches[i] = list[i]->dispatch;
        results[i] = list[i]->result;
    }
    params_uuids(params, ids, count);
    params_integers(params, dispatches, count);
    params_words(params, results, count);
}

/* Their children, and whose each is, as the statement numbers them. */
static struct spec **gather_children(struct change *change, struct completion *const *list, size_t count,
                                     int64_t **parents, size_t *child_count)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++)
        room += list[i]->child_count;
    struct spec **children = ARENA_ARRAY(change->arena, struct spec *, room + 1);
    *parents = ARENA_ARRAY(change->arena, int64_t, room + 1);
    *child_count = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i]->child_count; k++) {
            (*parents)[*child_count] = (int64_t)i + 1;
            children[(*child_count)++] = list[i]->children[k];
        }
    return children;
}

static const struct params *complete_params(struct change *change, struct adding *adding,
                                            struct completion *const *list, size_t count)
{
    int64_t *parents;
    size_t child_count;
    struct spec **children = gather_children(change, list, count, &parents, &child_count);
    struct params *params = params_new(change->arena);
    adding_jobs(change, adding, children, child_count, params);
    add_runs(change, params, list, count);
    params_integers(params, parents, child_count);
    adding_tasks(change, adding, false, params);
    return params;
}

enum status complete_all(struct batch *batch, struct completion *const *list, size_t count, bool *stepwise,
                         struct error *error)
{
    struct change change;
    struct adding adding;
    struct rows rows;
    change_start(batch, &change);
    const struct params *params = complete_params(&change, &adding, list, count);
    enum status status = db_run(change.db, change.arena, &complete_sql, params, &rows, error);
    *stepwise = status != OK && text_same(db_sqlstate(change.db), STEPWISE);
    if (status != OK)
        return status;
    adding_take(&change, &adding, &rows);
    const char *const *held;
    size_t held_count = adding_held(&change, &rows, &held);
    for (size_t i = 0; i < held_count; i++)
        list[strtol(held[i], NULL, 10) - 1]->held = true;
    change_publish(&change);
    return OK;
}
