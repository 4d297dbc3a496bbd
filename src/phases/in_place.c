#include "phases/in_place.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "phases/workspace.h"

#include "base/banned.h"

#define RECORD_FILE ".comb/progress"

/* 1: read; 0: there is none. */
static int read_record(const char *project_root, struct progress *progress, struct str *path, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	progress_release(progress);
	if (fs_join(path, project_root, RECORD_FILE) < 0)
		return err_no_memory(err);
	if (!fs_is_file(path->buf))
		return 0;
	if (fs_read(path->buf, &text, err) < 0 || progress_parse(progress, path->buf, str_slice(&text), err) < 0)
		return err_hint(err, "remove %s: comb keeps nothing else in it", path->buf);
	return 1;
}

static int hash_files(const char *project_root, char inputs[17], struct err *err)
{
	struct workspace workspace = { .in_place = true, .project = (char *)project_root };
	uint64_t content;
	if (workspace_content(&workspace, &content, err) < 0)
		return -1;
	snprintf(inputs, 17, "%016llx", (unsigned long long)content);
	return 0;
}

static int write_record(const char *project_root, struct progress *progress, const char *path, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (progress->lines.len == 0)
		return fs_remove_all(path, err);
	if (hash_files(project_root, progress->inputs, err) < 0)
		return -1;
	if (progress_format(progress, &text) < 0)
		return err_no_memory(err);
	return fs_write(path, str_slice(&text), err);
}

int in_place_load(const char *project_root, struct progress *progress, bool *changed, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	char inputs[17];
	int found = read_record(project_root, progress, &path, err);
	*changed = false;
	if (found <= 0)
		return found;
	if (hash_files(project_root, inputs, err) < 0)
		return -1;
	*changed = strcmp(inputs, progress->inputs) != 0;
	return 1;
}

int in_place_note(const char *project_root, const struct gate_row *row, struct err *err)
{
	cleanup_progress struct progress progress = PROGRESS_INIT;
	cleanup_str struct str path = STR_INIT;
	struct progress_line line = {
		.phase = row->phase->verb,
		.gate = row->gate->id,
		.status = row->status,
		.time_s = row->time_s,
		.figure = row->figure ? row->figure : "",
	};
	if (read_record(project_root, &progress, &path, err) < 0)
		return -1;
	if (progress_set(&progress, &line) < 0)
		return err_no_memory(err);
	return write_record(project_root, &progress, path.buf, err);
}

int in_place_forget(const char *project_root, const struct phase *phase, struct err *err)
{
	cleanup_progress struct progress progress = PROGRESS_INIT;
	cleanup_str struct str path = STR_INIT;
	int found = read_record(project_root, &progress, &path, err);
	if (found <= 0)
		return found;
	if (!phase)
		return fs_remove_all(path.buf, err);
	for (const struct gate *gate = phase->gates; gate->id; gate++)
		progress_remove(&progress, gate->id);
	return write_record(project_root, &progress, path.buf, err);
}
