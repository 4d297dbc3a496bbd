#include "engine/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/record_line.h"

#include "base/banned.h"

enum { SHOWN_TESTS = 5, MAX_RECORD_WORKERS = 1024 };

/* A test that ran. */
struct ran {
	uint32_t test, slot, begin, end;
	bool early;
};

struct record {
	char *path;
	uint32_t workers, test_count;
	size_t ran_count;
	struct str *ids;
	struct ran *ran; /* by begin */
};

void record_close(struct record *record)
{
	if (!record)
		return;
	for (uint32_t i = 0; record->ids && i < record->test_count; i++)
		str_release(&record->ids[i]);
	free(record->ids);
	free(record->ran);
	free(record->path);
	free(record);
}

uint32_t record_workers(const struct record *record)
{
	return record->workers;
}

static int no_record(const char *path, const char *why, struct err *err)
{
	err_set(err, ERR_INPUT, "%s: no record of a run: %s", path, why);
	return err_hint(err, "write one with --comb-trace FILE");
}

static int read_ids(struct record *self, const json_t *ids, struct err *err)
{
	self->ids = os_calloc(json_array_size(ids) + 1, sizeof(*self->ids));
	if (!self->ids)
		return err_no_memory(err);
	self->test_count = (uint32_t)json_array_size(ids);
	for (uint32_t i = 0; i < self->test_count; i++) {
		const char *text = json_string_value(json_array_get(ids, i));
		if (!text)
			return no_record(self->path, "a test has no name", err);
		if (record_text_decode(&self->ids[i], text) < 0)
			return err_no_memory(err);
	}
	return 0;
}

static int compare_ran(const void *a, const void *b)
{
	const struct ran *x = a, *y = b;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int read_ran(struct record *self, const json_t *rows, struct err *err)
{
	self->ran = os_calloc(json_array_size(rows) + 1, sizeof(*self->ran));
	if (!self->ran)
		return err_no_memory(err);
	self->ran_count = json_array_size(rows);
	for (size_t i = 0; i < self->ran_count; i++) {
		const json_t *row = json_array_get(rows, i);
		json_int_t numbers[4];
		for (size_t k = 0; k < 4; k++)
			numbers[k] = json_integer_value(json_array_get(row, k));
		if (numbers[0] < 0 || (uint64_t)numbers[0] >= (uint64_t)self->test_count * self->workers ||
		    numbers[1] < 0 || numbers[1] >= self->workers || numbers[2] <= 0)
			return no_record(self->path, "a test ran that is not in it", err);
		self->ran[i] = (struct ran){ (uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2],
					     (uint32_t)numbers[3], json_is_true(json_array_get(row, 4)) };
	}
	qsort(self->ran, self->ran_count, sizeof(*self->ran), compare_ran);
	return 0;
}

static int read_json(struct record *self, json_t *root, struct err *err)
{
	const json_t *part = json_object_get(root, "comb");
	const json_t *ids = json_object_get(part, "tests"), *ran = json_object_get(part, "ran");
	json_int_t workers = json_integer_value(json_object_get(part, "workers"));
	if (json_integer_value(json_object_get(part, "record")) != 1 || !json_is_array(ids) || !json_is_array(ran))
		return no_record(self->path, "it has no part \"comb\" of version 1", err);
	if (workers < 1 || workers > MAX_RECORD_WORKERS)
		return no_record(self->path, "the number of workers is impossible", err);
	self->workers = (uint32_t)workers;
	return read_ids(self, ids, err) < 0 ? -1 : read_ran(self, ran, err);
}

int record_open(struct record **record, const char *path, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	json_error_t where;
	*record = NULL;
	if (fs_read(path, &text, err) < 0)
		return -1;
	struct record *self = os_calloc(1, sizeof(*self));
	if (!self || !(self->path = os_strdup(path))) {
		record_close(self);
		return err_no_memory(err);
	}
	json_t *root = json_loadb(str_text(&text), text.len, 0, &where);
	int failed = root ? read_json(self, root, err) : no_record(path, where.text, err);
	json_decref(root);
	if (failed < 0) {
		record_close(self);
		return -1;
	}
	*record = self;
	return 0;
}

/* A test of one of the two collections; sorted by id, equal ones by index. */
struct named {
	struct slice id;
	uint32_t index;
};

static int compare_ids(struct slice a, struct slice b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
	return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = compare_ids(x->id, y->id);
	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

/* The differences between two sorted lists, the first few by name. */
struct difference {
	struct str names;
	uint32_t count;
};

static int add_difference(struct difference *self, struct slice id, const char *what)
{
	if (self->count++ >= SHOWN_TESTS)
		return 0;
	if (str_addf(&self->names, "%s%s ", self->count > 1 ? ", " : "", what) < 0)
		return -1;
	return str_add_printable(&self->names, id.ptr, id.len);
}

/* Fills map[index in the record] = index now. */
static int match(const struct named *then, uint32_t then_count, const struct named *now, uint32_t now_count, uint32_t *map,
		 struct difference *difference)
{
	uint32_t t = 0, n = 0;
	while (t < then_count || n < now_count) {
		int order = t == then_count ? 1 : n == now_count ? -1 : compare_ids(then[t].id, now[n].id);
		if (order < 0 && add_difference(difference, then[t].id, "no longer") < 0)
			return -1;
		if (order > 0 && add_difference(difference, now[n].id, "new:") < 0)
			return -1;
		if (order == 0)
			map[then[t].index] = now[n].index;
		t += order <= 0;
		n += order >= 0;
	}
	return 0;
}

static int make_map(const struct record *self, const struct slice *ids, uint32_t count, uint32_t *map, struct err *err)
{
	cleanup_free struct named *then = os_calloc(self->test_count + 1, sizeof(*then));
	cleanup_free struct named *now = os_calloc(count + 1, sizeof(*now));
	struct difference difference = { .count = 0 };
	if (!then || !now)
		return err_no_memory(err);
	for (uint32_t i = 0; i < self->test_count; i++)
		then[i] = (struct named){ { str_text(&self->ids[i]), self->ids[i].len }, i };
	for (uint32_t i = 0; i < count; i++)
		now[i] = (struct named){ ids[i], i };
	qsort(then, self->test_count, sizeof(*then), compare_named);
	qsort(now, count, sizeof(*now), compare_named);
	int failed = match(then, self->test_count, now, count, map, &difference) < 0 ? err_no_memory(err) : 0;
	if (!failed && difference.count) {
		failed = err_set(err, ERR_INPUT, "%s: the suite is not the recorded one, %u tests differ: %s%s", self->path,
				 difference.count, str_text(&difference.names), difference.count > SHOWN_TESTS ? ", …" : "");
		err_hint(err, "select the same tests, or record again with --comb-trace");
	}
	str_release(&difference.names);
	return failed;
}

/* An event of the record. */
struct moment {
	uint32_t step, test;
	bool is_end;
};

static int compare_moments(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;
	return x->step < y->step ? -1 : x->step > y->step;
}

/* Numbers the steps that are known of anew, without gaps. */
static void demand_steps(struct trace *trace, struct moment *moments, uint32_t count)
{
	qsort(moments, count, sizeof(*moments), compare_moments);
	for (uint32_t i = 0; i < count; i++) {
		struct trace_entry *entry = &trace_entries(trace)[moments[i].test];
		trace_steps(trace)[i] = (struct trace_step){ moments[i].test, moments[i].is_end };
		*(moments[i].is_end ? &entry->wanted_end : &entry->wanted_begin) = i + 1;
	}
	trace->wanted_steps = count;
	trace->steps_done = 0;
}

/* The index of a test that ran; in the mode `each` the tests of a worker follow those of the one before. */
static uint32_t test_now(const struct ran *ran, const uint32_t *map, uint32_t count)
{
	return map[ran->test % count] + ran->test / count * count;
}

int record_apply(const struct record *self, const struct slice *ids, uint32_t count, struct trace *trace, uint32_t *heads,
		 struct err *err)
{
	cleanup_free uint32_t *map = os_calloc((size_t)self->test_count + 1, sizeof(*map));
	cleanup_free uint32_t *last = os_calloc(self->workers, sizeof(*last));
	cleanup_free struct moment *moments = os_calloc(2 * self->ran_count + 1, sizeof(*moments));
	uint32_t made = 0;
	if (!map || !last || !moments)
		return err_no_memory(err);
	if (make_map(self, ids, count, map, err) < 0)
		return -1;
	for (uint32_t w = 0; w < self->workers; w++)
		heads[w] = last[w] = SCHED_NONE;
	for (size_t i = 0; i < self->ran_count; i++) {
		const struct ran *ran = &self->ran[i];
		uint32_t test = test_now(ran, map, count);
		struct trace_entry *entry = test < trace->tests ? &trace_entries(trace)[test] : NULL;
		if (!entry || entry->wanted)
			return no_record(self->path, "a test ran twice, or in another mode of --dist", err);
		entry->wanted = true;
		entry->wanted_early = ran->early;
		*(last[ran->slot] == SCHED_NONE ? &heads[ran->slot] : &trace_entries(trace)[last[ran->slot]].next) = test;
		last[ran->slot] = test;
		moments[made++] = (struct moment){ ran->begin, test, false };
		if (ran->end)
			moments[made++] = (struct moment){ ran->end, test, true };
	}
	demand_steps(trace, moments, made);
	return 0;
}

int record_omits(const struct record *self, const struct slice *ids, uint32_t count, uint32_t total, uint32_t *omitted,
		 uint32_t *made, struct err *err)
{
	cleanup_free uint32_t *map = os_calloc((size_t)self->test_count + 1, sizeof(*map));
	cleanup_free bool *wanted = os_calloc((size_t)total + 1, sizeof(*wanted));
	*made = 0;
	if (!map || !wanted)
		return err_no_memory(err);
	if (make_map(self, ids, count, map, err) < 0)
		return -1;
	for (size_t i = 0; i < self->ran_count; i++) {
		uint32_t test = test_now(&self->ran[i], map, count);
		if (test < total)
			wanted[test] = true;
	}
	for (uint32_t i = 0; i < total; i++)
		if (!wanted[i])
			omitted[(*made)++] = i;
	return 0;
}
