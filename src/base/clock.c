#define _GNU_SOURCE
#include "base/clock.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

int64_t clock_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

int clock_add_timestamp(struct str *out, int64_t wall_s)
{
	time_t t = (time_t)wall_s;
	struct tm utc;
	char text[32];
	gmtime_r(&t, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return str_adds(out, text);
}

int clock_add_duration(struct str *out, double seconds)
{
	if (seconds < 0.9995)
		return str_addf(out, seconds < 0.00995 ? "%.1f ms" : "%.0f ms", seconds * 1000);
	if (seconds < 59.995)
		return str_addf(out, "%.2f s", seconds);
	long whole = lround(seconds);
	if (whole < 3600)
		return str_addf(out, "%ld min %02ld s", whole / 60, whole % 60);
	return str_addf(out, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
}

static double unit_seconds(const char *unit, size_t len)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "ms", 0.001 }, { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 }, { "", 1 } };
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
			return units[i].seconds;
	return -1;
}

int clock_parse_duration(const char *text, double *seconds)
{
	double total = 0;
	if (!*text)
		return -1;
	while (*text) {
		char *end;
		if (!isdigit((unsigned char)*text) && *text != '.')
			return -1;
		double number = strtod(text, &end);
		size_t len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		double unit = unit_seconds(end, len);
		if (end == text || unit < 0 || (len == 0 && end[0]))
			return -1;
		total += number * unit;
		text = end + len;
	}
	if (!isfinite(total))
		return -1;
	*seconds = total;
	return 0;
}
