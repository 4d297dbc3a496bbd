#include "cli/session.h"
#include "phases/git.h"
#include "phases/lock.h"
#include "phases/validate.h"
#include "phases/worktree.h"
#include "report/json_text.h"

#include "base/banned.h"

static const struct option options[] = {
	{ "branch", 0, OPTION_TEXT, "B", "the branch to validate (default: parallel-testing, or HEAD where there is none)" },
	UNTIL_OPTION,
	SESSION_OPTIONS,
	{ 0 },
};

/* The branch while it holds something that HEAD does not; HEAD otherwise. */
static int choose_commit(const struct session *session, const char *asked, struct str *what, struct err *err)
{
	const char *branch = asked ? asked : "parallel-testing";
	struct git git = { .dir = session->project.root };
	cleanup_str struct str reference = STR_INIT;
	int exists = worktree_has_branch(session->project.root, branch, err);
	if (exists < 0 || str_addf(&reference, "refs/heads/%s", branch) < 0)
		return exists < 0 ? -1 : err_no_memory(err);
	if (!exists && asked) {
		err_set(err, ERR_INPUT, "there is no branch '%s' in %s", asked, session->project.git_root);
		return err_hint(err, "git branch lists them; without --branch parallel-testing or HEAD is validated");
	}
	int merged = exists ? git_ask(&git, err, "merge-base", "--is-ancestor", reference.buf, "HEAD", NULL) : 0;
	if (merged < 0)
		return -1;
	return str_adds(what, merged == 0 ? "HEAD" : reference.buf) < 0 ? err_no_memory(err) : 0;
}

static int note_dirty(struct session *session, struct err *err)
{
	cleanup_strings struct strings paths = STRINGS_INIT;
	return worktree_note_dirty(session->project.root, "a clean checkout is what is validated", &paths,
				   &session->terminal.sink, err);
}

static int validate(struct session *session, struct gate_list *list, struct str *what, struct err *err)
{
	cleanup_lock struct lock lock = LOCK_INIT;
	const struct phase *table[PHASES_MAX + 1];
	struct adopt_options adopt_options = {
		.table = table,
		.settings = session->settings,
		.history = session->history,
		.sink = &session->terminal.sink,
		.listener = &session->listener,
	};
	session_choose_phases(session->cli, table);
	if (lock_acquire(&lock, session->project.root, err) < 0)
		return -1;
	if (session->project.git_root) {
		if (choose_commit(session, cli_text(session->cli, "branch", NULL), what, err) < 0)
			return -1;
		sink_notef(&session->terminal.sink, "validating %s in a clean checkout", what->buf);
		if (note_dirty(session, err) < 0)
			return -1;
		return validate_commit(&session->project, what->buf, &adopt_options, list, err);
	}
	struct phase_ctx ctx = {
		.project = &session->project,
		.history = session->history,
		.settings = &session->settings,
		.sink = &session->terminal.sink,
		.attempt = 1,
	};
	sink_note(&session->terminal.sink, "no git repository: validating the project as it lies here");
	return validate_gates(&ctx, table, &session->listener, list, err);
}

static int print(struct session *session, const struct gate_list *list, const char *what, struct err *err)
{
	bool passed = validate_passed(list);
	cleanup_str struct str text = STR_INIT;
	if (session->cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:s?, s:b, s:o}", "verb", "validate", "project",
						    json_text(session->project.root), "validated", what[0] ? what : NULL, "passed",
						    passed, "gates", gate_list_json(list)), err);
	if (session->terminal.verbosity < 0)
		gate_list_print(list, &session->terminal);
	if (str_addf(&text, "%zu of %zu gates passed", list->rows.len - gate_list_count(list, GATE_FAILED),
		     list->rows.len) < 0)
		return err_no_memory(err);
	terminal_line(&session->terminal, passed ? MARK_PASSED : MARK_FAILED, text.buf);
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	cleanup_gate_list struct gate_list list = GATE_LIST_INIT;
	cleanup_str struct str what = STR_INIT;
	int status = session_open(&session, cli, err);
	if (status == 0)
		status = validate(&session, &list, &what, err);
	if (status == 0)
		status = print(&session, &list, str_text(&what), err) < 0 ? -1 : validate_passed(&list) ? 0 : 1;
	return session_close(&session, err) < 0 ? -1 : status;
}

const struct verb verb_validate = {
	.name = "validate",
	.summary = "measure every gate again in a clean checkout",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description = "Checks out the branch that comb adopt made (or HEAD, once it is merged) into a temporary worktree and "
		       "measures every gate of every phase again, in order, changing nothing. Exit status 1 when one fails.",
	.example = "comb validate ~/src/shop",
	.options = options,
	.run = run,
};
