#include "quiet.h"

#include "base/text.h"
#include "core/column.h"

/*
 * The opening is today's at the person's place, or tomorrow's once it has passed. A span over midnight (18:00 to 02:00)
 * is open outside of to .. from. A local time that does not exist (clocks go forward) becomes the moment after the gap.
 */
static const struct statement quiet_find = {
    .name = "quiet_find",
    .sql =
        "select v.place, z.zone, "
        "  case when case when v.f <= v.t then l.clock >= v.f and l.clock < v.t else l.clock >= v.f or l.clock < v.t end then null "
        "       when l.clock < v.f then (l.day + v.f) at time zone z.zone "
        "       else (l.day + 1 + v.f) at time zone z.zone end as until "
        "from unnest($1::text[], $2::time[], $3::time[]) with ordinality as v(zone, f, t, place) "
        "cross join lateral (select crm.known_zone(v.zone) as zone) z "
        "cross join lateral (select ($4::timestamptz at time zone z.zone)::time as clock, ($4::timestamptz at time zone z.zone)::date as day) l "
        "order by v.place",
};

enum status quiet_read(struct batch *batch, struct quiet_task *tasks, size_t count, struct error *error)
{
    if (!count)
        return OK;
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, tasks[i].zone);
    COLUMN_TEXTS(params, count, i, tasks[i].from);
    COLUMN_TEXTS(params, count, i, tasks[i].to);
    params_moment(params, batch->now);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &quiet_find, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        tasks[row].zone_used = rows_text(&rows, row, 1);
        tasks[row].until = rows_moment(&rows, row, 2);
    }
    return OK;
}
