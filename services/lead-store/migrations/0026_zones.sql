-- The day that a model's tokens count for. A zone that the machine has forgotten (a newer one keeps the old names apart) is UTC, as for quiet hours:
-- every turn's commit asks for the day, and none may fail for it.
create or replace function crm.ai_day(at timestamptz, zone text) returns date language plpgsql immutable as $$
begin
    return (at at time zone zone)::date;
exception when invalid_parameter_value then
    return (at at time zone 'UTC')::date;
end $$;
