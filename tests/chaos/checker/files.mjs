// docs/media.md, docs/knowledge.md: what came as a file is fetched, kept as it came and told; a document that is ready can be found.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rule, sql } from './rule.mjs'

const media = 'docs/media.md', knowledge = 'docs/knowledge.md'

/** How a file that is kept differs from what its content is; undefined: in nothing. */
function wrong(folder, { company_id, sha256, bytes }) {
  const path = join(folder, company_id, sha256.slice(0, 2), sha256)
  if (!existsSync(path)) return 'is not in the folder of files'
  const content = readFileSync(path)
  if (content.length !== Number(bytes)) return `has ${content.length} bytes in the folder of files, not ${bytes}`
  return createHash('sha256').update(content).digest('hex') === sha256 ? undefined : 'is another one in the folder of files'
}

export const fileRules = [
  rule('a file that came is fetched, given up or has a job', media, sql(`
    select m.id, m.kind from crm.messages m where m.direction = 'inbound' and m.channel = 'whatsapp_cloud' and m.media_info ->> 'id' <> '' and m.media_info -> 'file' is null
      and m.kind in ('image', 'audio', 'video', 'document', 'sticker') and m.created_at < $1::timestamptz - interval '20 s'
      and not exists (select from job j where j.message_id = m.id::text and j.task = 'media.fetch' and j.status <> 'completed')`,
    row => `the ${row.kind} of message ${row.id} was neither fetched nor given up; it has no live job and none in the dead letters`, world => [world.later])),

  rule('what a message says of its file is so', media, sql(`
    select coalesce(m.id, f.message_id) as id, f.id as file, m.media_info #>> '{file,state}' as state
    from (select * from crm.messages where media_info #>> '{file,state}' = 'stored') m
      full join (select * from crm.media where message_id is not null) f on f.message_id = m.id
    where m.id is null or f.id is null or f.id <> m.id or f.company_id <> m.company_id or m.direction <> 'inbound'
      or (f.sha256, f.bytes::text, f.mime_type) is distinct from (m.media_info #>> '{file,sha256}', m.media_info #>> '{file,bytes}', m.media_info #>> '{file,mime_type}')`,
    row => `message ${row.id} ${row.state ? `has a file that is ${row.state}` : 'has no stored file'}, the files have ${row.file ? `${row.file}, which is another` : 'none of it'}`)),

  rule('a file is kept as it came', media, async world => !world.filesFolder ? []
    : (await world.rows('select id, company_id, sha256, bytes from crm.media')).flatMap(file => {
      const what = wrong(world.filesFolder, file)
      return what ? [`file ${file.id} (${file.sha256}) ${what}`] : []
    })),

  rule('what became of a file is told', media, sql(`
    select m.id, m.media_info #>> '{file,state}' as state from crm.messages m where m.media_info #>> '{file,state}' in ('stored', 'failed')
      and not exists (select from crm.events e where e.lead_id = m.lead_id and e.type = 'message.media_' || (m.media_info #>> '{file,state}') and e.payload ->> 'message_id' = m.id::text)`,
    row => `the file of message ${row.id} is ${row.state} and no event says so`)),

  rule('a document is ready, failed or has a job', knowledge, sql(`
    select d.id from crm.ai_kb_docs d where d.state = 'indexing' and d.indexing_since < $1::timestamptz - interval '20 s'
      and not exists (select from job j where j.task = 'kb.index' and j.params ->> 'document_id' = d.id::text and j.status <> 'completed')`,
    row => `document ${row.id} is being indexed, and no job does it`, world => [world.later])),

  rule('a document that is ready can be found', knowledge, sql(`
    select d.id, d.chunk_count, count(c.id)::integer as found, count(v.chunk_id)::integer as near from crm.ai_kb_docs d
      left join crm.ai_kb_chunks c on c.document_id = d.id and c.live and c.company_id = d.company_id left join crm.ai_kb_vectors v on v.chunk_id = c.id and v.company_id = d.company_id
    where d.state = 'ready' group by d.id having count(c.id) <> d.chunk_count or count(v.chunk_id) <> d.chunk_count`,
    row => `document ${row.id} is ready with ${row.chunk_count} chunks; ${row.found} of them are found by their words, ${row.near} by what they mean`)),
]
