#include "report/json_text.h"

#include <string.h>

#include "base/str.h"

#include "base/banned.h"

json_t *json_text(const char *text)
{
	if (!text)
		return json_null();
	json_t *value = json_string(text);
	if (value)
		return value;
	cleanup_str struct str printable = STR_INIT;
	return str_add_printable(&printable, text, strlen(text)) < 0 ? NULL : json_string(printable.buf);
}
