/*
 * counts - the SQL by which a statement that changes rows also changes the counters, by what it really changed.
 *
 * Used as the last CTEs of a statement: delta must give (company_id, task, queued, processing, completed, failed, dlq,
 * total) rows.
 */
#pragma once

#define COUNT_DELTA                                                                                                                \
    " counted AS ("                                                                                                                \
    "  INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)"                   \
    "  SELECT company_id, task, pg_backend_pid(), sum(queued), sum(processing), sum(completed), sum(failed), sum(dlq), sum(total)" \
    "  FROM delta GROUP BY company_id, task ORDER BY company_id, task"                                                             \
    "  ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued,"                                    \
    "   processing = c.processing + excluded.processing, completed = c.completed + excluded.completed,"                            \
    "   failed = c.failed + excluded.failed, dlq = c.dlq + excluded.dlq, total = c.total + excluded.total)"

/* One row that moved from status a to status b; both are SQL texts. */
#define COUNT_MOVE(a, b)                                                                                               \
    "(" b " = 'queued')::int - (" a " = 'queued')::int AS queued,"                                                     \
    " (" b " = 'processing')::int - (" a " = 'processing')::int AS processing,"                                        \
    " (" b " = 'completed')::int - (" a " = 'completed')::int AS completed,"                                           \
    " (" b " = 'failed')::int - (" a " = 'failed')::int AS failed,"                                                    \
    " (" b " = 'dlq')::int - (" a " = 'dlq')::int AS dlq"
