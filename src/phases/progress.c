#define _GNU_SOURCE
#include "phases/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

static const char first_line[] = "# comb progress 1";

enum { FIELDS = 5 }; /* in front of the figure */

/* Where a parse error is told. */
struct place {
	const char *name;
	int line;
	struct err *err;
};

static void line_release(struct progress_line *line)
{
	free((void *)line->phase);
	free((void *)line->gate);
	free((void *)line->commit);
	free((void *)line->figure);
	*line = (struct progress_line){ 0 };
}

void progress_release(struct progress *progress)
{
	for (size_t i = 0; i < progress->lines.len; i++)
		line_release(&progress->lines.at[i]);
	vec_release(&progress->lines);
	*progress = (struct progress)PROGRESS_INIT;
}

struct progress_line *progress_find(const struct progress *progress, const char *gate)
{
	for (size_t i = 0; i < progress->lines.len; i++)
		if (strcmp(progress->lines.at[i].gate, gate) == 0)
			return &progress->lines.at[i];
	return NULL;
}

void progress_remove(struct progress *progress, const char *gate)
{
	struct progress_line *line = progress_find(progress, gate);
	if (!line)
		return;
	struct progress_line *end = progress->lines.at + progress->lines.len;
	line_release(line);
	memmove(line, line + 1, (size_t)(end - line - 1) * sizeof(*line));
	progress->lines.len--;
}

/* One line, without spaces around it. */
static char *printable_figure(const char *figure)
{
	cleanup_str struct str text = STR_INIT;
	figure += strspn(figure, " \t\r\n");
	size_t len = strlen(figure);
	while (len > 0 && strchr(" \t\r\n", figure[len - 1]))
		len--;
	return str_add_printable(&text, figure, len) < 0 ? NULL : str_steal(&text);
}

static int line_copy(struct progress_line *to, const struct progress_line *from)
{
	*to = (struct progress_line){
		.phase = os_strdup(from->phase),
		.gate = os_strdup(from->gate),
		.status = from->status,
		.commit = os_strdup(from->commit),
		.time_s = from->time_s,
		.figure = printable_figure(from->figure ? from->figure : ""),
	};
	if (to->phase && to->gate && to->figure && (to->commit || !from->commit))
		return 0;
	line_release(to);
	return -1;
}

/* "0.2" before "0.10"; the closing line last. */
static int compare_gates(const char *a, const char *b)
{
	return strverscmp(a, b);
}

int progress_set(struct progress *progress, const struct progress_line *line)
{
	struct progress_line copy;
	if (line_copy(&copy, line) < 0)
		return -1;
	struct progress_line *old = progress_find(progress, line->gate);
	if (old) {
		line_release(old);
		*old = copy;
		return 0;
	}
	if (vec_push(&progress->lines, copy) < 0) {
		line_release(&copy);
		return -1;
	}
	for (size_t i = progress->lines.len - 1; i > 0; i--) {
		struct progress_line *at = &progress->lines.at[i];
		if (compare_gates(at[-1].gate, at->gate) <= 0)
			break;
		struct progress_line swap = at[-1];
		at[-1] = *at;
		*at = swap;
	}
	return 0;
}

static int bad(const struct place *place, const char *what, struct slice field)
{
	err_set_at(place->err, ERR_INPUT, place->name, place->line, "%s: '%.*s'", what, (int)field.len, field.ptr);
	return err_hint(place->err, "put the file back with git, or remove it to start again");
}

static bool consists_of(struct slice s, const char *set)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\0' || !strchr(set, s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool is_gate_id(struct slice s)
{
	const char *dot = memchr(s.ptr, '.', s.len);
	if (slice_equals(s, PROGRESS_CLOSING_GATE))
		return true;
	if (!dot)
		return false;
	struct slice phase = { s.ptr, (size_t)(dot - s.ptr) }, number = { dot + 1, s.len - phase.len - 1 };
	return consists_of(phase, "0123456789") && consists_of(number, "0123456789");
}

static bool parse_status(struct slice s, enum gate_status *status)
{
	static const enum gate_status written[] = { GATE_PASSED, GATE_FAILED, GATE_SKIPPED };
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		*status = written[i];
		if (slice_equals(s, gate_status_name(written[i])))
			return true;
	}
	return false;
}

/* Exactly what clock_add_timestamp() writes. */
static bool parse_time(struct slice s, int64_t *time_s)
{
	cleanup_str struct str text = STR_INIT, again = STR_INIT;
	struct tm utc = { 0 };
	if (str_add(&text, s.ptr, s.len) < 0)
		return false;
	const char *end = strptime(text.buf, "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (!end || *end)
		return false;
	*time_s = timegm(&utc);
	return clock_add_timestamp(&again, *time_s) == 0 && strcmp(again.buf, text.buf) == 0;
}

/* A field ends at spaces; what follows the last one is the figure. */
static struct slice next_field(struct slice *rest)
{
	while (rest->len > 0 && rest->ptr[0] == ' ')
		rest->ptr++, rest->len--;
	struct slice field = { rest->ptr, 0 };
	while (field.len < rest->len && field.ptr[field.len] != ' ')
		field.len++;
	rest->ptr += field.len;
	rest->len -= field.len;
	return field;
}

static int add_line(struct progress *progress, const struct place *place, const struct slice fields[FIELDS],
		    struct slice figure, struct progress_line *line)
{
	cleanup_str struct str phase = STR_INIT, gate = STR_INIT, commit = STR_INIT, text = STR_INIT;
	bool committed = !slice_equals(fields[3], "-");
	if (str_add(&phase, fields[0].ptr, fields[0].len) < 0 || str_add(&gate, fields[1].ptr, fields[1].len) < 0 ||
	    str_add(&commit, fields[3].ptr, fields[3].len) < 0 || str_add(&text, figure.ptr, figure.len) < 0)
		return err_no_memory(place->err);
	if (progress_find(progress, gate.buf))
		return bad(place, "a second line for gate", fields[1]);
	line->phase = phase.buf;
	line->gate = gate.buf;
	line->commit = committed ? commit.buf : NULL;
	line->figure = text.buf;
	return progress_set(progress, line) < 0 ? err_no_memory(place->err) : 0;
}

static int parse_gate_line(struct progress *progress, const struct place *place, struct slice text)
{
	struct slice fields[FIELDS], rest = text;
	struct progress_line line = { 0 };
	for (size_t i = 0; i < FIELDS; i++)
		fields[i] = next_field(&rest);
	if (fields[FIELDS - 1].len == 0)
		return bad(place, "expected phase, gate, status, commit, time and figure", text);
	if (!consists_of(fields[0], "abcdefghijklmnopqrstuvwxyz"))
		return bad(place, "not the name of a phase", fields[0]);
	if (!is_gate_id(fields[1]))
		return bad(place, "not the number of a gate", fields[1]);
	if (!parse_status(fields[2], &line.status))
		return bad(place, "not a status (passed, failed, skipped)", fields[2]);
	if (!slice_equals(fields[3], "-") &&
	    (!consists_of(fields[3], "0123456789abcdef") || (fields[3].len != 40 && fields[3].len != 64)))
		return bad(place, "not a commit id", fields[3]);
	if (!parse_time(fields[4], &line.time_s))
		return bad(place, "not a time such as 2026-11-23T15:04:05Z", fields[4]);
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest.ptr++, rest.len--;
	return add_line(progress, place, fields, rest, &line);
}

static int parse_inputs(struct progress *progress, const struct place *place, struct slice text)
{
	next_field(&text);
	struct slice value = next_field(&text);
	if (value.len != sizeof(progress->inputs) - 1 || !consists_of(value, "0123456789abcdef") || text.len > 0)
		return bad(place, "inputs are 16 hexadecimal digits", value);
	memcpy(progress->inputs, value.ptr, value.len);
	progress->inputs[value.len] = '\0';
	return 0;
}

static int parse_line(struct progress *progress, const struct place *place, struct slice text)
{
	if (text.len > 0 && text.ptr[text.len - 1] == '\r')
		text.len--; /* git's autocrlf */
	if (memchr(text.ptr, '\0', text.len))
		return bad(place, "a NUL byte in the line", text);
	if (place->line == 1)
		return slice_equals(text, first_line) ? 0 : bad(place, "not a progress file of this version", text);
	if (text.len == 0 || text.ptr[0] == '#')
		return 0;
	if (text.len >= 7 && memcmp(text.ptr, "inputs ", 7) == 0)
		return parse_inputs(progress, place, text);
	return parse_gate_line(progress, place, text);
}

int progress_parse(struct progress *progress, const char *name, struct slice text, struct err *err)
{
	struct place place = { .name = name, .line = 1, .err = err };
	progress_release(progress);
	for (const char *at = text.ptr, *end = text.ptr + text.len; at < end || place.line == 1; place.line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct slice line = { at, (size_t)((newline ? newline : end) - at) };
		if (parse_line(progress, &place, line) < 0) {
			progress_release(progress);
			return -1;
		}
		at = newline ? newline + 1 : end;
	}
	return 0;
}

static int format_line(const struct progress_line *line, int commit_columns, struct str *out)
{
	if (str_addf(out, "%-8s  %-4s  %-6s   %-*s  ", line->phase, line->gate, gate_status_name(line->status),
		     commit_columns, line->commit ? line->commit : "-") < 0 ||
	    clock_add_timestamp(out, line->time_s) < 0)
		return -1;
	return line->figure[0] ? str_addf(out, "  %s\n", line->figure) : str_addc(out, '\n');
}

int progress_format(const struct progress *progress, struct str *out)
{
	int columns = 6;
	str_clear(out);
	for (size_t i = 0; i < progress->lines.len; i++) {
		const char *commit = progress->lines.at[i].commit;
		columns = commit && (int)strlen(commit) > columns ? (int)strlen(commit) : columns;
	}
	if (str_addf(out, "%s\n", first_line) < 0 ||
	    str_adds(out, "# How far this project is on its way to parallel tests; comb adopt writes it, comb status shows it.\n") < 0 ||
	    (progress->inputs[0] && str_addf(out, "inputs %s\n", progress->inputs) < 0) ||
	    str_addf(out, "#%-7s  %-4s  %-7s  %-*s  %-20s  %s\n", "phase", "gate", "status", columns, "commit", "time",
		     "figure") < 0)
		return -1;
	for (size_t i = 0; i < progress->lines.len; i++)
		if (format_line(&progress->lines.at[i], columns, out) < 0)
			return -1;
	return 0;
}
