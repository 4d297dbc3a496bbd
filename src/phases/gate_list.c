#include "phases/gate_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"

#include "base/banned.h"

int gate_list_open(struct gate_list *list, const struct phase *const *table)
{
	gate_list_release(list);
	for (; *table; table++)
		for (const struct gate *gate = (*table)->gates; gate->id; gate++) {
			struct gate_row row = { .phase = *table, .gate = gate };
			if (vec_push(&list->rows, row) < 0)
				return -1;
		}
	return 0;
}

static void row_clear(struct gate_row *row)
{
	free(row->commit);
	free(row->figure);
	json_decref(row->data);
	*row = (struct gate_row){ .phase = row->phase, .gate = row->gate };
}

void gate_list_release(struct gate_list *list)
{
	for (size_t i = 0; i < list->rows.len; i++)
		row_clear(&list->rows.at[i]);
	vec_release(&list->rows);
}

int gate_list_apply(struct gate_list *list, const struct progress *progress)
{
	for (size_t i = 0; i < list->rows.len; i++) {
		struct gate_row *row = &list->rows.at[i];
		const struct progress_line *line = progress_find(progress, row->gate->id);
		if (!line) {
			row_clear(row);
			continue;
		}
		char *commit = os_strdup(line->commit), *figure = os_strdup(line->figure);
		free(row->commit);
		free(row->figure);
		row->commit = commit;
		row->figure = figure;
		row->status = line->status;
		row->time_s = line->time_s;
		if (!figure || (line->commit && !commit))
			return -1;
	}
	return 0;
}

int gate_row_set(struct gate_row *row, const struct gate_result *result, const char *commit)
{
	free(row->commit);
	free(row->figure);
	json_decref(row->data);
	row->status = result->status;
	row->time_s = clock_wall_s();
	row->commit = os_strdup(commit);
	row->figure = os_strdup(str_text(&result->figure));
	row->data = json_incref(result->data);
	return row->figure && (row->commit || !commit) ? 0 : -1;
}

void gate_listener_begin(const struct gate_listener *listener, const struct gate_row *row, int attempt)
{
	if (listener && listener->begin)
		listener->begin(listener->context, row, attempt);
}

void gate_listener_end(const struct gate_listener *listener, const struct gate_row *row)
{
	if (listener && listener->end)
		listener->end(listener->context, row);
}

struct gate_row *gate_list_find(const struct gate_list *list, const char *gate)
{
	for (size_t i = 0; i < list->rows.len; i++)
		if (strcmp(list->rows.at[i].gate->id, gate) == 0)
			return &list->rows.at[i];
	return NULL;
}

size_t gate_list_count(const struct gate_list *list, enum gate_status status)
{
	size_t count = 0;
	for (size_t i = 0; i < list->rows.len; i++)
		count += list->rows.at[i].status == status;
	return count;
}

static json_t *row_json(const struct gate_row *row)
{
	cleanup_str struct str time = STR_INIT, figure = STR_INIT;
	if ((row->time_s && clock_add_timestamp(&time, row->time_s) < 0) ||
	    str_add_printable(&figure, row->figure ? row->figure : "", row->figure ? strlen(row->figure) : 0) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:f, s:s?, s:s?, s:s?, s:O?}", "phase", row->phase->verb, "gate",
			 row->gate->id, "title", row->gate->title, "status", gate_status_name(row->status), "attempts",
			 row->attempts, "seconds", row->wall_s, "figure", row->figure ? str_text(&figure) : NULL, "commit",
			 row->commit, "time", time.buf, "data", row->data);
}

json_t *gate_list_json(const struct gate_list *list)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && i < list->rows.len; i++)
		if (json_array_append_new(rows, row_json(&list->rows.at[i])) < 0) {
			json_decref(rows);
			return NULL;
		}
	return rows;
}

enum mark gate_status_mark(enum gate_status status)
{
	static const enum mark marks[] = {
		[GATE_PENDING] = MARK_PENDING,
		[GATE_PASSED] = MARK_PASSED,
		[GATE_FAILED] = MARK_FAILED,
		[GATE_SKIPPED] = MARK_SKIPPED,
	};
	return marks[status];
}

int gate_row_add_text(const struct gate_row *row, struct str *out)
{
	if (str_addf(out, "%-4s %s", row->gate->id, row->gate->title) < 0)
		return -1;
	return row->figure && row->figure[0] ? str_addf(out, ": %s", row->figure) : 0;
}

void gate_list_print(const struct gate_list *list, struct terminal *terminal)
{
	const struct phase *phase = NULL;
	for (size_t i = 0; i < list->rows.len; i++) {
		const struct gate_row *row = &list->rows.at[i];
		cleanup_str struct str heading = STR_INIT, text = STR_INIT;
		if (row->phase != phase) {
			phase = row->phase;
			if (str_addf(&heading, "%d %s", phase->number, phase->title) == 0)
				terminal_heading(terminal, heading.buf);
		}
		if (gate_row_add_text(row, &text) == 0)
			terminal_line(terminal, gate_status_mark(row->status), text.buf);
	}
}
