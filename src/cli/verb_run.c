/*
 * comb run: the suite as its owner would run it, only in the right way: with
 * the workers it needs, and not green while a test that was collected did not run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/machine.h"
#include "cli/session.h"
#include "history/history.h"
#include "phases/tune_measure.h"
#include "phases/tune_write.h"
#include "project/addopts.h"
#include "project/suite.h"
#include "tune/automatic.h"

#include "base/banned.h"

#define PROFILE_KEY "run.profile"
#define NAMED_MOST 20 /* tests that did not run, named one by one */

static bool has_xdist(const struct project *project, struct str *why, struct str *next)
{
	if (project_plugin(project, "pytest-xdist"))
		return true;
	str_addf(why, "pytest-xdist is not installed for %s", project->python);
	str_addf(next, "comb setup --install %s", project->path);
	return false;
}

/* Nothing has to be installed: comb brings its plugin along. */
static bool has_comb(const struct project *project, struct str *why, struct str *next)
{
	if (!project->engine_problem)
		return true;
	str_addf(why, "comb's engine cannot be loaded by %s: ", project->python);
	str_add_printable(why, project->engine_problem, strlen(project->engine_problem));
	str_adds(next, "another interpreter: --python PATH");
	return false;
}

/* Who runs the tests, from plain to fast. A row plugs an engine in. */
static const struct engine {
	const char *name, *label; /* for a command line, for a person */
	enum suite_engine engine;
	bool parallel;
	/* Says in *why what keeps it from running here, and in *next what helps. true: nothing does. */
	bool (*is_there)(const struct project *project, struct str *why, struct str *next);
} engines[] = {
	{ "serial", "one process", ENGINE_SERIAL, false, NULL },
	{ "xdist", "xdist", ENGINE_XDIST, true, has_xdist },
	{ "comb", "comb's engine", ENGINE_COMB, true, has_comb },
};
#define ENGINE_COUNT (sizeof(engines) / sizeof(*engines))

/* Options of pytest with which no test, or no whole test, is meant to run. */
static const char *const dry_options[] = {
	"--collect-only", "--collectonly", "--co",       "--setup-only", "--setup-plan",
	"--setuponly",    "--setupplan",   "--fixtures", "--funcargs",   "--fixtures-per-test",
	"--markers",      "--help",        "-h",         "--version",    "-V",
	"--cache-show",
};

/* Options of pytest with which tests cannot be handed out. */
static const struct one_process_option {
	const char *name;
	bool refuses_workers; /* pytest calls a number of workers beside it a usage error */
} one_process_options[] = {
	{ "--pdb", true },         { "--trace", true },       { "--setup-show", false }, { "--setup-plan", false },
	{ "--setup-only", false }, { "--sw", false },         { "--stepwise", false },   { "--sw-skip", false },
	{ "--stepwise-skip", false }, { "--sw-reset", false }, { "--stepwise-reset", false },
};

/* What will be run. */
struct choice {
	const struct engine *engine;
	int workers; /* 0: one process, or as configured */
	enum dist dist;
	bool configured; /* by the project's own addopts */
	struct str why; /* for a person: the number of workers */
	struct str instead; /* why no faster engine; empty: there is none */
};

static const struct engine *find_engine(const char *name)
{
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		if (strcmp(engines[i].name, name) == 0)
			return &engines[i];
	return NULL;
}

/* The engine asked for, or an error that says why it cannot be had. */
static int choose_named(const struct session *session, const char *name, struct choice *choice, struct err *err)
{
	cleanup_str struct str why = STR_INIT, next = STR_INIT;
	choice->engine = find_engine(name);
	if (!choice->engine->is_there || choice->engine->is_there(&session->project, &why, &next))
		return 0;
	err_set(err, ERR_ENVIRONMENT, "--engine %s: %s", name, str_text(&why));
	return err_hint(err, "%s, or --engine serial", str_text(&next));
}

/* The fastest that is there; choice->instead says why it is not a faster one. */
static void choose_fastest(const struct session *session, struct choice *choice)
{
	for (size_t i = ENGINE_COUNT; i-- > 0;) {
		cleanup_str struct str next = STR_INIT;
		choice->engine = &engines[i];
		if (choice->instead.len > 0)
			str_adds(&choice->instead, "; ");
		if (!engines[i].is_there || engines[i].is_there(&session->project, &choice->instead, &next))
			return;
	}
}

static int choose_engine(const struct session *session, struct choice *choice, struct err *err)
{
	const char *name = cli_text(session->cli, "engine", NULL);
	if (name)
		return choose_named(session, name, choice, err);
	choose_fastest(session, choice);
	return 0;
}

enum { WORKERS_MAX = 10000 };

/* -n: 0 (serial) … , or -1 for auto. */
static int parse_workers(const char *text, int *workers, struct err *err)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (strcmp(text, "auto") == 0 || strcmp(text, "logical") == 0) {
		*workers = -1;
		return 0;
	}
	if (*end || end == text || number < 0 || number > WORKERS_MAX)
		return err_set(err, ERR_INPUT, "-n wants auto or a number of workers from 0 to %d, not '%s'",
			       WORKERS_MAX, text);
	*workers = (int)number;
	return 0;
}

/* The value of the last `-n 3`, `-n3`, `--name 3` or `--name=3` behind --, NULL where there is none. */
static const char *find_behind(const struct cli *cli, const char *letter, const char *name)
{
	const char *value = NULL;
	size_t length = strlen(name);
	for (size_t i = 0; i < cli->rest.len; i++) {
		const char *word = cli->rest.at[i];
		bool whole = strcmp(word, name) == 0 || (letter && strcmp(word, letter) == 0);
		if (whole)
			value = i + 1 < cli->rest.len ? cli->rest.at[++i] : value;
		else if (strncmp(word, name, length) == 0 && word[length] == '=')
			value = word + length + 1;
		else if (letter && strncmp(word, letter, 2) == 0)
			value = word + 2;
	}
	return value;
}

/* -n as pytest will take it: of two the last counts. What is no number behind -- is for pytest to complain of. */
static const char *asked_workers(const struct cli *cli)
{
	struct err ignored = ERR_INIT;
	int workers;
	const char *behind = find_behind(cli, "-n", "--numprocesses");
	if (behind && parse_workers(behind, &workers, &ignored) == 0)
		return behind;
	return cli_text(cli, "numprocesses", NULL);
}

/* The option behind -- that wants one process, NULL where there is none. */
static const struct one_process_option *find_one_process(const struct cli *cli)
{
	for (size_t i = 0; i < cli->rest.len; i++)
		for (size_t k = 0; k < sizeof(one_process_options) / sizeof(*one_process_options); k++)
			if (strcmp(cli->rest.at[i], one_process_options[k].name) == 0)
				return &one_process_options[k];
	return NULL;
}

/* What an earlier run of the whole suite showed. 1, 0, -1. */
static int load_profile(const struct session *session, struct profile *profile, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	int found = session->history ? history_meta_get(session->history, PROFILE_KEY, &text, err) : 0;
	if (found <= 0)
		return found;
	json_t *json = json_loads(str_text(&text), 0, NULL);
	found = json && profile_parse(profile, json);
	json_decref(json);
	return found;
}

static int take_measured(struct choice *choice, const struct contestant *entry, struct err *err)
{
	choice->workers = entry->configuration.workers;
	choice->dist = entry->configuration.dist;
	return str_adds(&choice->why, "as comb tune measured") < 0 ? err_no_memory(err) : 1;
}

static bool is_faster(const struct contestant *entry, const struct contestant *than)
{
	return stats_median(&entry->wall_s) < stats_median(&than->wall_s);
}

/* -n auto: what was measured to be best here; else from what an earlier run showed; else the cores. */
static int choose_workers(const struct session *session, struct choice *choice, struct err *err)
{
	struct phase_ctx ctx = { .history = session->history };
	struct profile profile;
	struct study study;
	double cores = machine_cores();
	int found = tune_load(&ctx, &study, err);
	if (found < 0)
		return -1;
	const struct contestant *fastest = found ? study_fastest(&study, choice->engine->engine) : NULL;
	if (fastest && is_faster(fastest, study_serial(&study)))
		return take_measured(choice, fastest, err) < 0 ? -1 : 0;
	if (fastest && !cli_text(session->cli, "engine", NULL) && !asked_workers(session->cli)) {
		choice->engine = &engines[0];
		return str_adds(&choice->why, "the fastest, as comb tune measured") < 0 ? err_no_memory(err) : 0;
	}
	found = load_profile(session, &profile, err);
	if (found < 0)
		return -1;
	choice->workers = found ? automatic_workers(&profile, cores, machine_available_bytes()) : machine_processes();
	if (found && choice->workers > machine_processes())
		found = str_adds(&choice->why, "the tests wait more than they compute");
	else
		found = str_addf(&choice->why, "%.3g cores", cores);
	return found < 0 ? err_no_memory(err) : 0;
}

/*
 * comb tune wrote down the best that the project can use by itself, and measured comb's engine beside it: this run can
 * have that. 1: *choice is filled; 0; -1.
 */
static int note_measured_beside(const struct session *session, struct choice *choice, struct err *err)
{
	struct phase_ctx ctx = { .project = (struct project *)&session->project, .history = session->history };
	struct study study;
	if (asked_workers(session->cli) || choice->engine->engine != ENGINE_COMB)
		return 0;
	int found = tune_load(&ctx, &study, err);
	const struct contestant *comb = found > 0 ? study_faster_beside(&study) : NULL;
	if (!comb)
		return found < 0 ? -1 : 0;
	int written = tune_is_written(&ctx, &study, err);
	return written <= 0 ? written : take_measured(choice, comb, err);
}

/* The project's own -n and --dist count where nothing else was asked for. 1: they do; 0; -1. */
static int note_configured(const struct session *session, struct choice *choice, struct err *err)
{
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	if (asked_workers(session->cli))
		return 0;
	if (addopts_read(&addopts, &session->project, err) < 0)
		return -1;
	const char *behind = find_behind(session->cli, NULL, "--dist"), *dist = behind ? behind : addopts.dist;
	bool off = text_equals(addopts.workers, "0");
	if ((!addopts.workers && !addopts.comb) || (off && cli_text(session->cli, "engine", NULL)))
		return 0;
	choice->configured = true;
	if (off)
		choice->engine = &engines[0];
	choice->workers = addopts.workers ? atoi(addopts.workers) : 0;
	choice->dist = dist ? dist_parse(dist) : DIST_LOAD;
	if (str_addf(&choice->why, "as configured: %s%s%s%s%s", addopts.comb ? "--comb " : "",
		     addopts.workers ? "-n " : "", addopts.workers ? addopts.workers : "",
		     dist ? " --dist " : "", dist ? dist : "") < 0)
		return err_no_memory(err);
	return 1;
}

/* Workers that were asked for need an engine that has them. */
static int check_workers(const struct session *session, const struct choice *choice, int workers, struct err *err)
{
	if (workers <= 0 || choice->engine->parallel)
		return 0;
	if (cli_text(session->cli, "engine", NULL)) {
		err_set(err, ERR_INPUT, "--engine %s runs all tests in one process; -n %d has no place there",
			choice->engine->name, workers);
		return err_hint(err, "leave one of them out");
	}
	err_set(err, ERR_ENVIRONMENT, "-n %d: %s", workers, str_text(&choice->instead));
	return err_hint(err, "comb setup --install %s", session->project.path);
}

/* How many workers, and who says so. */
static int choose_number(const struct session *session, struct choice *choice, struct err *err)
{
	const char *text = cli_text(session->cli, "numprocesses", NULL), *asked = asked_workers(session->cli);
	const struct one_process_option *one_process = find_one_process(session->cli);
	int workers = -1;
	if ((text && parse_workers(text, &workers, err) < 0) || (asked && parse_workers(asked, &workers, err) < 0) ||
	    check_workers(session, choice, workers, err) < 0)
		return -1;
	if (!choice->engine->parallel || (workers == 0 && asked == text)) {
		choice->engine = &engines[0];
		return 0;
	}
	if (workers == 0)
		return 0; /* behind --, where options of the engine's plugin may stand beside it */
	if (one_process && (workers < 0 || !one_process->refuses_workers))
		return str_adds(&choice->why, one_process->name) < 0 ? err_no_memory(err) : 0;
	int chosen = note_measured_beside(session, choice, err);
	if (chosen == 0)
		chosen = note_configured(session, choice, err);
	if (chosen != 0)
		return chosen < 0 ? -1 : 0;
	if (workers < 0)
		return choose_workers(session, choice, err);
	choice->workers = workers;
	return 0;
}

/* 0 with *choice filled. */
static int choose(const struct session *session, struct choice *choice, struct err *err)
{
	const char *behind = find_behind(session->cli, NULL, "--dist");
	choice->dist = DIST_LOADGROUP; /* keeps what must not overlap apart */
	if (choose_engine(session, choice, err) < 0 || choose_number(session, choice, err) < 0)
		return -1;
	if (behind && dist_parse(behind) != DIST_COUNT)
		choice->dist = dist_parse(behind);
	return 0;
}

/* An installed plugin of another version takes no part. */
static void tell_clash(const struct project *project)
{
	const struct plugin *installed = project_plugin(project, COMB_NAME);
	cleanup_str struct str version = STR_INIT;
	if (!installed || strcmp(installed->version, COMB_VERSION) == 0 || project->engine_problem)
		return;
	str_add_printable(&version, installed->version, strlen(installed->version));
	fprintf(stderr, "comb: pytest-comb %s is installed there and left out; this is " COMB_VERSION "\n",
		str_text(&version));
}

static void announce(const struct session *session, const struct choice *choice)
{
	cleanup_str struct str why = STR_INIT, instead = STR_INIT;
	str_add_printable(&why, str_text(&choice->why), choice->why.len);
	str_add_printable(&instead, str_text(&choice->instead), choice->instead.len);
	if (session->cli->verbosity < 0)
		return;
	tell_clash(&session->project);
	if (session->cli->verbosity > 0 && instead.len > 0)
		fprintf(stderr, "comb: %s\n", str_text(&instead));
	if (choice->configured)
		fprintf(stderr, "comb: %s (%s)\n", str_text(&why), choice->engine->label);
	else if (choice->workers == 0)
		fprintf(stderr, "comb: serial%s%s%s\n", why.len ? " (" : "", str_text(&why), why.len ? ")" : "");
	else
		fprintf(stderr, "comb: %d worker%s, %s, --dist %s%s%s%s\n", choice->workers,
			choice->workers == 1 ? "" : "s", choice->engine->label, dist_name(choice->dist),
			why.len ? " (" : "", str_text(&why), why.len ? ")" : "");
	if (session->project.engine_problem)
		fputs("comb: tests that do not run cannot be noticed with this interpreter\n", stderr);
}

static int run_suite(const struct session *session, const struct choice *choice, struct suite_run *run, struct err *err)
{
	struct suite_options options = {
		.engine = choice->engine->engine,
		.workers = choice->configured ? 0 : choice->workers,
		.dist = choice->workers > 0 && !choice->configured ? dist_name(choice->dist) : NULL,
		.keep_addopts = choice->configured,
		.plain = session->project.engine_problem != NULL,
		.outcomes_only = choice->engine->engine == ENGINE_COMB,
		.interactive = true,
		.output_to_stderr = session->cli->json,
		.timeout_s = session->settings.timeout_s,
		.arguments = &session->cli->rest,
	};
	return suite_run(&session->project, &options, run, err);
}

/* A selection of tests says nothing about the suite. */
static int remember(const struct session *session, const struct choice *choice, const struct suite_run *run,
		    struct err *err)
{
	struct profile profile = profile_of(run);
	struct history_run what = {
		.purpose = "run",
		.engine = choice->engine->engine,
		.workers = choice->workers,
		.dist = choice->workers > 0 ? dist_name(choice->dist) : NULL,
	};
	if (run->tests.len == 0 || !session->history)
		return 0;
	/* comb's engine remembers its runs itself. */
	if (choice->engine->engine != ENGINE_COMB && history_record(session->history, &what, run, NULL, err) < 0)
		return -1;
	if (session->cli->rest.len > 0 || !suite_is_green(run))
		return 0;
	json_t *json = profile_json(&profile);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int failed = text ? history_meta_set(session->history, PROFILE_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(json);
	return failed;
}

static bool is_dry(const struct cli *cli)
{
	for (size_t i = 0; i < cli->rest.len; i++)
		for (size_t k = 0; k < sizeof(dry_options) / sizeof(*dry_options); k++)
			if (strcmp(cli->rest.at[i], dry_options[k]) == 0)
				return true;
	return false;
}

static size_t count_not_run(const struct suite_run *run)
{
	size_t count = 0;
	for (size_t i = 0; i < run->tests.len; i++)
		count += run->tests.at[i].outcome == TEST_NOT_RUN;
	return count;
}

/* Names on standard error what was collected and did not run. */
static void name_not_run(const struct suite_run *run, const char *although)
{
	size_t named = 0, count = count_not_run(run);
	cleanup_str struct str text = STR_INIT;
	if (count == 0)
		return;
	str_addf(&text, "comb: %zu of %zu collected tests did not run%s:\n", count, run->tests.len, although);
	for (size_t i = 0; i < run->tests.len && named < NAMED_MOST; i++) {
		const struct test *test = &run->tests.at[i];
		if (test->outcome != TEST_NOT_RUN)
			continue;
		named++;
		str_adds(&text, "      ");
		str_add_printable(&text, test->id, strlen(test->id));
		if (test->failure) {
			str_adds(&text, ": ");
			str_add_printable(&text, test->failure, strlen(test->failure));
		}
		str_addc(&text, '\n');
	}
	if (count > named)
		str_addf(&text, "      and %zu more\n", count - named);
	fwrite(str_text(&text), 1, text.len, stderr);
}

static json_t *not_run_json(const struct suite_run *run)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < run->tests.len; i++) {
		cleanup_str struct str id = STR_INIT;
		if (run->tests.at[i].outcome != TEST_NOT_RUN)
			continue;
		str_add_printable(&id, run->tests.at[i].id, strlen(run->tests.at[i].id));
		if (json_array_append_new(array, json_string(str_text(&id))) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int print_json(const struct session *session, const struct choice *choice, const struct suite_run *run,
		      int status, struct err *err)
{
	struct suite_counts counts = suite_count(run);
	bool serial = choice->workers == 0 && !choice->configured;
	return session_print_json(
		json_pack("{s:s, s:s, s:s, s:b, s:i, s:s, s:i, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o}",
			  "verb", "run", "project", session->project.root, "engine",
			  serial ? engines[0].name : choice->engine->name, "configured",
			  choice->configured, "workers", choice->workers, "dist",
			  choice->workers > 0 ? dist_name(choice->dist) : "no", "exit_code", status, "pytest_exit_code",
			  run->exit_code, "timed_out", run->timed_out, "collected", (json_int_t)counts.collected,
			  "passed", (json_int_t)counts.passed, "failed", (json_int_t)counts.failed, "skipped",
			  (json_int_t)counts.skipped, "other", (json_int_t)counts.other, "wall_s", run->wall_s, "cpu_s",
			  run->cpu_s, "not_run", not_run_json(run)),
		err);
}

/* pytest's own status, unless it is green and should not be. */
static int judge(const struct cli *cli, const struct suite_run *run)
{
	int status = run->exit_code;
	if (run->timed_out) {
		fprintf(stderr, "comb: stopped at the time limit after %.0f s\n", run->wall_s);
		status = 1;
	} else if (run->signal) {
		fprintf(stderr, "comb: pytest was killed by signal %d (%s)\n", run->signal, strsignal(run->signal));
		status = 128 + run->signal;
	} else if (run->cut_short) {
		fprintf(stderr, "comb: pytest's process ended before its session had come to an end (exit code %d)\n", run->exit_code);
		status = run->exit_code ? run->exit_code : 1;
	} else if (run->exit_code == 0 && count_not_run(run) > 0 && !is_dry(cli)) {
		name_not_run(run, ", although pytest says that all is well");
		return 1;
	}
	if (run->timed_out || run->signal || run->cut_short)
		name_not_run(run, "");
	return status;
}

/* What does not touch the run's result. */
static void tell(const char *what, const struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	str_add_printable(&text, err->text, strlen(err->text));
	fprintf(stderr, "comb: %s: %s\n", what, str_text(&text));
}

static int run_in(struct session *session, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	struct choice choice = { .engine = &engines[0], .why = STR_INIT, .instead = STR_INIT };
	int status = choose(session, &choice, err);
	if (status == 0) {
		announce(session, &choice);
		status = run_suite(session, &choice, &run, err);
		bool interrupted = status < 0 && err->kind == ERR_INTERRUPTED && (run.exit_code >= 0 || run.signal);
		if (interrupted) {
			status = run.exit_code >= 0 ? run.exit_code : 128 + run.signal;
		} else if (status == 0) {
			struct err forgotten = ERR_INIT;
			if (remember(session, &choice, &run, &forgotten) < 0)
				tell("this run is not remembered", &forgotten);
			status = judge(session->cli, &run);
		}
		if (status >= 0 && session->cli->json && print_json(session, &choice, &run, status, err) < 0)
			status = -1;
	}
	str_release(&choice.why);
	str_release(&choice.instead);
	return status;
}

/* A test file or a node id stands where the project's folder belongs. */
static bool names_tests(const char *operand)
{
	return fs_is_file(operand) || (strstr(operand, "::") && !fs_exists(operand));
}

static int run(struct cli *cli, struct err *err)
{
	struct session session;
	if (names_tests(cli_project(cli))) {
		err_set(err, ERR_INPUT, "%s is not a folder", cli_project(cli));
		return err_hint(err, "tests are chosen behind --: comb run -- %s", cli_project(cli));
	}
	int status = session_open_project(&session, cli, err);
	if (status == 0) {
		struct err unwritable = ERR_INIT;
		cleanup_str struct str note = STR_INIT;
		if (history_open(&session.history, session.project.root, &note, &unwritable) < 0)
			tell("runs are not remembered here", &unwritable);
		if (note.len > 0)
			fprintf(stderr, "comb: %s\n", note.buf);
		status = run_in(&session, err);
	}
	if (session_close(&session, err) < 0)
		status = -1;
	return status;
}

static const struct option options[] = {
	{ "numprocesses", 'n', OPTION_TEXT, "N|auto",
	  "workers; 0 is serial (default: the project's own -n, else auto)" },
	{ "engine", 0, OPTION_CHOICE, "comb|xdist|serial",
	  "who runs the tests (default: comb's engine where the interpreter can load it, else xdist, else serial)" },
	{ "timeout", 0, OPTION_DURATION, "D", "time limit for the whole run (default: none)" },
	{ 0 },
};

const struct verb verb_run = {
	.name = "run",
	.summary = "run the suite; not green while a collected test did not run",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.pass_through = true,
	.description = "Runs the suite as `cd PROJECT && pytest` would, with pytest's own output and exit status, and "
		       "remembers every "
		       "test's duration and outcome. comb's own engine runs it; nothing has to be installed in the "
		       "project for that. "
		       "Without -n the project's own -n and --dist count; where "
		       "they say nothing "
		       "about workers, as many are used as comb tune found best, or as earlier runs suggest: a suite "
		       "that waits more "
		       "than it computes gets more workers than there are cores. Tests that were collected and did not "
		       "run are named, "
		       "and the run is then not green (exit 1) whatever pytest says.",
	.example = "comb run -n 4 -- -x -k orders",
	.options = options,
	.run = run,
};
