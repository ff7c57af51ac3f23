// One violation of each rule about jobs, on the scheduler's tables; beside jobs.mjs the only place that knows their shape. at.dead: two dead letters.
const first = at => `'${at.dead[0]}'`
const counted = ['counters equal rows'] // a state changed by hand is not counted

export const jobPlants = [
  { rule: 'a job is in one state', sql: at => `update jobs.jobs set finished_at = null where id = '${at.job}'` },
  { rule: 'an open job is a job', also: ['a lane that is named exists'], sql: at => `update jobs.unfinished set company_id = '${at.otherCompany}' where id = ${first(at)}` },
  { rule: 'counters equal rows', sql: () => `update jobs.counts set queued = queued + 1 where ctid = (select ctid from jobs.counts limit 1)` },
  { rule: 'a job ends once', sql: at => `insert into jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome)
      select job_id, dispatch + 1, attempt, started_at, finished_at, outcome from jobs.runs where job_id = '${at.job}'` },
  { rule: 'a run belongs to a job', sql: () => `insert into jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome) values (gen_random_uuid(), 1, 1, now(), now(), 'retry')` },
  { rule: 'attempts stay within their limit', sql: at => `update jobs.unfinished set attempts = 14 where id = ${first(at)}` },
  { rule: 'a run comes back or is given up', also: counted, sql: at => `update jobs.unfinished set status = 'processing', stage = 4, deadline_at = now() - interval '1 hour' where id = ${first(at)}` },
  { rule: 'a lane never holds more than its limit', also: counted, sql: at => `update jobs.unfinished set status = 'processing', stage = 4, deadline_at = now() + interval '1 hour', lane_2 = null,
      lane_1 = (select id from jobs.lanes where in_flight_max = 1 and company_id = unfinished.company_id order by id limit 1) where id in (${at.dead.map(id => `'${id}'`)})` },
  { rule: 'a lane that is named exists', sql: at => `update jobs.unfinished set lane_1 = 999999 where id = ${first(at)}` },
  { rule: 'a lane moves', also: counted, sql: at => `with l as (update jobs.lanes set next_at = now() - interval '1 hour', wake_at = null where company_id = (select company_id from jobs.unfinished where id = ${first(at)}) returning id)
      update jobs.unfinished set status = 'queued', stage = 1, lane_1 = (select min(id) from l), lane_2 = null, run_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' where id = ${first(at)}` },
]
