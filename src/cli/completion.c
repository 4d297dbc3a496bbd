#include "cli/completion.h"

#include <string.h>

#include "cli/verb.h"

#include "base/banned.h"

/* What an option of text takes, by the name of its argument in --help. */
static bool takes_path(const struct option *option)
{
	return option->kind == OPTION_TEXT && (strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0);
}

/* "a|b|c" as "a b c" */
static int add_choices(struct str *out, const char *choices)
{
	for (; *choices; choices++)
		if (str_addc(out, *choices == '|' ? ' ' : *choices) < 0)
			return -1;
	return 0;
}

static int add_option_words(struct str *out, const struct option *table)
{
	for (; table && table->name; table++)
		if (str_addf(out, " --%s", table->name) < 0)
			return -1;
	return 0;
}

/* A row for each option with an argument: its choices, files, or nothing that could be known. */
static int bash_add_arguments(struct str *out, const char *verb, const struct option *table)
{
	for (; table && table->name; table++) {
		if (!table->argument)
			continue;
		if (str_addf(out, "\t%s\\ --%s", verb, table->name) < 0 ||
		    (table->letter && str_addf(out, "|%s\\ -%c", verb, table->letter) < 0) ||
		    str_adds(out, ") paths=") < 0 || str_adds(out, takes_path(table) ? "-f" : "") < 0 ||
		    str_adds(out, " words='") < 0 ||
		    (table->kind == OPTION_CHOICE && add_choices(out, table->argument) < 0) || str_adds(out, "';;\n") < 0)
			return -1;
	}
	return 0;
}

static int bash_add_verb(struct str *out, const struct verb *verb)
{
	if (str_addf(out, "\t%s) paths=%s words='", verb->name, verb->add_operands ? "" : "-d") < 0 ||
	    (verb->add_operands && verb->add_operands(out) < 0) || add_option_words(out, verb->options) < 0 ||
	    add_option_words(out, common_options) < 0)
		return -1;
	return str_adds(out, "';;\n");
}

/* Also read by zsh's bashcompinit, which has no compopt and no mapfile. */
static int completion_bash(struct str *out)
{
	if (str_adds(out, "_comb() {\n"
			  "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= paths= IFS=$' \\t\\n'\n"
			  "\tif [ \"$before\" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
			  "\tif [ \"$word\" = = ]; then word=; fi\n"
			  "\tcase ${COMP_WORDS[1]} in\n") < 0)
		return -1;
	for (size_t i = 0; verbs[i]; i++)
		if (bash_add_verb(out, verbs[i]) < 0)
			return -1;
	if (str_adds(out, "\tesac\n\tcase \"${COMP_WORDS[1]} $before\" in\n") < 0)
		return -1;
	for (size_t i = 0; verbs[i]; i++)
		if (bash_add_arguments(out, verbs[i]->name, verbs[i]->options) < 0)
			return -1;
	if (bash_add_arguments(out, "*", common_options) < 0 ||
	    str_adds(out, "\t--completion\\ *) words='bash zsh fish';;\n\tesac\n"
			  "\tif [ \"$COMP_CWORD\" = 1 ]; then paths= words='") < 0)
		return -1;
	for (size_t i = 0; verbs[i]; i++)
		if (str_addf(out, "%s ", verbs[i]->name) < 0)
			return -1;
	return str_adds(out, "--help --version --man --completion'; fi\n"
			     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
			     "\tif [ -n \"$paths\" ]; then\n"
			     "\t\tIFS=$'\\n'\n"
			     "\t\tCOMPREPLY+=($(compgen \"$paths\" -- \"$word\"))\n"
			     "\t\tcompopt -o filenames 2>/dev/null\n"
			     "\tfi\n"
			     "\treturn 0\n}\ncomplete -F _comb comb\n");
}

/* In single quotes, where fish expands nothing. */
static int fish_add_quoted(struct str *out, const char *text)
{
	if (str_addc(out, '\'') < 0)
		return -1;
	for (; *text; text++)
		if (((*text == '\'' || *text == '\\') && str_addc(out, '\\') < 0) || str_addc(out, *text) < 0)
			return -1;
	return str_addc(out, '\'');
}

static int fish_add_options(struct str *out, const char *verb, const struct option *table)
{
	for (; table && table->name; table++) {
		if (str_addf(out, "complete -c comb -n '__fish_seen_subcommand_from %s' -l %s", verb, table->name) < 0 ||
		    (table->letter && str_addf(out, " -s %c", table->letter) < 0) ||
		    str_adds(out, !table->argument ? "" : takes_path(table) ? " -r -F" : " -x") < 0)
			return -1;
		if (table->kind == OPTION_CHOICE &&
		    (str_adds(out, " -a '") < 0 || add_choices(out, table->argument) < 0 || str_addc(out, '\'') < 0))
			return -1;
		if (str_adds(out, " -d ") < 0 || fish_add_quoted(out, table->help) < 0 || str_addc(out, '\n') < 0)
			return -1;
	}
	return 0;
}

static int fish_add_verb(struct str *out, const struct verb *verb)
{
	if (str_addf(out, "complete -c comb -n __fish_use_subcommand -f -a %s -d ", verb->name) < 0 ||
	    fish_add_quoted(out, verb->summary) < 0 || str_addc(out, '\n') < 0)
		return -1;
	if (verb->add_operands && (str_addf(out, "complete -c comb -n '__fish_seen_subcommand_from %s' -f -a '", verb->name) < 0 ||
				   verb->add_operands(out) < 0 || str_adds(out, "'\n") < 0))
		return -1;
	return fish_add_options(out, verb->name, verb->options) < 0 ? -1 : fish_add_options(out, verb->name, common_options);
}

static int completion_fish(struct str *out)
{
	for (size_t i = 0; verbs[i]; i++)
		if (fish_add_verb(out, verbs[i]) < 0)
			return -1;
	return 0;
}

static int completion_zsh(struct str *out)
{
	return str_adds(out, "autoload -U +X bashcompinit && bashcompinit\n") < 0 ? -1 : completion_bash(out);
}

int completion_script(struct str *out, const char *shell, struct err *err)
{
	static const struct {
		const char *shell;
		int (*add)(struct str *out);
	} shells[] = { { "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish } };
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (strcmp(shell, shells[i].shell) == 0)
			return shells[i].add(out) < 0 ? err_no_memory(err) : 0;
	return err_set(err, ERR_INPUT, "no completion for '%s': bash, zsh and fish are known", shell);
}
