#include "phases/tip.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "phases/message.h"

#include "base/banned.h"

int tip_add_line(const struct git *git, const char *revision, struct progress *progress, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	cleanup_message struct message message = { 0 };
	if (git_run(git, &text, err, "log", "-1", "--format=%H%n%ct%n%B", revision, NULL) < 0)
		return -1;
	char *time = strchr(str_text(&text), '\n');
	char *body = time ? strchr(time + 1, '\n') : NULL;
	if (!body)
		return 0;
	*time = *body = '\0';
	if (message_parse((struct slice){ body + 1, strlen(body + 1) }, &message) < 0)
		return err_no_memory(err);
	bool passed = text_equals(message.status, "passed");
	if (!passed && !text_equals(message.status, "failed"))
		return 0;
	struct progress_line line = {
		.phase = message.phase,
		.gate = message.gate,
		.status = passed ? GATE_PASSED : GATE_FAILED,
		.commit = text.buf,
		.time_s = strtoll(time + 1, NULL, 10),
		.figure = message.figure,
	};
	return progress_set(progress, &line) < 0 ? err_no_memory(err) : 0;
}

/* One "ID\nMESSAGE" of the log. 1 while it tells of the gate, 0 at the first that does not, which is the base. */
static int read_attempt(const char *entry, const char *gate, bool is_tip, struct tip_attempts *attempts,
			bool *counting, struct err *err)
{
	cleanup_message struct message message = { 0 };
	const char *text = strchr(entry, '\n');
	if (!text)
		return 0;
	if (message_parse((struct slice){ text + 1, strlen(text + 1) }, &message) < 0)
		return err_no_memory(err);
	bool failed = text_equals(message.status, "failed"), stopped = text_equals(message.status, "stopped");
	if (!text_equals(message.gate, gate) || !(failed || stopped))
		return str_add(&attempts->base, entry, (size_t)(text - entry)) < 0 ? err_no_memory(err) : 0;
	attempts->stopped |= stopped && is_tip;
	*counting = *counting && failed;
	attempts->failed += *counting;
	return 1;
}

int tip_read_attempts(const struct git *git, const char *gate, struct tip_attempts *attempts, struct err *err)
{
	cleanup_str struct str log = STR_INIT;
	bool counting = true;
	size_t at = 0;
	attempts->failed = 0;
	attempts->stopped = false;
	str_clear(&attempts->base);
	if (git_run(git, &log, err, "log", "-z", "--first-parent", "-1000", "--format=%H%n%B", NULL) < 0)
		return -1;
	const char *entry;
	for (bool is_tip = true; (entry = git_next_field(&log, &at)) != NULL; is_tip = false) {
		int more = read_attempt(entry, gate, is_tip, attempts, &counting, err);
		if (more <= 0)
			return more;
	}
	return 0;
}

/* 1 when the branch has a progress file, 0 when it has none. */
static int read_branch(const struct git *git, const char *branch, struct progress *progress, struct err *err)
{
	cleanup_str struct str revision = STR_INIT, object = STR_INIT, text = STR_INIT, prefix = STR_INIT;
	if (git_run(git, &prefix, err, "rev-parse", "--show-prefix", NULL) < 0)
		return -1;
	if (str_addf(&revision, "refs/heads/%s", branch) < 0 ||
	    str_addf(&object, "%s:%s" PROGRESS_FILE, revision.buf, str_text(&prefix)) < 0)
		return err_no_memory(err);
	int missing = git_ask(git, err, "cat-file", "-e", object.buf, NULL);
	if (missing)
		return missing < 0 ? -1 : 0;
	if (git_run(git, &text, err, "cat-file", "blob", object.buf, NULL) < 0 ||
	    progress_parse(progress, object.buf, str_slice(&text), err) < 0 ||
	    tip_add_line(git, revision.buf, progress, err) < 0)
		return -1;
	return 1;
}

int tip_read_progress(const char *project_root, bool with_git, const char *branch, struct progress *progress,
		      const char **from, struct err *err)
{
	struct git git = { .dir = project_root };
	cleanup_str struct str path = STR_INIT, text = STR_INIT;
	int found = with_git ? read_branch(&git, branch, progress, err) : 0;
	*from = "the branch";
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (fs_join(&path, project_root, PROGRESS_FILE) < 0)
		return err_no_memory(err);
	*from = fs_is_file(path.buf) ? "the working tree" : NULL;
	if (!*from)
		return 0;
	return fs_read(path.buf, &text, err) < 0 ? -1 : progress_parse(progress, path.buf, str_slice(&text), err);
}
