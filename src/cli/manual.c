#include "cli/manual.h"

#include <string.h>

#include "base/banned.h"

static const char exit_statuses[] =
	"0 done; 1 a gate or a test failed; 2 bad usage or bad input; 3 the environment lacks something; "
	"4 internal error; 130 interrupted. comb run passes pytest's own codes through.";

/* Adds text wrapped at 80 columns behind an indent. The first line is taken to start at column start. */
static int add_wrapped(struct str *out, const char *text, size_t start, size_t indent)
{
	size_t column = start;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column > indent && column + 1 + word > 80) {
			if (str_addf(out, "\n%*s", (int)indent, "") < 0)
				return -1;
			column = indent;
		} else if (column > indent) {
			if (str_addc(out, ' ') < 0)
				return -1;
			column++;
		}
		if (str_add(out, text, word) < 0)
			return -1;
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	return str_addc(out, '\n');
}

/* "-q, --quiet", "--budget D" */
static int add_option_name(struct str *out, const struct option *o)
{
	if (o->letter && str_addf(out, "-%c, ", o->letter) < 0)
		return -1;
	return str_addf(out, "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
}

static int add_options(struct str *out, const struct option *table)
{
	enum { INDENT = 28 };
	for (; table && table->name; table++) {
		size_t start = out->len;
		if (str_adds(out, "  ") < 0 || add_option_name(out, table) < 0)
			return -1;
		size_t width = out->len - start;
		if (width + 2 > INDENT) {
			if (str_addf(out, "\n%*s", INDENT, "") < 0)
				return -1;
		} else if (str_addf(out, "%*s", (int)(INDENT - width), "") < 0) {
			return -1;
		}
		if (add_wrapped(out, table->help, INDENT, INDENT) < 0)
			return -1;
	}
	return 0;
}

int manual_overview(struct str *out)
{
	if (str_adds(out, "comb takes a pytest suite from sequential to parallel, safely, and keeps it fast.\n\n"
			  "usage: comb VERB [options] [PROJECT]\n\n") < 0)
		return -1;
	for (size_t i = 0; verbs[i]; i++)
		if (str_addf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary) < 0)
			return -1;
	if (str_adds(out, "\ncomb VERB --help tells more, with an example. comb --version, comb --man and\n"
			  "comb --completion bash|zsh|fish print what they say.\n\nexit status: ") < 0)
		return -1;
	return add_wrapped(out, exit_statuses, 13, 2);
}

int manual_verb(struct str *out, const struct verb *verb)
{
	if (str_addf(out, "usage: comb %s [options]%s%s%s\n\n", verb->name, *verb->operands ? " " : "", verb->operands,
		     verb->pass_through ? " [-- pytest arguments]" : "") < 0 ||
	    add_wrapped(out, verb->description, 0, 0) < 0)
		return -1;
	if (verb->options && verb->options->name &&
	    (str_adds(out, "\noptions:\n") < 0 || add_options(out, verb->options) < 0))
		return -1;
	if (str_adds(out, "\ncommon options:\n") < 0 || add_options(out, common_options) < 0)
		return -1;
	return str_addf(out, "\nexample:\n  %s\n", verb->example);
}

/* roff: a backslash, a leading dot and a dash need care. */
static int add_roff(struct str *out, const char *text)
{
	if ((*text == '.' || *text == '\'') && str_adds(out, "\\&") < 0)
		return -1;
	for (; *text; text++) {
		int failed = *text == '\\' ? str_adds(out, "\\e") : *text == '-' ? str_adds(out, "\\-") : str_addc(out, *text);
		if (failed)
			return -1;
	}
	return 0;
}

static int add_roff_options(struct str *out, const struct option *table)
{
	struct str name = STR_INIT;
	int failed = 0;
	for (; !failed && table && table->name; table++) {
		str_clear(&name);
		failed = add_option_name(&name, table) < 0 || str_adds(out, ".TP\n.B ") < 0 ||
			 add_roff(out, str_text(&name)) < 0 || str_addc(out, '\n') < 0 || add_roff(out, table->help) < 0 ||
			 str_adds(out, ".\n") < 0;
	}
	str_release(&name);
	return failed ? -1 : 0;
}

int manual_man_page(struct str *out)
{
	if (str_adds(out, ".TH COMB 1 \"\" \"comb " COMB_VERSION "\" \"User Commands\"\n.SH NAME\n"
			  "comb \\- take a pytest suite from sequential to parallel, safely, and keep it fast\n"
			  ".SH SYNOPSIS\n.B comb\n.I VERB\n[options] [PROJECT]\n.SH VERBS\n") < 0)
		return -1;
	for (size_t i = 0; verbs[i]; i++) {
		const struct verb *v = verbs[i];
		if (str_addf(out, ".SS \"comb %s ", v->name) < 0 || add_roff(out, v->operands) < 0 || str_adds(out, "\"\n") < 0 ||
		    add_roff(out, v->description) < 0 || str_addc(out, '\n') < 0 || add_roff_options(out, v->options) < 0 ||
		    str_adds(out, ".PP\nExample:\n.PP\n.RS\n.nf\n") < 0 || add_roff(out, v->example) < 0 ||
		    str_adds(out, "\n.fi\n.RE\n") < 0)
			return -1;
	}
	if (str_adds(out, ".SH COMMON OPTIONS\n") < 0 || add_roff_options(out, common_options) < 0 ||
	    str_adds(out, ".SH EXIT STATUS\n") < 0 || add_roff(out, exit_statuses) < 0)
		return -1;
	return str_adds(out, "\n.SH FILES\n.TP\n.B .comb/\nhistory, traces and reports of a project (ignored by git)\n"
			     ".TP\n.B .parallel_test_progress\nthe gates and how far they are\n");
}
