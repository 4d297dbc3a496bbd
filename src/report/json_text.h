/*
 * json_text.h: bytes that may be no UTF-8 (paths, test ids, output) as JSON.
 */
#ifndef COMB_REPORT_JSON_TEXT_H
#define COMB_REPORT_JSON_TEXT_H

#include <jansson.h>

/* A string; bytes that are no UTF-8 come as \xNN, as on the terminal. NULL text: null. NULL when out of memory. */
json_t *json_text(const char *text);
#endif
