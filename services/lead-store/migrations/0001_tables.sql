-- Customers, conversations, messages, and what the AI knows. Times come as parameters from the service's clock; ids are made by the service.
--
-- Rows that change with every message (conversations, leads, messages) leave room on their page and keep indexes off what changes, so that updates stay
-- on the page (HOT). Unique constraints carry idempotency; checks carry the enums.

create table crm.companies (
    id                uuid primary key,
    name              text not null check (name <> ''),
    timezone          text not null default 'UTC',
    locale            text not null default 'en',
    plan              text not null default 'free',
    company_card      jsonb not null default '{}',
    buffer_ms         integer check (buffer_ms between 0 and 60000),          -- null: the installation's
    buffer_max_ms     integer check (buffer_max_ms between 0 and 600000),     -- null: the installation's
    quiet_from        time not null default '08:00',                          -- proactive messages leave from ...
    quiet_to          time not null default '22:00',                          -- ... to, in the recipient's zone
    bumpup_after_days integer not null default 3 check (bumpup_after_days between 1 and 365),
    opt_out_words     text[] not null default '{}',                           -- beside the built-in ones
    budgets           jsonb not null default '{}',
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);

create table crm.users (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    email      text not null,
    phone      text,
    name       text,
    role       text not null check (role in ('admin', 'supervisor', 'agent', 'customer', 'worker')),
    consent    jsonb not null default '{}',
    locale     text,
    timezone   text,
    active     boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (company_id, email)
);

create table crm.pipelines (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    name       text not null,
    is_default boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index pipelines_default on crm.pipelines (company_id) where is_default;

create table crm.stages (
    id                  uuid primary key,
    company_id          uuid not null references crm.companies,
    pipeline_id         uuid not null references crm.pipelines,
    name                text not null,
    position            integer not null,
    ai_config           jsonb not null default '{}',   -- stage AI policy
    allowed_transitions uuid[],                        -- null: all
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    unique (pipeline_id, position),
    unique (pipeline_id, name)
);

-- A number or address through which a company writes. account = '' is the company's own place on a channel on which it has no real account: what comes in is kept,
-- nothing leaves.
create table crm.channel_accounts (
    id              uuid primary key,
    company_id      uuid not null references crm.companies,
    channel         text not null check (channel in ('whatsapp_cloud', 'whatsapp_web', 'email', 'sms', 'push', 'in_app')),
    account         text not null,                     -- provider's name: phone_number_id, mailbox
    address         text,                              -- as people see it
    credentials     jsonb,
    webhook_secrets text[] not null default '{}',      -- newest first; all are accepted
    verify_token    text,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create unique index channel_accounts_account on crm.channel_accounts (channel, account) where account <> '';
create unique index channel_accounts_own on crm.channel_accounts (company_id, channel) where account = '';
create index channel_accounts_company on crm.channel_accounts (company_id, channel);

-- A person. What the gate asks about the person (opt-out, frequency) is on this row, because a person has several contacts.
create table crm.leads (
    id                uuid primary key,
    company_id        uuid not null references crm.companies,
    pipeline_id       uuid not null references crm.pipelines,
    stage_id          uuid not null references crm.stages,
    user_id           uuid references crm.users,
    phone_number      text,                            -- E.164; an attribute, never the identity
    contact_name      text not null default '',
    attributes        jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    priority          integer not null default 0,
    preferred_channel text check (preferred_channel in ('whatsapp_cloud', 'whatsapp_web', 'email', 'sms', 'push', 'in_app')),
    timezone          text,
    consent           jsonb not null default '{}',
    opted_out_at      timestamptz,                     -- marketing suppression; null: none
    proactive_at      timestamptz,                     -- last message that the business started: the one frequency counter
    proactive_message_id uuid,                         -- which message that was: its own retries pass
    merged_into       uuid references crm.leads,       -- two keys turned out to be one person
    version           bigint not null default 1,
    created_at        timestamptz not null,
    updated_at        timestamptz not null
) with (fillfactor = 80);
create index leads_company on crm.leads (company_id, created_at desc, id desc);
create index leads_phone on crm.leads (company_id, phone_number);

-- One row per key under which a provider knows a person.
create table crm.lead_contacts (
    id                 uuid primary key,
    company_id         uuid not null references crm.companies,
    lead_id            uuid not null references crm.leads,
    channel_account_id uuid not null references crm.channel_accounts,
    channel            text not null,
    kind               text not null check (kind in ('phone', 'bsuid', 'email', 'device', 'user')),
    value              text not null,                  -- phone: E.164; others exact
    address            text not null,                  -- the provider's own spelling
    timezone           text,
    unreachable_at     timestamptz,                    -- the provider said so (131026)
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    unique (channel_account_id, kind, value)
);
create index lead_contacts_lead on crm.lead_contacts (lead_id);
create index lead_contacts_value on crm.lead_contacts (company_id, value);

create table crm.conversations (
    id                 uuid primary key,
    company_id         uuid not null references crm.companies,
    lead_id            uuid not null references crm.leads,
    channel_account_id uuid not null references crm.channel_accounts,
    channel            text not null,
    contact_id         uuid references crm.lead_contacts,   -- where an answer goes
    phone              text,
    name               text,
    state              text not null default 'open' check (state in ('open', 'closed')),
    owner              text not null default 'ai' check (owner in ('ai', 'human')),
    human_intervention_required boolean generated always as (owner = 'human') stored,
    epoch              bigint not null default 0,      -- moves with each change of owner
    assignee           text,
    window_ends_at     timestamptz,                    -- customer service window, by the provider's clock
    last_position      bigint not null default 0,      -- newest message of either side
    last_message_id    uuid,
    covered_position   bigint not null default 0,      -- every inbound up to here was answered, by a turn or a person
    owed_position      bigint not null default 0,      -- newest inbound that wants an answer
    owed_since         timestamptz,                    -- arrival of the oldest uncovered one; null: nothing is owed
    buffer_until       timestamptz,                    -- quiet window of the burst
    escalated_at       timestamptz,                    -- flagged for a person
    created_at         timestamptz not null,
    updated_at         timestamptz not null
) with (fillfactor = 70);
create unique index conversations_open on crm.conversations (lead_id, channel_account_id) where state = 'open';
create index conversations_owed on crm.conversations (owed_since) where owed_since is not null and owner = 'ai' and state = 'open';

create table crm.messages (
    id                 uuid primary key,
    company_id         uuid not null,
    conversation_id    uuid not null references crm.conversations,
    lead_id            uuid not null,
    channel_account_id uuid not null,
    channel            text not null,
    position           bigint not null,                -- order in the conversation
    direction          text not null check (direction in ('inbound', 'outbound')),
    sender_type        text not null check (sender_type in ('customer', 'ai', 'operator', 'system')),
    sender_id          text,
    kind               text not null default 'text',
    external_id        text check (octet_length(external_id) <= 255),
    message_text       text,
    has_text           boolean generated always as (message_text is not null and message_text <> '') stored,
    media_info         jsonb,
    template_id        uuid,
    extra_metadata     jsonb,
    reply_to           text,                           -- provider's id of the quoted message
    correlation_id     text,
    provider_ts        timestamptz,
    job_id             uuid,                           -- inbound: its ai.engage job; outbound: its send
    turn_id            uuid,                           -- inbound: the turn that covers it; outbound: the turn it came from
    wants_answer       boolean not null default false,
    status             text not null check (status in ('received', 'queued', 'sending', 'unknown', 'sent', 'failed', 'delivered',
                                                       'read', 'held', 'withdrawn', 'cancelled')),
    -- outbound only
    cause              text check (cause in ('reply', 'operator', 'notice', 'proactive')),
    epoch              bigint,                         -- of the conversation when it was written; the AI's may leave only under the same
    priority           integer,
    claim              text,                           -- who holds the go
    go_until           timestamptz,
    error_class        text,
    error_code         text,
    error              text,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    unique (conversation_id, position),
    check ((direction = 'inbound') = (status = 'received'))
) with (fillfactor = 80);
create unique index messages_external on crm.messages (channel_account_id, external_id) where external_id is not null;
create index messages_lead on crm.messages (lead_id, created_at desc, id desc);
create index messages_leaving on crm.messages (status, updated_at, id) where status in ('queued', 'sending', 'unknown');

-- What every AI-made message carries beside its row in messages (same id).
create table crm.ai_messages (
    id                uuid primary key references crm.messages,
    company_id        uuid not null,
    user_id           uuid,
    worker_id         uuid,
    role              text not null default 'customer' check (role in ('customer', 'worker')),
    agent_type        text not null default 'engage' check (agent_type in ('engage', 'smartengage', 'coachnova')),
    channel           text not null,
    message_type      text not null default 'reply' check (message_type in ('reminder', 'coaching', 'burnout_check', 'upsell', 'reply',
                                                                            'bumpup', 'sequence')),
    locale            text,
    sent_at           timestamptz,
    user_response     text check (user_response in ('clicked', 'replied', 'ignored', 'booked', 'acknowledged')),
    template_id       uuid,
    correlation_id    text,
    provider          text,
    model             text,
    prompt_version    integer,
    safety_checks     jsonb,
    prompt_tokens     integer,
    completion_tokens integer,
    deep_link         text,
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);
create index ai_messages_correlation on crm.ai_messages (correlation_id);

-- The AI's one answer to all that was owed; one row per ai.engage job that got that far.
create table crm.turns (
    id               uuid primary key,
    company_id       uuid not null,
    conversation_id  uuid not null references crm.conversations,
    lead_id          uuid not null,
    job_id           uuid not null unique,
    claim            text not null,                    -- the newest handling; only it may commit
    state            text not null check (state in ('open', 'committed', 'superseded')),
    epoch            bigint not null,
    opened_position  bigint not null,                  -- newest owed inbound that it saw
    after_position   bigint not null,                  -- what was covered already when it opened: it answers what comes after
    answer_by        timestamptz,                      -- end of the maximum wait: until then a newer inbound takes the turn back
    covered_position bigint,
    message_id       uuid,                             -- the reply
    prompt           jsonb,                            -- whole, so that the conversation can be replayed
    provider         text,
    model            text,
    prompt_version   integer,
    prompt_tokens    integer,
    completion_tokens integer,
    latency_ms       integer,
    safety_checks    jsonb,
    document_ids     uuid[],
    opened_at        timestamptz not null,
    committed_at     timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
) with (fillfactor = 80);
create index turns_conversation on crm.turns (conversation_id, opened_position);

-- What the gate said, each time, with what it saw. Append-only.
create table crm.send_verdicts (
    id         bigint generated always as identity primary key,
    company_id uuid not null,
    message_id uuid not null,
    verdict    text not null check (verdict in ('go', 'defer', 'refuse', 'busy', 'done')),
    reason     text,
    saw        jsonb not null default '{}',
    created_at timestamptz not null
);
create index send_verdicts_message on crm.send_verdicts (message_id, id);

-- Receipts that came before the message they speak of was known; matched by the sweep, forgotten after 7 days.
create table crm.parked_receipts (
    id          uuid primary key,
    channel     text not null,
    account     text not null,
    external_id text not null,
    receipt     bytea not null,                        -- parley.v1.Receipt
    created_at  timestamptz not null
);
create index parked_receipts_external on crm.parked_receipts (external_id);
create index parked_receipts_age on crm.parked_receipts (created_at);

-- The event log and outbox. A relay publishes in (xid, n) order what no running transaction can still get in front of. Append-only.
create table crm.events (
    id             uuid primary key,
    xid            xid8 not null default pg_current_xact_id(),
    n              bigint generated always as identity,
    company_id     uuid not null,
    type           text not null,
    entity_type    text not null,
    entity_id      uuid not null,
    lead_id        uuid,
    payload        jsonb not null default '{}',
    actor          text,
    correlation_id text,
    occurred_at    timestamptz not null,
    admitted_at    timestamptz not null,
    created_at     timestamptz generated always as (admitted_at) stored
);
create index events_relay on crm.events (xid, n);
create index events_lead on crm.events (lead_id, n desc);
create index events_entity on crm.events (entity_id, n desc) where lead_id is distinct from entity_id;

create table crm.relay (
    name         text primary key,
    xid          xid8 not null,                        -- published up to here, inclusive
    n            bigint not null,
    holder       text,
    leased_until timestamptz
);

create table crm.api_keys (
    id                  text primary key,              -- public part, 8 characters
    company_id          uuid not null references crm.companies,
    name                text not null default '',
    scopes              text[] not null,
    every_company       boolean not null default false,
    secret_hash         text not null,                 -- SHA-256 of the whole key, hex
    requests_per_minute integer not null default 0,
    expires_at          timestamptz,
    revoked_at          timestamptz,
    created_at          timestamptz not null,
    updated_at          timestamptz not null
);

create table crm.templates (
    id            uuid primary key,
    company_id    uuid not null references crm.companies,
    channel       text not null,
    name          text not null,
    language      text not null default 'en',
    subject       text,
    external_name text,
    text          text not null,
    placeholders  text[] not null default '{}',
    state         text not null default 'draft' check (state in ('draft', 'pending', 'approved', 'rejected', 'paused', 'disabled')),
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    unique (company_id, channel, name, language)
);

create table crm.sequences (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    name       text not null,
    channel    text not null,
    active     boolean not null default true,
    goal       text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table crm.sequence_steps (
    id              uuid primary key,
    company_id      uuid not null references crm.companies,
    sequence_id     uuid not null references crm.sequences,
    position        integer not null,
    timing_policy   text not null check (timing_policy in ('immediate', 'delayed', 'scheduled')),
    action          text not null check (action in ('send', 'wait', 'end')),
    ai              boolean not null default false,
    stop_conditions text[] not null default '{reply}'
                    check (stop_conditions <@ array['reply', 'stage_change', 'opt_out', 'takeover']),
    entry_condition jsonb,
    delay_ms        bigint,
    at              timestamptz,
    template_id     uuid references crm.templates,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique (sequence_id, position)
);

create table crm.ai_models (
    id             uuid primary key,
    company_id     uuid not null references crm.companies,
    stage_id       uuid references crm.stages,         -- null: the whole company
    position       integer not null default 0,         -- fallback order
    provider       text not null check (provider in ('openai', 'anthropic', 'gemini', 'local')),
    model          text not null,
    temperature    double precision not null default 0.7 check (temperature between 0 and 2),
    max_tokens     integer not null default 500 check (max_tokens between 1 and 100000),
    system_prompt  text not null default '',
    prompt_version integer not null default 1,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    unique nulls not distinct (company_id, stage_id, position)
);

create table crm.ai_kb_docs (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    title      text not null,
    text       text not null,
    source     text,
    language   regconfig not null default 'simple',
    hash       text not null,                          -- SHA-256 of title and text, hex
    embedding  real[],
    search     tsvector generated always as (setweight(to_tsvector(language, title), 'A') || to_tsvector(language, text)) stored,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (company_id, hash)
);
create index ai_kb_docs_search on crm.ai_kb_docs using gin (search);
create index ai_kb_docs_company on crm.ai_kb_docs (company_id);

create table crm.ai_sessions (
    id               uuid primary key,
    company_id       uuid not null references crm.companies,
    lead_id          uuid not null unique references crm.leads,
    memory           jsonb not null default '{}',
    context          jsonb not null default '{}',
    summary          text,                             -- rolling
    covered_position bigint not null default 0,
    created_at       timestamptz not null,
    updated_at       timestamptz not null
);

create table crm.report_caches (
    id          uuid primary key,
    company_id  uuid not null references crm.companies,
    name        text not null,
    period      text not null default '',
    data        jsonb not null default '{}',
    computed_at timestamptz not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    unique (company_id, name, period)
);

-- The zone if PostgreSQL knows it, else UTC; NULL is UTC. pg_timezone_names would read every zone's file each time.
create function crm.known_zone(zone text) returns text language plpgsql stable as $$
begin
    perform timestamptz 'epoch' at time zone zone;
    return coalesce(zone, 'UTC');
exception when invalid_parameter_value then
    return 'UTC';
end $$;
