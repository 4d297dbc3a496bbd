/* comb doctor: the diagnosis as text or JSON. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "cli/session.h"
#include "phases/diagnosis.h"
#include "report/json_text.h"
#include "report/terminal.h"

#include "base/banned.h"

#define LABEL_COLUMNS 16

/* --- text --- */

struct page {
	struct str text;
	const struct terminal *terminal;
	bool failed; /* out of memory */
};

static void add_heading(struct page *page, const char *text)
{
	page->failed |= str_addf(&page->text, "%s%s\n", page->text.len ? "\n" : "", text) < 0;
}

/* value may be hostile; NULL shows as a dash. */
static void add_row(struct page *page, const char *label, const char *value)
{
	page->failed |= str_addf(&page->text, "  %-*s", LABEL_COLUMNS, label) < 0 ||
		str_add_printable(&page->text, value ? value : "-", value ? strlen(value) : 1) < 0 ||
		str_addc(&page->text, '\n') < 0;
}

__attribute__((format(printf, 3, 4))) static void add_rowf(struct page *page, const char *label, const char *format,
							   ...)
{
	cleanup_str struct str value = STR_INIT;
	va_list args;
	va_start(args, format);
	page->failed |= str_vaddf(&value, format, args) < 0;
	va_end(args);
	add_row(page, label, str_text(&value));
}

static void add_project(struct page *page, const struct diagnosis *diagnosis)
{
	const struct project *project = &diagnosis->project;
	const struct repository *repository = &diagnosis->repository;
	add_heading(page, "Project");
	if (!diagnosis->is_project) {
		add_row(page, "folder", project->path);
		return;
	}
	add_row(page, "root", project->root);
	if (project->config_path)
		add_rowf(page, "configuration", "%s %s", project->config_path, config_kind_table(project->config_kind));
	else
		add_row(page, "configuration", "none");
	if (project->manifest_path)
		add_rowf(page, "manifest", "%s%s%s", project->manifest_path, project->manifest_place[0] ? " " : "",
			 project->manifest_place);
	else
		add_row(page, "manifest", "pytest is declared nowhere");
	add_row(page, "manager", package_manager_name(project->manager));
	if (!project->git_root)
		add_row(page, "git", "no repository");
	else if (!repository->is_read)
		add_rowf(page, "git", "%s, which git does not read", project->git_root);
	else if (!repository->commit)
		add_rowf(page, "git", "%s, no commit yet", project->git_root);
	else
		add_rowf(page, "git", "%s, %s%s, %zu changed file%s%s", project->git_root,
			 repository->branch ? "branch " : "detached at ",
			 repository->branch ? repository->branch : repository->commit, repository->changed,
			 repository->changed == 1 ? "" : "s",
			 repository->is_nested ? "; the project is a folder inside it" : "");
}

static void add_interpreter(struct page *page, const struct diagnosis *diagnosis)
{
	const struct project *project = &diagnosis->project;
	const int *python = project->python_version, *pytest = project->pytest_version;
	add_heading(page, "Interpreter");
	add_row(page, "python", project->python);
	if (project->python_from)
		add_row(page, "found by", project->python_from);
	if (!diagnosis->has_interpreter)
		return;
	add_rowf(page, "version", "%d.%d.%d", python[0], python[1], python[2]);
	if (pytest[0])
		add_rowf(page, "pytest", "%d.%d.%d", pytest[0], pytest[1], pytest[2]);
	else
		add_row(page, "pytest", "cannot be imported");
	for (size_t i = 0; i < project->plugins.len; i++)
		add_rowf(page, i ? "" : "plugins", "%s %s", project->plugins.at[i].name,
			 project->plugins.at[i].version);
	if (project->engine_problem)
		add_rowf(page, "comb's engine", "cannot be loaded: %s", project->engine_problem);
	else
		add_row(page, "comb's engine", "can be loaded");
}

static void add_machine(struct page *page, const struct diagnosis *diagnosis)
{
	const struct capabilities *capabilities = &diagnosis->capabilities;
	add_heading(page, "Machine");
	cleanup_str struct str quota = STR_INIT;
	page->failed |= (machine_quota() > 0 ? str_addf(&quota, "a quota of %.2f", machine_quota())
					     : str_adds(&quota, "no quota")) < 0;
	add_rowf(page, "processors", "%d usable: %d online, %d allowed, %s", machine_processes(), machine_online(),
		 machine_allowed(), str_text(&quota));
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		const struct capability *row = &capabilities->rows[i];
		const char *mark = terminal_mark(page->terminal, row->there ? MARK_PASSED : MARK_FAILED);
		page->failed |= str_addf(&page->text, "  %-*s%s %s (%s)\n", LABEL_COLUMNS, row->name, mark, row->detail,
					 row->use) < 0;
		if (row->remedy[0])
			page->failed |= str_addf(&page->text, "  %-*s  next: %s\n", LABEL_COLUMNS, "", row->remedy) < 0;
	}
	add_rowf(page, "isolation", "%s: %s", isolation_name(capabilities->isolation),
		 isolation_text(capabilities->isolation));
}

static void add_problems(struct page *page, const struct diagnosis *diagnosis)
{
	if (diagnosis->problems.len == 0)
		return;
	add_heading(page, "What is missing");
	for (size_t i = 0; i < diagnosis->problems.len; i++) {
		const struct err *err = &diagnosis->problems.at[i].err;
		const char *mark = terminal_mark(page->terminal, err->kind == ERR_NONE ? MARK_PENDING : MARK_FAILED);
		page->failed |= str_addf(&page->text, "  %s ", mark) < 0;
		if (err->file[0]) {
			page->failed |= str_add_printable(&page->text, err->file, strlen(err->file)) < 0;
			if (err->line > 0)
				page->failed |= str_addf(&page->text, ":%d", err->line) < 0;
			page->failed |= str_adds(&page->text, ": ") < 0;
		}
		page->failed |= str_add_printable(&page->text, err->text, strlen(err->text)) < 0 ||
			str_addc(&page->text, '\n') < 0;
		if (err->hint[0])
			page->failed |= str_adds(&page->text, "    next: ") < 0 ||
				str_add_printable(&page->text, err->hint, strlen(err->hint)) < 0 ||
				str_addc(&page->text, '\n') < 0;
	}
}

static int print_text(const struct cli *cli, const struct diagnosis *diagnosis, struct err *err)
{
	struct terminal terminal;
	terminal_open(&terminal, STDOUT_FILENO, cli->color, cli->verbosity);
	struct page page = { .text = STR_INIT, .terminal = &terminal };
	add_project(&page, diagnosis);
	add_interpreter(&page, diagnosis);
	add_machine(&page, diagnosis);
	add_problems(&page, diagnosis);
	bool written = fwrite(str_text(&page.text), 1, page.text.len, stdout) == page.text.len && fflush(stdout) == 0;
	int failed = page.failed ? err_no_memory(err)
		: written        ? 0
				 : err_set(err, ERR_INPUT, "cannot write to standard output:");
	str_release(&page.text);
	return terminal_close(&terminal, err) < 0 ? -1 : failed;
}

/* --- JSON --- */

static json_t *json_version(const int version[3])
{
	char text[48];
	if (version[0] == 0)
		return json_null();
	snprintf(text, sizeof(text), "%d.%d.%d", version[0], version[1], version[2]);
	return json_string(text);
}

static json_t *json_project(const struct diagnosis *diagnosis)
{
	const struct project *project = &diagnosis->project;
	const struct repository *repository = &diagnosis->repository;
	json_t *git = json_null();
	if (!diagnosis->is_project)
		return json_null();
	if (project->git_root)
		git = json_pack("{s:o, s:o, s:o, s:i, s:b}", "root", json_text(project->git_root), "branch",
				json_text(repository->branch), "commit", json_text(repository->commit), "changed_files",
				(int)repository->changed, "nested", repository->is_nested);
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o}", "root", json_text(project->root), "configuration",
			 json_text(project->config_path), "table", config_kind_table(project->config_kind), "manifest",
			 json_text(project->manifest_path), "place", json_text(project->manifest_place), "manager",
			 package_manager_name(project->manager), "git", git);
}

static json_t *json_interpreter(const struct diagnosis *diagnosis)
{
	const struct project *project = &diagnosis->project;
	json_t *plugins = json_object();
	for (size_t i = 0; i < project->plugins.len; i++)
		json_object_set_new(plugins, project->plugins.at[i].name, json_text(project->plugins.at[i].version));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "python", json_text(project->python), "found_by",
			 json_text(project->python_from), "environment", json_text(project->environment), "version",
			 json_version(project->python_version), "pytest", json_version(project->pytest_version),
			 "plugins", plugins, "engine_problem", json_text(project->engine_problem));
}

static json_t *json_machine(const struct diagnosis *diagnosis)
{
	const struct capabilities *capabilities = &diagnosis->capabilities;
	json_t *rows = json_object();
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		const struct capability *row = &capabilities->rows[i];
		json_object_set_new(rows, row->name,
				    json_pack("{s:b, s:o, s:o}", "there", row->there, "detail", json_text(row->detail),
					      "next", json_text(row->remedy[0] ? row->remedy : NULL)));
	}
	return json_pack("{s:{s:i, s:i, s:i, s:o}, s:o, s:s, s:s}", "processors", "usable", machine_processes(),
			 "online", machine_online(), "allowed", machine_allowed(), "quota",
			 machine_quota() > 0 ? json_real(machine_quota()) : json_null(), "capabilities", rows,
			 "isolation", isolation_name(capabilities->isolation), "isolation_text",
			 isolation_text(capabilities->isolation));
}

static json_t *json_problems(const struct diagnosis *diagnosis)
{
	static const char *const kinds[] = {
		[ERR_NONE] = "advice",       [ERR_GATE] = "gate",
		[ERR_INPUT] = "input",       [ERR_ENVIRONMENT] = "environment",
		[ERR_INTERNAL] = "internal", [ERR_INTERRUPTED] = "interrupted",
	};
	json_t *list = json_array();
	for (size_t i = 0; i < diagnosis->problems.len; i++) {
		const struct err *err = &diagnosis->problems.at[i].err;
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:i, s:o}", "kind", kinds[err->kind], "text",
						json_text(err->text), "file",
						json_text(err->file[0] ? err->file : NULL), "line", err->line, "next",
						json_text(err->hint[0] ? err->hint : NULL)));
	}
	return list;
}

static int print_json(const struct diagnosis *diagnosis, int status, struct err *err)
{
	return session_print_json(json_pack("{s:s, s:o, s:o, s:o, s:o, s:i}", "comb", COMB_VERSION, "project",
					    json_project(diagnosis), "interpreter", json_interpreter(diagnosis),
					    "machine", json_machine(diagnosis), "problems", json_problems(diagnosis),
					    "exit_status", status),
				  err);
}

static int run(struct cli *cli, struct err *err)
{
	cleanup_diagnosis struct diagnosis diagnosis = DIAGNOSIS_INIT;
	bool named = cli->operands.len > 0;
	if (diagnosis_make(&diagnosis, cli_project(cli), !named, cli_text(cli, "python", NULL), err) < 0)
		return -1;
	int status = diagnosis_exit_status(&diagnosis);
	int failed = cli->json ? print_json(&diagnosis, status, err) : print_text(cli, &diagnosis, err);
	return failed < 0 ? -1 : status;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.summary = "what is there, what is missing, and how to get it",
	.operands = "[PROJECT]",
	.max_operands = 1,
	.description =
		"Shows the interpreter, plugins, configuration, manifest, git state, kernel features and isolation "
		"level that comb finds for a project, what is missing, and how to get it. Works outside a project "
		"and with a broken environment too: exit status 3 then, with the full report.",
	.example = "comb doctor ~/src/shop",
	.run = run,
};
