// What the checker knows of the scheduler's tables, all of it here: one relation `job` with every job, `run` with every run that ended, and the rules about them.
import { rule, sql } from './rule.mjs'

/** Views of the checker's own session: the other rules read jobs through them. */
export const JOB_VIEWS = `
  create temp view job as
    select j.id, j.company_id, j.task_name as task, j.idempotency_key as key, j.task_params as params, c.finished_at, j.created_at, j.attempts_max,
           coalesce(u.status, 'completed') as status, coalesce(u.attempts, c.attempts) as attempts, u.id is not null as unfinished, coalesce(u.dispatch, c.dispatch) as dispatch, u.deadline_at,
           u.updated_at, j.task_params ->> 'message_id' as message_id
    from jobs.jobs j left join jobs.unfinished u on u.id = j.id left join jobs.completed c on c.job_id = j.id;
  create temp view run as select job_id, dispatch, attempt, started_at, finished_at, outcome from jobs.runs`

/** A job that ran and completed. */
export const SOME_COMPLETED_JOB = `select job_id from jobs.runs where outcome = 'completed' limit 1`

/** Jobs that are neither over nor dead, and events of jobs that the stream does not have yet: 0 when everything is drained. */
export const JOBS_UNDER_WAY = `select (select count(*) from jobs.unfinished where status <> 'dlq') + (select count(*) from jobs.events) as count`

const LATE_MS = 30000 // a worker that died is noticed by then

export const jobRules = [
  rule('a job is in one state', 'architecture, scheduler', sql(`
    select id, task, key, finished_at is not null as finished, unfinished from job where (finished_at is not null) = unfinished`,
    row => `job ${row.id} (${row.task}, ${row.key}) is ${row.finished ? 'finished and open at once' : 'neither finished nor open'}`)),

  rule('an open job is a job', 'architecture, scheduler', sql(`
    select u.id, u.task from jobs.unfinished u where not exists (select from jobs.jobs j where j.id = u.id and j.company_id = u.company_id and j.task_name = u.task)`,
    row => `open job ${row.id} (${row.task}) has no row in jobs of its company and task`)),

  rule('a job waits or is with a worker', 'architecture, scheduler', sql(`
    select w.id, w.task from jobs.waiting w join jobs.processing p on p.id = w.id`,
    row => `job ${row.id} (${row.task}) waits and is with a worker at once`)),

  rule('a completed job is a job', 'architecture, scheduler', sql(`
    select c.job_id from jobs.completed c where not exists (select from jobs.jobs j where j.id = c.job_id and j.company_id = c.company_id)`,
    row => `job ${row.job_id} is completed and has no row in jobs of its company`)),

  rule('counters equal rows', 'architecture, scheduler', sql(`
    with counted as (select company_id, task, sum(queued) queued, sum(processing) processing, sum(failed) failed, sum(dlq) dlq, sum(completed) completed, sum(total) total
                     from jobs.counts group by 1, 2),
         rows as (select company_id, task, count(*) filter (where status = 'queued') queued, count(*) filter (where status = 'processing') processing,
                         count(*) filter (where status = 'failed') failed, count(*) filter (where status = 'dlq') dlq,
                         count(*) filter (where status = 'completed') completed, count(*) total from job group by 1, 2)
    select company_id, task, to_json(c) as counted, to_json(r) as rows from counted c full join rows r using (company_id, task)
    where (c.queued, c.processing, c.failed, c.dlq) is distinct from (r.queued, r.processing, r.failed, r.dlq)
       or c.completed < r.completed or c.total < r.total or c.total - c.completed is distinct from r.total - r.completed`, // completed ones outlive their rows
    row => `${row.task} of company ${row.company_id}: counters say ${JSON.stringify(row.counted)}, rows ${JSON.stringify(row.rows)}`)),

  rule('no more jobs are with workers than are allowed for', 'architecture, scheduler', sql(`
    select t.name, t.busy_max, p.jobs from jobs.tasks t cross join lateral (select count(*) as jobs from jobs.processing where task = t.name) p where p.jobs > t.busy_max`,
    row => `${row.jobs} jobs of ${row.name} are with workers, ${row.busy_max} are allowed for`)),

  rule('a job ends once', 'architecture, scheduler', sql(`
    select r.job_id, j.task, count(*) filter (where outcome in ('completed', 'coalesced')) as ends, j.status
    from run r join job j on j.id = r.job_id group by 1, 2, 4
    having count(*) filter (where outcome = 'completed') > 1 or (j.status = 'completed' and count(*) filter (where outcome in ('completed', 'coalesced')) = 0)
        or (j.status <> 'completed' and count(*) filter (where outcome = 'completed') > 0)`,
    row => `job ${row.job_id} (${row.task}) is ${row.status} and ended ${row.ends} times`)),

  rule('a run belongs to a job', 'architecture, scheduler', sql(`
    select r.job_id, r.dispatch from run r where not exists (select from job j where j.id = r.job_id)`,
    row => `run ${row.dispatch} of job ${row.job_id}: there is no such job`)),

  rule('attempts stay within their limit', 'architecture, scheduler', sql(`
    select id, task, attempts, attempts_max from job where attempts > attempts_max`,
    row => `job ${row.id} (${row.task}) counts ${row.attempts} attempts of ${row.attempts_max}`)),

  rule('a run comes back or is given up', 'architecture, scheduler', sql(`
    select id, task, deadline_at from job where status = 'processing' and deadline_at < $1::timestamptz - interval '${LATE_MS} ms'`,
    row => `job ${row.id} (${row.task}) is processing though its time was over at ${row.deadline_at.toISOString()}`, world => [world.now])),

  rule('a lane never holds more than its limit', 'architecture, scheduler', sql(`
    select l.id::text, l.name, l.in_flight_max, count(*) as held from jobs.lanes l join jobs.unfinished u on l.id in (u.lane_1, u.lane_2) and u.status = 'processing'
    where l.in_flight_max > 0 group by 1, 2, 3 having count(*) > l.in_flight_max`,
    row => `lane ${row.id} has ${row.held} jobs in flight, ${row.in_flight_max} are allowed`)),

  rule('a lane that is named exists', 'architecture, scheduler', sql(`
    select u.id, lane::text from jobs.unfinished u, unnest(array[u.lane_1, u.lane_2]) as lane where lane is not null and not exists
      (select from jobs.lanes l where l.id = lane and l.company_id = u.company_id)`,
    row => `job ${row.id} stands in lane ${row.lane}, which its company does not have`)),

  rule('a lane moves', 'architecture, scheduler', sql(`
    select l.id::text, min(u.id::text) as job, count(*) as waiting from jobs.lanes l join jobs.unfinished u on l.id in (u.lane_1, u.lane_2)
    where u.stage in (1, 2) and l.next_at < $1::timestamptz - interval '${LATE_MS} ms' and (l.wake_at is null or l.wake_at < $1::timestamptz - interval '${LATE_MS} ms')
      and u.updated_at < $1::timestamptz - interval '${LATE_MS} ms'
      and not exists (select from jobs.unfinished o where l.id in (o.lane_1, o.lane_2) and (o.stage in (3, 4) or o.run_at > $1::timestamptz - interval '${LATE_MS} ms'))
    group by 1`,
    row => `lane ${row.id}: ${row.waiting} jobs wait (${row.job}, ...), nothing is in flight and nobody will look`, world => [world.now])),
]
