-- What a company has written down: documents are cut into chunks, and chunks are what is found.

-- One row per company that has material or has said how it is to be used.
create table crm.kb_companies (
    company_id   uuid primary key references crm.companies,
    embedding    text not null default 'local:1',      -- "<provider>:<model>"
    when_missing text not null default 'say' check (when_missing in ('say', 'hand_over')),
    languages    regconfig[] not null default '{}',    -- of chunks that were ever found
    chunk_count  bigint not null default 0,            -- of those that are found
    created_at   timestamptz not null,
    updated_at   timestamptz not null
);

drop index crm.ai_kb_docs_search;
alter table crm.ai_kb_docs
    drop column search,
    drop column embedding,
    add column format text not null default 'text' check (format in ('text', 'markdown', 'html', 'csv')),
    add column locale text not null default 'en',      -- ISO 639-1; `language` is what PostgreSQL makes of it
    add column state text not null default 'indexing' check (state in ('indexing', 'ready', 'failed')),
    add column error text,
    add column chunk_count integer not null default 0,
    add column version bigint not null default 1,
    add column revision bigint not null default 1,     -- moves with each reason to index it anew
    add column indexing_since timestamptz,             -- while it is 'indexing': the sweep sees to those that take long
    add column indexed_at timestamptz;
update crm.ai_kb_docs set indexing_since = updated_at;
insert into crm.kb_companies (company_id, created_at, updated_at) select company_id, min(created_at), max(updated_at) from crm.ai_kb_docs group by company_id;
drop index crm.ai_kb_docs_company;
create index ai_kb_docs_page on crm.ai_kb_docs (company_id, created_at desc, id desc);
create index ai_kb_docs_indexing on crm.ai_kb_docs (indexing_since, id) where state = 'indexing';

-- A chunk never changes: its id follows from what it says. What is no longer found is kept for the answers that were given from it.
-- A row is read whole for its rank: it stays in its page.
create table crm.ai_kb_chunks (
    id          uuid primary key,
    company_id  uuid not null,
    document_id uuid not null,                         -- which may be gone
    position    integer not null default 0,
    title       text not null,
    heading     text not null,
    text        text not null,
    language    regconfig not null,
    embedding   text not null,
    search      tsvector not null,                     -- with '#<company>' as a word, so that the index knows whose it is
    live        boolean not null default false,
    retired_at  timestamptz,
    created_at  timestamptz not null,
    updated_at  timestamptz not null
) with (toast_tuple_target = 8160);
create index ai_kb_chunks_document on crm.ai_kb_chunks (document_id, position);
create index ai_kb_chunks_search on crm.ai_kb_chunks using gin (search) where live;
create index ai_kb_chunks_retired on crm.ai_kb_chunks (retired_at) where retired_at is not null;

-- Narrow, for all of a company's are looked at where no index finds near ones. sketch: the signs of the vector. Never updated, for an index of near
-- vectors is slow to write: of chunks that are not found yet, too; of those that are found no longer they are deleted.
create table crm.ai_kb_vectors (
    chunk_id   uuid primary key references crm.ai_kb_chunks on delete cascade,
    company_id uuid not null,
    embedding  text not null,
    sketch     bit(512) not null,
    vector     bytea not null                          -- 512 signed bytes
) with (toast_tuple_target = 8160);
create index ai_kb_vectors_company on crm.ai_kb_vectors (company_id, embedding) include (chunk_id, sketch);

-- In how many chunks a word is: rare words say more.
create table crm.ai_kb_terms (
    company_id uuid not null,
    term       text not null,
    chunks     integer not null,
    primary key (company_id, term)
);

-- What an answer was given from: [{"chunk_id","document_id","score"}].
alter table crm.turns add column sources jsonb;
alter type crm.turn_committed_row add attribute sources jsonb;
