#include "finish.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "capacity.h"
#include "close.h"
#include "enqueue.h"
#include "lane.h"

enum { OVERDUE_MAX = 200 };

/* Rows in the order of their ids: whoever finishes several waits for others in the same order. */
static const struct statement hold_sql = {
    "finish_hold",
    "SELECT id, company_id, task, attempts, attempts_max, dispatch, lane_1, lane_2 FROM jobs.unfinished"
    " WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
};

static const struct statement stages_sql = {
    "finish_stages",
    "SELECT id, stage FROM jobs.unfinished WHERE id = ANY ($1::uuid[]) AND stage = 4",
};

static const struct statement others_sql = {
    "finish_others",
    "SELECT o.n FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS o (company_id, key, n)"
    " JOIN jobs.jobs AS j ON j.company_id = o.company_id AND j.idempotency_key = o.key"
    " JOIN jobs.unfinished AS u ON u.id = j.id WHERE u.status <> 'dlq'",
};
