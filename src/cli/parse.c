#include "cli/parse.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "base/str.h"

#include "base/banned.h"

const struct option common_options[] = {
	{ "json", 0, OPTION_FLAG, NULL, "one JSON object on standard output, everything else on standard error" },
	{ "python", 0, OPTION_TEXT, "PATH", "the project's interpreter (default: $VIRTUAL_ENV, .venv, venv, uv, poetry, python3)" },
	{ "quiet", 'q', OPTION_FLAG, NULL, "only results and errors" },
	{ "verbose", 'v', OPTION_FLAG, NULL, "more of what is done and why" },
	{ "color", 0, OPTION_CHOICE, "auto|always|never", "colours (default auto; NO_COLOR is obeyed)" },
	{ "help", 'h', OPTION_FLAG, NULL, "this text" },
	{ 0 },
};

/* One option that was given. */
struct cli_value {
	const struct option *option;
	const char *text;
	long number;
	double seconds;
	struct strings list;
	struct cli_value *next;
};

enum {
	NEAR = 3, /* edits that are too many for a slip of the fingers */
	NUMBER_MAX = 1000,
	DAYS_MAX = 365,
};

/* Wagner and Fischer 1974. */
int cli_edit_distance(const char *a, const char *b)
{
	int row[64];
	size_t n = strlen(a), m = strlen(b);
	if (n >= 64 || m >= 64)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int diagonal = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int replace = diagonal + (a[i - 1] != b[j - 1]);
			int insert = row[j - 1] + 1, erase = row[j] + 1;
			diagonal = row[j];
			row[j] = replace < insert ? replace : insert;
			if (erase < row[j])
				row[j] = erase;
		}
	}
	return row[m];
}

/* True where name is nearer to what was typed than *distance, which becomes theirs; it begins at NEAR. */
static bool is_nearer(const char *typed, const char *name, int *distance)
{
	int found = cli_edit_distance(typed, name);
	if (found >= *distance || found >= (int)strlen(name))
		return false;
	*distance = found;
	return true;
}

const struct verb *cli_nearest_verb(const char *typed)
{
	const struct verb *nearest = NULL;
	int distance = NEAR;
	for (size_t i = 0; verbs[i]; i++)
		if (is_nearer(typed, verbs[i]->name, &distance))
			nearest = verbs[i];
	return nearest;
}

bool cli_wants_help(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	return false;
}

static const struct option *find_in(const struct option *table, const char *name, size_t len, char letter)
{
	for (; table && table->name; table++)
		if (letter ? table->letter == letter : strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static const struct option *find_option(const struct verb *verb, const char *name, size_t len, char letter)
{
	const struct option *option = find_in(verb->options, name, len, letter);
	return option ? option : find_in(common_options, name, len, letter);
}

static const char *nearest_option(const struct verb *verb, const char *typed)
{
	const struct option *tables[] = { verb->options, common_options };
	const char *nearest = NULL;
	int distance = NEAR;
	for (size_t t = 0; t < 2; t++)
		for (const struct option *o = tables[t]; o && o->name; o++)
			if (is_nearer(typed, o->name, &distance))
				nearest = o->name;
	return nearest;
}

static struct cli_value *find_value(const struct cli *cli, const char *name)
{
	for (struct cli_value *v = cli->values; v; v = v->next)
		if (strcmp(v->option->name, name) == 0)
			return v;
	assert(find_option(cli->verb, name, strlen(name), 0) && "an option that the verb does not declare");
	return NULL;
}

static struct cli_value *add_value(struct cli *cli, const struct option *option)
{
	struct cli_value *value = find_value(cli, option->name);
	if (value)
		return value;
	value = os_calloc(1, sizeof(*value));
	if (!value)
		return NULL;
	value->option = option;
	value->next = cli->values;
	cli->values = value;
	return value;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	for (const char *p = choices; *p; p += strcspn(p, "|"), p += *p == '|')
		if (strcspn(p, "|") == len && memcmp(p, text, len) == 0)
			return true;
	return false;
}

static int set_value(struct cli_value *value, const char *text, struct err *err)
{
	const struct option *option = value->option;
	char *end;
	value->text = text;
	switch (option->kind) {
	case OPTION_FLAG:
	case OPTION_TEXT:
		return 0;
	case OPTION_NUMBER:
		errno = 0;
		value->number = strtol(text, &end, 10);
		if (errno || *end || end == text || value->number < 1 || value->number > NUMBER_MAX)
			return err_set(err, ERR_INPUT, "--%s wants a whole number from 1 to %d, not '%s'", option->name,
				       NUMBER_MAX, text);
		return 0;
	case OPTION_DURATION:
		if (clock_parse_duration(text, &value->seconds) < 0 || value->seconds <= 0)
			return err_set(err, ERR_INPUT, "--%s wants a duration such as 90s or 5m, not '%s'", option->name, text);
		if (value->seconds > DAYS_MAX * 86400.0)
			return err_set(err, ERR_INPUT, "--%s wants a duration such as 90s or 5m, and at most %d days, not '%s'",
				       option->name, DAYS_MAX, text);
		return 0;
	case OPTION_CHOICE:
		if (!is_choice(option->argument, text))
			return err_set(err, ERR_INPUT, "--%s wants one of %s, not '%s'", option->name, option->argument, text);
		return 0;
	case OPTION_LIST:
		return strings_add(&value->list, text) < 0 ? err_no_memory(err) : 0;
	}
	return 0;
}

/* The first other verb that has this option. */
static const struct verb *owner_of(const char *typed)
{
	bool is_long = typed[1] == '-';
	for (size_t i = 0; verbs[i]; i++)
		if (find_in(verbs[i]->options, typed + 2, is_long ? strcspn(typed + 2, "=") : 0, is_long ? 0 : typed[1]))
			return verbs[i];
	return NULL;
}

static int unknown_option(const struct verb *verb, const char *typed, struct err *err)
{
	const char *near = typed[1] == '-' ? nearest_option(verb, typed + 2) : NULL;
	const struct verb *owner = owner_of(typed);
	err_set(err, ERR_INPUT, "comb %s has no option %s", verb->name, typed);
	if (near)
		return err_hint(err, "did you mean --%s?", near);
	if (verb->pass_through)
		return err_hint(err, "options of pytest go behind --: comb %s -- %s; comb %s --help lists comb's own",
				verb->name, typed, verb->name);
	if (owner)
		return err_hint(err, "it is an option of comb %s; comb %s --help lists those of comb %s", owner->name,
				verb->name, verb->name);
	return err_hint(err, "comb %s --help lists them", verb->name);
}

/* Handles argv[0], an option; returns how many words it took, or -1. */
static int parse_option(struct cli *cli, char **argv, struct err *err)
{
	const char *word = argv[0];
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	size_t len = is_long ? strcspn(name, "=") : 1;
	const struct option *option = find_option(cli->verb, name, len, is_long ? 0 : word[1]);
	const char *attached = name[len] ? name + len + (is_long ? 1 : 0) : NULL;
	if (!option || (!is_long && attached && option->kind == OPTION_FLAG))
		return unknown_option(cli->verb, word, err);
	struct cli_value *value = add_value(cli, option);
	if (!value)
		return err_no_memory(err);
	if (option->kind == OPTION_FLAG)
		return attached ? err_set(err, ERR_INPUT, "--%s takes no value", option->name) : 1;
	const char *text = attached ? attached : argv[1];
	if (!text)
		return err_set(err, ERR_INPUT, "--%s wants a value: %s", option->name, option->argument);
	return set_value(value, text, err) < 0 ? -1 : attached ? 1 : 2;
}

int cli_parse(struct cli *cli, const struct verb *verb, char **argv, struct err *err)
{
	cli->verb = verb;
	for (argv++; *argv;) {
		if (strcmp(*argv, "--") == 0)
			break;
		if ((*argv)[0] == '-' && (*argv)[1]) {
			int took = parse_option(cli, argv, err);
			if (took < 0)
				return -1;
			argv += took;
			continue;
		}
		if (verb->max_operands >= 0 && (int)cli->operands.len == verb->max_operands) {
			err_set(err, ERR_INPUT, "comb %s does not know what to do with '%s'", verb->name, *argv);
			return err_hint(err, "usage: comb %s %s", verb->name, verb->operands);
		}
		if (strings_add(&cli->operands, *argv++) < 0)
			return err_no_memory(err);
	}
	if (*argv && !verb->pass_through) {
		err_set(err, ERR_INPUT, "comb %s takes nothing behind --", verb->name);
		return err_hint(err, "only comb run passes arguments on to pytest");
	}
	for (argv += *argv != NULL; *argv; argv++)
		if (strings_add(&cli->rest, *argv) < 0)
			return err_no_memory(err);
	const char *color = cli_text(cli, "color", "auto");
	const char *no_color = getenv("NO_COLOR");
	cli->json = cli_flag(cli, "json");
	cli->verbosity = cli_flag(cli, "verbose") - cli_flag(cli, "quiet");
	cli->color = strcmp(color, "always") == 0 ||
		     (strcmp(color, "auto") == 0 && isatty(1) && !(no_color && *no_color));
	return 0;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	return find_value(cli, name) != NULL;
}

const char *cli_text(const struct cli *cli, const char *name, const char *otherwise)
{
	const struct cli_value *value = find_value(cli, name);
	return value ? value->text : otherwise;
}

long cli_number(const struct cli *cli, const char *name, long otherwise)
{
	const struct cli_value *value = find_value(cli, name);
	return value ? value->number : otherwise;
}

double cli_seconds(const struct cli *cli, const char *name, double otherwise)
{
	const struct cli_value *value = find_value(cli, name);
	return value ? value->seconds : otherwise;
}

const struct strings *cli_list(const struct cli *cli, const char *name)
{
	const struct cli_value *value = find_value(cli, name);
	return value ? &value->list : NULL;
}

const char *cli_project(const struct cli *cli)
{
	return cli->operands.len > 0 ? cli->operands.at[0] : ".";
}

void cli_release(struct cli *cli)
{
	while (cli->values) {
		struct cli_value *next = cli->values->next;
		strings_release(&cli->values->list);
		free(cli->values);
		cli->values = next;
	}
	strings_release(&cli->operands);
	strings_release(&cli->rest);
}
