/*
 * docs - /docs: Swagger UI from a folder of assets, read once at start; without them a page that links the document.
 */
#pragma once
#include "exchange.h"

void docs_open(const char *folder); /* "": found beside the binary */
void docs_close(void);
void docs_page(struct exchange *exchange);
void docs_asset(struct exchange *exchange); /* {id} names it */
