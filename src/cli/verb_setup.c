/* comb setup: phase 0 in place, its changes as a diff, and their undoing. */
#include <stdio.h>

#include "cli/session.h"
#include "phases/in_place.h"
#include "phases/lock.h"
#include "phases/workspace.h"
#include "project/config.h"
#include "project/locate.h"
#include "project/manifest.h"
#include "project/markers.h"
#include "report/json_text.h"

#include "base/banned.h"

static int print_diff(struct cli *cli, const struct project *project, const struct str *diff, const struct str *said,
		      struct err *err)
{
	if (cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:o, s:o}", "verb", "setup", "project",
						    json_text(project->root), "changes", json_text(str_text(said)),
						    "diff", json_text(str_text(diff))),
					  err);
	if (diff->len == 0) {
		fputs("Nothing to change: what parallel runs need is declared and the markers are registered.\n", stdout);
		return 0;
	}
	fwrite(diff->buf, 1, diff->len, stdout);
	return 0;
}

static int show_diff(struct cli *cli, struct err *err)
{
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_manifest struct manifest manifest = MANIFEST_INIT;
	cleanup_changeset struct changeset set = CHANGESET_INIT;
	cleanup_str struct str said = STR_INIT, diff = STR_INIT;
	if (project_open(&project, cli_project(cli), cli_text(cli, "python", NULL), err) < 0 ||
	    manifest_read(&manifest, &project, err) < 0)
		return -1;
	manifest.with_comb |= cli_flag(cli, "with-comb");
	if (!manifest_complete(&manifest) && manifest_declare(&manifest, &project, &set, &said, err) < 0)
		return -1;
	if (markers_register(&project, category_markers, &set, &said, err) < 0 ||
	    changeset_diff(&set, project.root, &diff, err) < 0)
		return -1;
	return print_diff(cli, &project, &diff, &said, err);
}

static int undo(struct cli *cli, struct err *err)
{
	static const int newest[3];
	cleanup_project struct project project = PROJECT_INIT;
	cleanup_lock struct lock lock = LOCK_INIT;
	size_t count;
	/* No interpreter is needed to put files back, and one that is broken must not be in the way. */
	if (locate_folder(&project, cli_project(cli), err) < 0 || config_find(&project, newest, err) < 0 ||
	    lock_acquire(&lock, project.root, err) < 0 || workspace_undo(project.root, &count, err) < 0 ||
	    in_place_forget(project.root, NULL, err) < 0)
		return -1;
	if (cli->json)
		return session_print_json(json_pack("{s:s, s:o, s:i}", "verb", "setup", "project",
						    json_text(project.root), "files_put_back", (int)count),
					  err);
	printf("%zu file%s put back as before comb\n", count, count == 1 ? "" : "s");
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	if (cli_flag(cli, "undo"))
		return undo(cli, err);
	return cli_flag(cli, "diff") ? show_diff(cli, err) : session_run_phase(cli, &phase_setup, err);
}

static const struct option options[] = {
	{ .name = "install",
	  .help = "install pytest-xdist (and pytest-comb, where it is declared) with the project's own package manager" },
	WITH_COMB_OPTION,
	{ .name = "diff", .help = "show what would be changed, and change nothing" },
	{ .name = "undo", .help = "put back the files that comb changed in place, as they were before" },
	{ .name = "allow-failing", .help = "go on although tests fail, or files cannot be collected, before anything is changed" },
	{ .name = "timeout", .kind = OPTION_DURATION, .argument = "D", .help = "time limit for each run of pytest" },
	{ .name = NULL },
};

const struct verb verb_setup = {
	.name = "setup",
	.summary = "declare pytest-xdist, register the markers, record the sequential baseline",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description =
		"Phase 0. Declares pytest-xdist in every place of the project's own manifest that declares pytest, "
		"registers the markers unit, integration and slow in the configuration file that pytest obeys, and "
		"runs the suite once, sequentially, as the baseline. Works in place; only the lines added change, and "
		"the old files are kept in .comb/backup.",
	.example = "comb setup --diff ~/src/shop   shows what would be added",
	.options = options,
	.run = run,
};
