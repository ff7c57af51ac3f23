/*
 * company_view - a company as REST shows it.
 */
#pragma once
#include "service/service.h"

/* NULL: there is no such company. */
enum status company_show(struct batch *batch, struct arena *arena, const char *id, Pb__Company **out,
                         struct error *error);
/* Whether the time zone is an IANA one. */
enum status company_zone_known(struct batch *batch, const char *timezone, bool *known, struct error *error);
/* NULL: all within their limits; else what is wrong. Absent ones are well. */
struct company_fields {
    const char *name, *timezone, *locale, *plan;
    const Pb__Json *company_card;
    int32_t buffer_ms, buffer_max_ms;
};
const char *company_fields_wrong(const struct company_fields *fields);
