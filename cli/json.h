/* json.h: what --json prints, by cJSON. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <cjson/cJSON.h>

#include "ir/ir.h"

/* Prints the object on standard output and frees it. */
void json_print(cJSON *);
/* null where JSON has no number: NaN, infinities. */
void json_number(cJSON *object, const char *key, double value);
void json_dims(cJSON *object, const char *key, int rank, const int64_t *dims);

#endif
