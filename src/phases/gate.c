#include "phases/gate.h"

#include <stdarg.h>
#include <string.h>

#include "base/banned.h"

const struct phase *const phases[] = {
	&phase_setup,
	&phase_mark,
	&phase_check,
	&phase_tune,
	NULL,
};

const char *gate_status_name(enum gate_status status)
{
	static const char *const names[] = { "pending", "passed", "failed", "skipped" };
	return names[status];
}

const struct gate *gate_find(const char *id)
{
	for (size_t p = 0; phases[p]; p++)
		for (const struct gate *gate = phases[p]->gates; gate->id; gate++)
			if (strcmp(gate->id, id) == 0)
				return gate;
	return NULL;
}

int gate_conclude(struct gate_result *result, enum gate_status status, struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	str_clear(&result->figure);
	int failed = str_vaddf(&result->figure, format, args);
	va_end(args);
	result->status = status;
	return failed < 0 ? err_no_memory(err) : 0;
}

void gate_result_release(struct gate_result *result)
{
	str_release(&result->figure);
	str_release(&result->detail);
	json_decref(result->data);
	*result = (struct gate_result)GATE_RESULT_INIT;
}
