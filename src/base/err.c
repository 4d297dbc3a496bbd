#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void format_text(char *out, size_t size, const char *format, va_list args, int saved_errno)
{
	int n = vsnprintf(out, size, format, args);
	size_t len = strlen(format);
	if (n >= 0 && (size_t)n < size && len > 0 && format[len - 1] == ':')
		snprintf(out + n, size - (size_t)n, " %s", strerror(saved_errno));
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
	int saved_errno = errno;
	if (err->kind != ERR_NONE)
		return -1;
	err->kind = kind;
	va_list args;
	va_start(args, format);
	format_text(err->text, sizeof(err->text), format, args, saved_errno);
	va_end(args);
	return -1;
}

int err_set_at(struct err *err, enum err_kind kind, const char *file, int line, const char *format, ...)
{
	int saved_errno = errno;
	if (err->kind != ERR_NONE)
		return -1;
	err->kind = kind;
	err->line = line;
	snprintf(err->file, sizeof(err->file), "%s", file);
	va_list args;
	va_start(args, format);
	format_text(err->text, sizeof(err->text), format, args, saved_errno);
	va_end(args);
	return -1;
}

int err_hint(struct err *err, const char *format, ...)
{
	if (err->hint[0])
		return -1;
	va_list args;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return -1;
}

int err_no_memory(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "out of memory");
}

void err_clear(struct err *err)
{
	*err = (struct err)ERR_INIT;
}

int err_exit_status(const struct err *err)
{
	static const int status[] = {
		[ERR_NONE] = 0,
		[ERR_GATE] = 1,
		[ERR_INPUT] = 2,
		[ERR_ENVIRONMENT] = 3,
		[ERR_INTERNAL] = 4,
		[ERR_INTERRUPTED] = 130,
	};
	return status[err->kind];
}
