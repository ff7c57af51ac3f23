/*
 * inbox_view - a conversation as a console shows it: the columns of every statement that answers with one.
 */
#pragma once

enum { UNREAD_MAX = 100 }; /* counted no further */

/* Of crm.conversations c joined with its crm.leads l. An open one's in the words of the indexes conversations_waiting
 * and conversations_person_waits. */
#define PERSON_WAITS  "least(c.escalated_at, case when c.owner = 'human' then c.owed_since end)"
#define WAITING_SINCE "case when c.state = 'open' then " PERSON_WAITS " end"
#define OVERDUE       "case when c.overdue_at >= " WAITING_SINCE " then c.overdue_at end"
#define ESCALATION                                                                                                     \
    "c.escalated_at, case when c.escalated_at is not null then c.escalation_reason end as escalation_reason, "         \
    "case when c.escalated_at is not null then c.escalation_urgency end as escalation_urgency"
#define UNREAD                                                                                                           \
    "(select count(*) from (select from crm.messages u where u.conversation_id = c.id and u.position > c.read_position " \
    "    and u.direction = 'inbound' order by u.position limit 100) as unread_messages)"
#define CONVERSATION_VIEW                                                                                                               \
    "select c.id, c.lead_id, c.channel, c.phone, c.name, c.owner, c.owner = 'human' as human_intervention_required, c.state, c.epoch, " \
    "       c.window_ends_at, c.last_message_id, c.last_position, c.created_at, c.updated_at, l.contact_name, c.assignee, "             \
    "       " WAITING_SINCE " as waiting_since_at, " OVERDUE " as overdue_at, " ESCALATION                                              \
    ", c.read_position, c.epoch + c.revision as version, "                                                                              \
    "       " UNREAD " as unread "
#define CONVERSATION_FROM "from crm.conversations c join crm.leads l on l.id = c.lead_id "
