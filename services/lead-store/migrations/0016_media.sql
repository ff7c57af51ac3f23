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

-- What the provider says of a template; `text` is its body, `components` all of it.
alter table crm.templates
    add column account_group    text,                   -- the provider's id of the business account that it belongs to
    add column provider_id      text,
    add column category         text,
    add column quality          text,
    add column reason           text,
    add column parameter_format text not null default 'positional',
    add column components       jsonb not null default '[]',
    add column synced_at        timestamptz;
create index templates_provider on crm.templates (account_group, provider_id);
create index channel_accounts_group on crm.channel_accounts ((credentials ->> 'waba_id')) where credentials ? 'waba_id';
