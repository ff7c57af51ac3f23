-- Files that people send and are sent, and what a provider says of templates.

-- A file that is kept. Its content stands under company and sha256 in the folder or bucket, once however many rows name it. An inbound message's file has the
-- message's id; what became of its fetching stands in messages.media_info -> 'file' as well, so that nobody needs this row to show it.
create table crm.media (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    message_id uuid,                                    -- null: uploaded
    kind       text not null check (kind in ('image', 'audio', 'video', 'document', 'sticker')),
    mime_type  text not null,
    filename   text,
    bytes      bigint not null check (bytes > 0),
    sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index media_content on crm.media (company_id, sha256);   -- whether anybody else still names a content
