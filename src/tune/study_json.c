#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tune/study.h"

#include "base/banned.h"

#define STUDY_VERSION 1

/* Engines and bounds as words, so that a reader of --json needs no table. */
static const char *const engine_words[] = { "serial", "xdist", "comb" };
static const char *const bound_words[BOUND_KINDS] = {
	"area", "processor", "longest", "lock", "category", "pigeonhole", "scope",
};
static const char *const end_words[] = { "separated", "equivalent", "budget" };

static size_t find_word(const char *const words[], size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (word && strcmp(words[i], word) == 0)
			return i;
	return count;
}

static json_t *sample_json(const struct sample *sample)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < sample->n; i++)
		if (json_array_append_new(array, json_real(sample->values[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Text of tests may hold bytes that are no UTF-8, which JSON cannot. */
static json_t *text_json(const char *text)
{
	cleanup_str struct str printable = STR_INIT;
	return str_add_printable(&printable, text, strlen(text)) < 0 ? NULL : json_string(str_text(&printable));
}

static json_t *interval_json(const struct sample *sample)
{
	struct interval interval = stats_median_interval(sample, CONTEST_CONFIDENCE);
	return json_pack("{s:f, s:f, s:f}", "low", interval.low, "high", interval.high, "coverage", interval.coverage);
}

static json_t *entry_json(const struct study *study, const struct contestant *entry)
{
	const struct configuration *c = &entry->configuration;
	json_t *object = json_pack("{s:s, s:i, s:s, s:o, s:o, s:b, s:b, s:o}", "engine", engine_words[c->engine], "workers",
				   c->workers, "dist", c->engine == ENGINE_SERIAL ? "no" : dist_name(c->dist), "wall_s",
				   sample_json(&entry->wall_s), "cpu_s", sample_json(&entry->cpu_s), "dropped",
				   entry->dropped, "beside", entry->beside, "failure", text_json(entry->failure));
	if (!object)
		return NULL;
	int failed = 0;
	if (isfinite(entry->predicted_s))
		failed = json_object_set_new(object, "predicted_s", json_real(entry->predicted_s));
	if (!failed && entry->wall_s.n > 0) {
		struct ratio ratio = contest_ratio(entry, study_serial(study));
		failed = json_object_set_new(object, "median_s", json_real(stats_median(&entry->wall_s))) < 0 ||
			json_object_set_new(object, "median_interval", interval_json(&entry->wall_s)) < 0 ||
			json_object_set_new(object, "ratio_to_serial", json_real(ratio.estimate)) < 0;
	}
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *contest_json(const struct study *study)
{
	const struct contest *contest = &study->contest;
	json_t *entries = json_array();
	for (size_t i = 0; entries && i < contest->count; i++)
		if (json_array_append_new(entries, entry_json(study, &contest->entries[i])) < 0) {
			json_decref(entries);
			return NULL;
		}
	return json_pack("{s:o, s:I, s:I, s:s, s:f}", "entries", entries, "rounds", (json_int_t)contest->rounds, "best",
			 (json_int_t)contest->best, "end", end_words[contest->end], "spent_s", contest->spent_s);
}

static json_t *bound_json(const struct bound *bound)
{
	json_t *kinds = json_object();
	for (int kind = 0; kinds && kind < BOUND_KINDS; kind++)
		if (json_object_set_new(kinds, bound_words[kind], json_real(bound->kinds[kind])) < 0) {
			json_decref(kinds);
			return NULL;
		}
	return json_pack("{s:o, s:s, s:f, s:f, s:f}", "kinds", kinds, "binding", bound_words[bound->binding],
			 "exclusive_s", bound->exclusive_s, "start_s", bound->start_s, "total_s", bound->total_s);
}

static json_t *categories_json(const struct study *study)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < study->category_count; i++) {
		const struct category_cost *cost = &study->categories[i];
		json_t *row =
			json_pack("{s:s, s:I, s:o, s:o}", "name", cost->name, "tests", (json_int_t)cost->tests,
				  "serial_s", sample_json(&cost->serial_s), "chosen_s", sample_json(&cost->chosen_s));
		if (json_array_append_new(array, row) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *study_json(const struct study *study)
{
	char identity[17];
	snprintf(identity, sizeof(identity), "%016" PRIx64, study->identity);
	return json_pack("{s:i, s:I, s:s, s:f, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", STUDY_VERSION,
			 "tests", (json_int_t)study->tests, "identity", identity, "cores", study->cores, "groups",
			 study->groups, "serial_exit_code", study->serial_exit_code, "start_s",
			 sample_json(&study->start_s), "start_cpu_s", sample_json(&study->start_cpu_s), "serial_s",
			 sample_json(&study->serial_s), "serial_cpu_s", sample_json(&study->serial_cpu_s), "bound",
			 bound_json(&study->bound), "contest", contest_json(study), "categories",
			 categories_json(study));
}

static bool parse_sample(struct sample *sample, const json_t *array)
{
	size_t i;
	json_t *value;
	sample->n = 0;
	json_array_foreach(array, i, value)
	{
		if (!json_is_number(value))
			return false;
		sample_add(sample, json_number_value(value));
	}
	return json_is_array(array);
}

static void copy_text(char *into, size_t size, const char *text)
{
	snprintf(into, size, "%s", text ? text : "");
}

static bool parse_entry(struct contestant *entry, const json_t *object)
{
	const char *dist = json_string_value(json_object_get(object, "dist"));
	size_t engine = find_word(engine_words, 3, json_string_value(json_object_get(object, "engine")));
	const json_t *predicted = json_object_get(object, "predicted_s");
	if (engine == 3 || !dist)
		return false;
	entry->configuration.engine = (enum suite_engine)engine;
	entry->configuration.dist = engine == ENGINE_SERIAL ? DIST_LOAD : dist_parse(dist);
	entry->configuration.workers = (int)json_integer_value(json_object_get(object, "workers"));
	entry->predicted_s = predicted ? json_number_value(predicted) : NAN;
	entry->beside = json_is_true(json_object_get(object, "beside"));
	entry->dropped = json_is_true(json_object_get(object, "dropped"));
	copy_text(entry->failure, sizeof(entry->failure), json_string_value(json_object_get(object, "failure")));
	return entry->configuration.dist != DIST_COUNT &&
		parse_sample(&entry->wall_s, json_object_get(object, "wall_s")) &&
		parse_sample(&entry->cpu_s, json_object_get(object, "cpu_s"));
}

static bool parse_contest(struct contest *contest, const json_t *object)
{
	const json_t *entries = json_object_get(object, "entries");
	size_t end = find_word(end_words, 3, json_string_value(json_object_get(object, "end")));
	json_int_t best = json_integer_value(json_object_get(object, "best"));
	contest->count = json_array_size(entries);
	if (end == 3 || contest->count > CONTEST_ENTRIES_MAX || best < 0 ||
	    (contest->count && (size_t)best >= contest->count))
		return false;
	contest->end = (enum contest_end)end;
	contest->best = (size_t)best;
	contest->rounds = (size_t)json_integer_value(json_object_get(object, "rounds"));
	contest->spent_s = json_number_value(json_object_get(object, "spent_s"));
	for (size_t i = 0; i < contest->count; i++)
		if (!parse_entry(&contest->entries[i], json_array_get(entries, i)))
			return false;
	return true;
}

static bool parse_bound(struct bound *bound, const json_t *object)
{
	const json_t *kinds = json_object_get(object, "kinds");
	size_t binding = find_word(bound_words, BOUND_KINDS, json_string_value(json_object_get(object, "binding")));
	for (int kind = 0; kind < BOUND_KINDS; kind++)
		bound->kinds[kind] = json_number_value(json_object_get(kinds, bound_words[kind]));
	if (binding == BOUND_KINDS)
		return false;
	bound->binding = (enum bound_kind)binding;
	bound->exclusive_s = json_number_value(json_object_get(object, "exclusive_s"));
	bound->start_s = json_number_value(json_object_get(object, "start_s"));
	bound->total_s = json_number_value(json_object_get(object, "total_s"));
	return true;
}

static bool parse_categories(struct study *study, const json_t *array)
{
	size_t i;
	json_t *row;
	if (json_array_size(array) > STUDY_CATEGORIES_MAX)
		return false;
	json_array_foreach(array, i, row)
	{
		struct category_cost *cost = &study->categories[study->category_count++];
		copy_text(cost->name, sizeof(cost->name), json_string_value(json_object_get(row, "name")));
		cost->tests = (size_t)json_integer_value(json_object_get(row, "tests"));
		if (!parse_sample(&cost->serial_s, json_object_get(row, "serial_s")) ||
		    !parse_sample(&cost->chosen_s, json_object_get(row, "chosen_s")))
			return false;
	}
	return true;
}

int study_parse(struct study *study, const json_t *json, struct err *err)
{
	const char *identity = json_string_value(json_object_get(json, "identity"));
	*study = (struct study){ .tests = (size_t)json_integer_value(json_object_get(json, "tests")) };
	study->identity = identity ? strtoull(identity, NULL, 16) : 0;
	study->cores = json_number_value(json_object_get(json, "cores"));
	study->groups = json_is_true(json_object_get(json, "groups"));
	study->serial_exit_code = (int)json_integer_value(json_object_get(json, "serial_exit_code"));
	if (json_integer_value(json_object_get(json, "version")) != STUDY_VERSION || !identity ||
	    !parse_sample(&study->start_s, json_object_get(json, "start_s")) ||
	    !parse_sample(&study->start_cpu_s, json_object_get(json, "start_cpu_s")) ||
	    !parse_sample(&study->serial_s, json_object_get(json, "serial_s")) ||
	    !parse_sample(&study->serial_cpu_s, json_object_get(json, "serial_cpu_s")) ||
	    !parse_bound(&study->bound, json_object_get(json, "bound")) ||
	    !parse_contest(&study->contest, json_object_get(json, "contest")) ||
	    !parse_categories(study, json_object_get(json, "categories")))
		return err_set(err, ERR_INPUT,
			       "the record of earlier measurements is not one that this version of comb reads");
	return 0;
}
