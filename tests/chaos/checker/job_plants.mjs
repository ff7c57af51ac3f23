// One violation of each rule about jobs, on the scheduler's tables; beside jobs.mjs the only place that knows their shape. at.dead: two dead letters.
const first = at => `'${at.dead[0]}'`
const counted = ['counters equal rows'] // a state changed by hand is not counted

/** As if a worker had it. */
const start = (ids, deadline, lane_1 = 'lane_1', lane_2 = 'lane_2') => `with w as (delete from jobs.waiting where id in (${ids}) returning *)
  insert into jobs.processing (id, company_id, task, priority, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch, dispatched_at, deadline_at, created_at)
  select id, company_id, task, priority, run_at, place_at, ${lane_1}, ${lane_2}, attempts, attempts_max, dispatch, now(), ${deadline}, created_at from w`

export const jobPlants = [
  { rule: 'a job is in one state', sql: at => `delete from jobs.completed where job_id = '${at.job}'` },
  { rule: 'an open job is a job', also: ['a lane that is named exists'], sql: at => `update jobs.waiting set company_id = '${at.otherCompany}' where id = ${first(at)}` },
  { rule: 'a job waits or is with a worker', also: ['counters equal rows'], sql: at => `insert into jobs.processing (id, company_id, task, priority, run_at, place_at, attempts_max, dispatched_at, deadline_at, created_at)
      select id, company_id, task, priority, run_at, place_at, attempts_max, now(), now() + interval '1 hour', created_at from jobs.waiting where id = ${first(at)}` },
  { rule: 'a completed job is a job', sql: at => `insert into jobs.completed (job_id, company_id, attempts, finished_at) values (gen_random_uuid(), '${at.otherCompany}', 0, now())` },
  { rule: 'counters equal rows', sql: () => `update jobs.counts set queued = queued + 1 where ctid = (select ctid from jobs.counts limit 1)` },
  { rule: 'no more jobs are with workers than are allowed for', sql: () => `update jobs.tasks set busy_max = -1 where name = 'ai.engage'` },
  { rule: 'a job ends once', sql: at => `insert into jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome)
      select job_id, dispatch + 1, attempt, started_at, finished_at, outcome from jobs.runs where job_id = '${at.job}'` },
  { rule: 'a run belongs to a job', sql: () => `insert into jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome) values (gen_random_uuid(), 1, 1, now(), now(), 'retry')` },
  { rule: 'attempts stay within their limit', sql: at => `update jobs.waiting set attempts = 14 where id = ${first(at)}` },
  { rule: 'a run comes back or is given up', also: counted, sql: at => start(first(at), `now() - interval '1 hour'`) },
  { rule: 'a lane never holds more than its limit', also: counted, sql: at => start(at.dead.map(id => `'${id}'`), `now() + interval '1 hour'`,
    '(select id from jobs.lanes where in_flight_max = 1 and company_id = w.company_id order by id limit 1)', 'null') },
  { rule: 'a lane that is named exists', sql: at => `update jobs.waiting set lane_1 = 999999 where id = ${first(at)}` },
  { rule: 'a lane moves', also: counted, sql: at => `with l as (update jobs.lanes set next_at = now() - interval '1 hour', wake_at = null where company_id = (select company_id from jobs.unfinished where id = ${first(at)}) returning id)
      update jobs.waiting set status = 'queued', stage = 1, lane_1 = (select min(id) from l), lane_2 = null, run_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' where id = ${first(at)}` },
]
