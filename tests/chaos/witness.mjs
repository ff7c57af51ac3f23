// A witness inside PostgreSQL, of the test's own making: a trigger sees each message as it passes the gate and as its status changes, with what is committed at
// that moment, and writes down what must never be. It knows nothing of the services' code, only the columns that docs/turn.md and docs/gate.md promise.
import assert from 'node:assert/strict'

const SQL = `
create schema witness;
create table witness.wrong (what text not null, message_id uuid not null, was text not null, became text not null, at timestamptz not null default clock_timestamp());

create function witness.tell(what text, old crm.messages, new crm.messages) returns void language sql as $$
    insert into witness.wrong (what, message_id, was, became) values (what, new.id, old.status, new.status)
$$;

create function witness.looks() returns trigger language plpgsql as $$
declare
    place crm.conversations;
    asked crm.turns;
begin
    if old.status in ('sent', 'delivered', 'read') and array_position(array['sent', 'delivered', 'read'], new.status) is distinct from
            greatest(array_position(array['sent', 'delivered', 'read'], old.status), array_position(array['sent', 'delivered', 'read'], new.status)) and
            new.status <> 'failed' then
        perform witness.tell('a status went back', old, new);
    end if;
    if new.status <> 'sending' then
        return null;
    end if;
    if old.status <> 'queued' then
        perform witness.tell('authorised, and was not waiting', old, new);
    end if;
    if new.cause <> 'notice' and exists (select from crm.leads where id = new.lead_id and opted_out_at > new.created_at) then
        perform witness.tell('authorised after the opt-out', old, new);
    end if;
    if new.sender_type <> 'ai' then
        return null;
    end if;
    select * into place from crm.conversations where id = new.conversation_id;
    select * into asked from crm.turns where id = new.turn_id;
    if place.owner = 'human' and not asked.handed_over or place.epoch <> new.epoch then
        perform witness.tell('authorised after a takeover', old, new);
    end if;
    if asked.message_id is distinct from new.id or asked.state <> 'committed' then
        perform witness.tell('authorised, and answers no committed turn', old, new);
    end if;
    if clock_timestamp() < asked.answer_by and not asked.handed_over and exists (select from crm.messages m where m.conversation_id = asked.conversation_id and m.direction = 'inbound'
            and m.wants_answer and m.turn_id is null and m.position > asked.covered_position and m.position > place.covered_position) then
        perform witness.tell('authorised over a newer owed message', old, new);
    end if;
    return null;
end $$;

create trigger looks after update of status on crm.messages for each row when (old.status is distinct from new.status and new.direction = 'outbound')
    execute function witness.looks();
`

/** Looks on from now. */
export const watch = parley => parley.postgres.rows(SQL)

/** Nothing was seen that must never be. */
export async function sawNothing(parley) {
  assert.deepEqual(await parley.postgres.rows('select * from witness.wrong order by at'), [])
}
