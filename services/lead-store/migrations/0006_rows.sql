-- Rows as the service hands them over: one parameter for a whole batch (shared/net/db_record.h). Members in the order in which they are given.

create type crm.message_row as (id uuid, company_id uuid, conversation_id uuid, lead_id uuid, channel_account_id uuid, channel text, position bigint, direction text,
    sender_type text, sender_id text, kind text, external_id text, message_text text, media_info jsonb, extra_metadata jsonb, reply_to text, correlation_id text,
    provider_ts timestamptz, job_id uuid, turn_id uuid, wants_answer boolean, status text, cause text, epoch bigint, priority integer);
create type crm.event_row as (id uuid, company_id uuid, type text, entity_type text, entity_id uuid, lead_id uuid, payload json, actor text, correlation_id text,
    occurred_at timestamptz);
create type crm.conversation_row as (id uuid, owner text, epoch bigint, last_position bigint, covered_position bigint, owed_position bigint, owed_since timestamptz,
    buffer_until timestamptz, window_ends_at timestamptz, contact_id uuid, phone text, name text, last_message_id uuid, company_id uuid, lead_id uuid,
    channel_account_id uuid, channel text);
create type crm.contact_row as (id uuid, company_id uuid, lead_id uuid, channel_account_id uuid, channel text, kind text, value text, address text);
create type crm.turn_opened_row as (id uuid, company_id uuid, conversation_id uuid, lead_id uuid, job_id uuid, claim text, epoch bigint, opened_position bigint,
    after_position bigint, answer_by timestamptz);
create type crm.turn_committed_row as (id uuid, covered_position bigint, message_id uuid, prompt json, provider text, model text, prompt_version integer,
    prompt_tokens integer, completion_tokens integer, latency_ms integer, safety_checks jsonb, document_ids uuid[], reply_elsewhere boolean);
create type crm.coverage_row as (conversation_id uuid, after_position bigint, covered_position bigint, turn_id uuid);
create type crm.message_status_row as (id uuid, status text, claim text, go_until timestamptz, external_id text, error_class text, error_code text, error text,
    sent_at timestamptz);
create type crm.conversation_state_row as (id uuid, last_position bigint, covered_position bigint, owner text, epoch bigint, last_message_id uuid, assignee text,
    owed_from timestamptz);
create type crm.verdict_row as (company_id uuid, message_id uuid, verdict text, reason text, saw json);
