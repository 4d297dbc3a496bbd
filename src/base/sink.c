#include "base/sink.h"

#include <stdarg.h>

#include "base/str.h"

#include "base/banned.h"

void sink_stepf(const struct progress_sink *sink, const char *format, ...)
{
	cleanup_str struct str text = STR_INIT;
	va_list args;
	va_start(args, format);
	if (str_vaddf(&text, format, args) == 0)
		sink_step(sink, text.buf);
	va_end(args);
}

void sink_notef(const struct progress_sink *sink, const char *format, ...)
{
	cleanup_str struct str text = STR_INIT;
	va_list args;
	va_start(args, format);
	if (str_vaddf(&text, format, args) == 0)
		sink_note(sink, text.buf);
	va_end(args);
}
