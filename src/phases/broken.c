#include "phases/broken.h"

#include <stdlib.h>
#include <string.h>

#include "history/history.h"
#include "project/record_line.h"

#include "base/banned.h"

#define BROKEN_KEY "broken files" /* a JSON array of paths */

static const char *path_of(const struct collect_error *error)
{
	return error->path ? error->path : "";
}

/* One file can have several errors: each of its classes may. */
static bool is_named(const struct suite_run *run, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (text_equals(path_of(&run->collect_errors.at[i]), path_of(&run->collect_errors.at[at])))
			return true;
	return false;
}

static int add_names(const struct suite_run *run, struct str *out, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < run->collect_errors.len; i++) {
		const struct collect_error *error = &run->collect_errors.at[i];
		if (is_named(run, i))
			continue;
		if ((*count)++ > 0 && str_adds(out, ", ") < 0)
			return -1;
		if (str_add_printable(out, path_of(error), strlen(path_of(error))) < 0 ||
		    (error->line > 0 && str_addf(out, ":%d", error->line) < 0))
			return -1;
	}
	return 0;
}

int broken_say(const struct phase_ctx *ctx, const struct suite_run *run, struct gate_result *result, struct err *err)
{
	cleanup_str struct str names = STR_INIT;
	size_t count;
	if (run->collect_errors.len == 0)
		return 0;
	if (add_names(run, &names, &count) < 0)
		return err_no_memory(err);
	sink_notef(ctx->sink, "without %zu file%s that pytest cannot collect: %s", count, count == 1 ? "" : "s",
		   str_text(&names));
	if (str_addf(&result->figure, "; without %zu file%s that cannot be collected", count, count == 1 ? "" : "s") < 0 ||
	    str_addf(&result->detail, "%sCannot be collected, before anything is changed: %s\n",
		     result->detail.len > 0 ? "\n" : "", str_text(&names)) < 0)
		return err_no_memory(err);
	return 0;
}

static json_t *paths_json(const struct suite_run *run)
{
	json_t *paths = json_array();
	for (size_t i = 0; paths && i < run->collect_errors.len; i++) {
		cleanup_str struct str path = STR_INIT;
		if (record_text_encode(&path, path_of(&run->collect_errors.at[i])) < 0 ||
		    json_array_append_new(paths, json_string(str_text(&path))) < 0) {
			json_decref(paths);
			return NULL;
		}
	}
	return paths;
}

int broken_store(const struct phase_ctx *ctx, const struct suite_run *run, struct err *err)
{
	if (!ctx->history)
		return 0;
	json_t *paths = paths_json(run);
	char *text = paths ? json_dumps(paths, JSON_COMPACT) : NULL;
	int failed = text ? history_meta_set(ctx->history, BROKEN_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(paths);
	return failed;
}

/* Whether the list holds it; -1: out of memory. */
static int holds(const json_t *paths, const char *path)
{
	cleanup_str struct str encoded = STR_INIT;
	if (record_text_encode(&encoded, path) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(paths); i++)
		if (text_equals(json_string_value(json_array_get(paths, i)), str_text(&encoded)))
			return 1;
	return 0;
}

int broken_find_new(const struct phase_ctx *ctx, const struct suite_run *run, const char **path, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	int found = ctx->history ? history_meta_get(ctx->history, BROKEN_KEY, &text, err) : 0;
	if (found <= 0)
		return found;
	json_t *paths = json_loads(str_text(&text), 0, NULL);
	int known = 1;
	for (size_t i = 0; paths && known == 1 && i < run->collect_errors.len; i++) {
		*path = path_of(&run->collect_errors.at[i]);
		known = holds(paths, *path);
	}
	json_decref(paths);
	return known < 0 ? err_no_memory(err) : !known;
}
