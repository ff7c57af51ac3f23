// All that a system keeps, so that a test can say that nothing was changed.

/** Every row of both schemas (but for what ticks by itself), and what the streams have taken: two that are equal say that nothing happened in between. */
export async function picture(parley) {
  const tables = await parley.postgres.rows(`select table_schema || '.' || table_name as name from information_schema.tables
    where table_schema in ('crm', 'jobs') and table_type = 'BASE TABLE' and table_name not in ('relay', 'leases', 'migrations', 'tasks', 'workers', 'windows', 'counts') order by 1`)
  const rows = {}
  for (const { name } of tables) {
    const row = name === 'crm.api_keys' ? "(to_jsonb(t) - 'last_used_at')::text" : 't::text' // good requests use their keys
    rows[name] = await parley.postgres.value(`select count(*) || ' ' || coalesce(md5(string_agg(${row}, '|' order by ${row})), '') from ${name} t`)
  }
  const jsz = await (await fetch(`http://127.0.0.1:${parley.nats.monitorPort}/jsz?streams=true`)).json()
  for (const { name, state } of jsz.account_details[0].stream_detail) rows[name] = state.last_seq
  return rows
}
