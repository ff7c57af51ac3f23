/*
 * template - a provider's word that a template changed, told to the store at once.
 */
#pragma once
#include "service/service.h"

/* Sets the item's answer. */
void template_changed(struct item *item, const Pb__RawInbound *raw);
