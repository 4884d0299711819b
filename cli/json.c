/* json.c: what --json prints. */
#include "cli/json.h"

#include <math.h>
#include <stdio.h>

void json_print(cJSON *json)
{
	char *text = cJSON_Print(json);
	if (text) puts(text);
	cJSON_free(text);
	cJSON_Delete(json);
}

void json_number(cJSON *object, const char *key, double value)
{
	if (isfinite(value)) cJSON_AddNumberToObject(object, key, value);
	else cJSON_AddNullToObject(object, key);
}

void json_dims(cJSON *object, const char *key, int rank, const int64_t *dims)
{
	cJSON *list = cJSON_AddArrayToObject(object, key);
	for (int d = 0; d < rank; d++) cJSON_AddItemToArray(list, cJSON_CreateNumber((double)dims[d]));
}
