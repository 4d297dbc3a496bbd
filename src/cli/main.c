/*
 * comb: the native command. The only place that turns a struct err into a
 * sentence on the terminal and an exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/os.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "cli/parse.h"
#include "cli/verb.h"

#include "base/banned.h"

extern const struct verb verb_adopt;
extern const struct verb verb_check;
extern const struct verb verb_doctor;
extern const struct verb verb_explain;
extern const struct verb verb_mark;
extern const struct verb verb_run;
extern const struct verb verb_setup;
extern const struct verb verb_status;
extern const struct verb verb_tune;
extern const struct verb verb_validate;

const struct verb *const verbs[] = {
	&verb_adopt,
	&verb_setup,
	&verb_mark,
	&verb_check,
	&verb_tune,
	&verb_run,
	&verb_validate,
	&verb_status,
	&verb_explain,
	&verb_doctor,
	NULL,
};

/* Says what went wrong, where, and what to do next; returns the exit status. */
static int report_error(const struct err *err)
{
	struct str line = STR_INIT;
	str_adds(&line, "comb: ");
	if (err->file[0] && err->line > 0) {
		str_add_printable(&line, err->file, strlen(err->file));
		str_addf(&line, ":%d: ", err->line);
	}
	str_add_printable(&line, err->text, strlen(err->text));
	if (err->hint[0]) {
		str_adds(&line, "\n      next: ");
		str_add_printable(&line, err->hint, strlen(err->hint));
	}
	fprintf(stderr, "%s\n", str_text(&line));
	str_release(&line);
	return err_exit_status(err);
}

/* Prints and flushes; a full disk or a closed pipe is an error, not a silence. */
static int print_all(struct str *text, struct err *err)
{
	if (fwrite(str_text(text), 1, text->len, stdout) != text->len || fflush(stdout) != 0)
		return err_set(err, ERR_INPUT, "cannot write to standard output:");
	return 0;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* An option of a verb, typed where the verb belongs. */
static bool is_common_option(const char *typed)
{
	for (const struct option *option = common_options; option->name; option++) {
		bool is_letter = typed[1] == option->letter && typed[1] && !typed[2];
		if (is_letter || (typed[1] == '-' && strcmp(typed + 2, option->name) == 0))
			return true;
	}
	return false;
}

/* What begins with a dash and is none of comb's own options. */
static int unknown_option(const char *typed, struct err *err)
{
	static const char *const own[] = { "--help", "--version", "--man", "--completion" };
	const char *near = NULL;
	int distance = 3;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		int found = cli_edit_distance(typed, own[i]);
		if (found < distance) {
			distance = found;
			near = own[i];
		}
	}
	err_set(err, ERR_INPUT, "comb has no option %s", typed);
	if (is_common_option(typed))
		return err_hint(err, "options stand behind the verb: comb VERB %s", typed);
	return near ? err_hint(err, "did you mean comb %s?", near) : err_hint(err, "comb --help lists them");
}

static int unknown_verb(const char *typed, struct err *err)
{
	if (typed[0] == '-')
		return unknown_option(typed, err);
	const struct verb *near = cli_nearest_verb(typed);
	err_set(err, ERR_INPUT, "'%s' is not a verb of comb", typed);
	return near ? err_hint(err, "did you mean comb %s?", near->name) : err_hint(err, "comb --help lists them");
}

static int print_help(const char *name, struct str *out, struct err *err)
{
	const struct verb *verb = find_verb(name);
	if (!verb)
		return unknown_verb(name, err);
	return manual_verb(out, verb) < 0 ? err_no_memory(err) : print_all(out, err);
}

/* `comb`, `comb --help`, `comb help VERB`, `comb --version`, `comb --man`, `comb --completion SHELL`. 1 when argv is none of them. */
static int print_manual(char **argv, struct str *out, struct err *err)
{
	const char *word = argv[1];
	int failed = 0;
	if (word && strcmp(word, "help") == 0 && argv[2])
		return print_help(argv[2], out, err);
	if (!word || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		failed = manual_overview(out);
	else if (strcmp(word, "--version") == 0)
		failed = str_adds(out, "comb " COMB_VERSION "\n");
	else if (strcmp(word, "--man") == 0)
		failed = manual_man_page(out);
	else if (strcmp(word, "--completion") == 0 && !argv[2])
		return err_set(err, ERR_INPUT, "--completion wants a value: bash|zsh|fish");
	else if (strcmp(word, "--completion") == 0)
		return completion_script(out, argv[2], err) < 0 ? -1 : print_all(out, err);
	else
		return 1;
	return failed ? err_no_memory(err) : print_all(out, err);
}

static int run_verb(char **argv, struct str *out, struct err *err)
{
	const struct verb *verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1], err);
	if (cli_wants_help(argv + 2))
		return print_help(verb->name, out, err);
	struct cli cli = { .verb = verb };
	int status = -1;
	if (cli_parse(&cli, verb, argv + 1, err) == 0 && interrupt_install(err) == 0)
		status = verb->run(&cli, err);
	if (status >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		status = err_set(err, ERR_INPUT, "cannot write to standard output:");
	cli_release(&cli);
	return status;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct str out = STR_INIT;
	(void)argc;
	os_fill_standard();
	int status = print_manual(argv, &out, &err);
	if (status == 1)
		status = run_verb(argv, &out, &err);
	str_release(&out);
	return status < 0 ? report_error(&err) : status;
}
