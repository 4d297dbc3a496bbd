#include "phases/mark_record.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/os.h"
#include "project/record_line.h"

#include "base/banned.h"

#define RECORD_KEY "mark.placed"

void placed_mark_release(struct placed_mark *mark)
{
	free(mark->file);
	free(mark->class_path);
	free(mark->function);
	free(mark->mark);
}

/* A text that may be no UTF-8, escaped as in a record; null for NULL. A new reference or NULL. */
static json_t *escaped(const char *text)
{
	cleanup_str struct str json = STR_INIT;
	if (!text)
		return json_null();
	return record_text_encode(&json, text) < 0 ? NULL : json_string(json.buf);
}

/* 0 with NULL for null; -1 when out of memory. */
static int unescaped(json_t *value, char **out)
{
	const char *text = json_string_value(value);
	cleanup_str struct str bytes = STR_INIT;
	*out = NULL;
	if (!text)
		return 0;
	return record_text_decode(&bytes, text) < 0 || !(*out = str_steal(&bytes)) ? -1 : 0;
}

static int load_mark(struct mark_record *record, json_t *object)
{
	struct placed_mark mark = { .file = NULL };
	int failed = unescaped(json_object_get(object, "file"), &mark.file) < 0 ||
		     unescaped(json_object_get(object, "class"), &mark.class_path) < 0 ||
		     unescaped(json_object_get(object, "function"), &mark.function) < 0 ||
		     unescaped(json_object_get(object, "mark"), &mark.mark) < 0;
	bool whole = !failed && mark.file && mark.mark;
	if (whole && vec_push(&record->marks, mark) == 0)
		return 0;
	placed_mark_release(&mark);
	return failed || whole ? -1 : 0;
}

static int load_all(struct mark_record *record, json_t *json)
{
	size_t i;
	json_t *element;
	json_array_foreach(json_object_get(json, "marks"), i, element) {
		if (load_mark(record, element) < 0)
			return -1;
	}
	json_array_foreach(json_object_get(json, "hooks"), i, element) {
		cleanup_free char *path = NULL;
		if (unescaped(element, &path) < 0 || (path && strings_add(&record->hooks, path) < 0))
			return -1;
	}
	return 0;
}

int mark_record_load(struct mark_record *record, struct history *history, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	mark_record_release(record);
	int found = history_meta_get(history, RECORD_KEY, &text, err);
	if (found <= 0)
		return found;
	json_t *json = json_loads(text.buf, 0, NULL);
	int failed = load_all(record, json);
	json_decref(json);
	return failed ? err_no_memory(err) : 0;
}

static bool same_mark(const struct placed_mark *a, const struct placed_mark *b)
{
	return text_equals(a->file, b->file) && text_equals(a->class_path, b->class_path) &&
	       text_equals(a->function, b->function) && text_equals(a->mark, b->mark);
}

int mark_record_add(struct mark_record *record, const struct placed_mark *mark, struct err *err)
{
	for (size_t i = 0; i < record->marks.len; i++)
		if (same_mark(&record->marks.at[i], mark))
			return 0;
	struct placed_mark copy = { os_strdup(mark->file), os_strdup(mark->class_path), os_strdup(mark->function),
				    os_strdup(mark->mark) };
	bool whole = copy.file && copy.mark && !copy.class_path == !mark->class_path && !copy.function == !mark->function;
	if (whole && vec_push(&record->marks, copy) == 0)
		return 0;
	placed_mark_release(&copy);
	return err_no_memory(err);
}

static json_t *record_json(const struct mark_record *record)
{
	json_t *marks = json_array(), *hooks = json_array();
	for (size_t i = 0; i < record->marks.len; i++) {
		const struct placed_mark *mark = &record->marks.at[i];
		json_array_append_new(marks, json_pack("{s:o, s:o, s:o, s:o}", "file", escaped(mark->file), "class",
						       escaped(mark->class_path), "function", escaped(mark->function),
						       "mark", escaped(mark->mark)));
	}
	for (size_t i = 0; i < record->hooks.len; i++)
		json_array_append_new(hooks, escaped(record->hooks.at[i]));
	return json_pack("{s:o, s:o}", "marks", marks, "hooks", hooks);
}

int mark_record_store(const struct mark_record *record, struct history *history, struct err *err)
{
	if (record->marks.len == 0 && record->hooks.len == 0)
		return history_meta_set(history, RECORD_KEY, NULL, err);
	json_t *json = record_json(record);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int failed = text ? history_meta_set(history, RECORD_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(json);
	return failed;
}

void mark_record_release(struct mark_record *record)
{
	for (size_t i = 0; i < record->marks.len; i++)
		placed_mark_release(&record->marks.at[i]);
	vec_release(&record->marks);
	strings_release(&record->hooks);
	*record = (struct mark_record)MARK_RECORD_INIT;
}
