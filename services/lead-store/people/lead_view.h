/*
 * lead_view - a lead as REST shows it: the columns of every statement that answers with one.
 */
#pragma once

/* Of crm.leads l. */
#define LEAD_VIEW                                                                                                                               \
    "select l.id, l.company_id, l.pipeline_id, l.stage_id, (select s.name from crm.stages s where s.id = l.stage_id) as stage, "                \
    "       l.phone_number, l.contact_name, l.attributes, l.consent, l.priority, l.preferred_channel, exists (select from crm.conversations c " \
    "           where c.lead_id = l.id and c.state = 'open' and c.owner = 'human') as human_intervention_required, "                            \
    "       l.opted_out_at is not null as opted_out, l.version, l.created_at, l.updated_at "
