/*
 * addopts.h: the options that a project gives to every run of pytest, and the
 * place of --comb, -n and --dist among them.
 *
 * In an INI file and as a TOML string, addopts is split as a POSIX shell would
 * (shlex.split); as a TOML array every string is one word. The last -n and the
 * last --dist win, as they do for pytest.
 */
#ifndef COMB_PROJECT_ADDOPTS_H
#define COMB_PROJECT_ADDOPTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/project.h"
#include "source/edit.h"

struct addopts {
	bool present;
	bool is_list; /* a TOML array */
	int line; /* 1-based, where the value stands; 0: not present */
	struct str text; /* as written, when it is no list */
	struct strings words;
	char *workers; /* value of -n or --numprocesses in force; NULL: none */
	char *dist; /* value of --dist in force; "load" for -d; NULL: none */
	bool comb; /* comb's engine is asked for: by the last of --comb and --no-comb, else by the option `comb` */
	bool comb_setting; /* `comb = true` stands beside addopts */
	bool names_comb; /* --comb or --no-comb stands among the words */
};
#define ADDOPTS_INIT                                                                                                   \
	{                                                                                                              \
		.present = false                                                                                       \
	}

/* Replaces *addopts. ERR_INPUT with file and line where the configuration cannot be read. */
int addopts_read(struct addopts *addopts, const struct project *project, struct err *err);
void addopts_release(struct addopts *addopts);
#define cleanup_addopts __attribute__((cleanup(addopts_release)))

/* The words of text, as shlex.split() gives them. ERR_INPUT: a quotation is not closed. */
int addopts_split(const char *text, struct strings *words, struct err *err);
/*
 * Replaces *out by text without its -n, --numprocesses, --dist and -d (and their
 * values), --comb and --no-comb, and with `options` behind it: on a line of its own where text has
 * several lines. What else stands there stays as it was, to the byte.
 */
int addopts_replace(const char *text, const char *options, struct str *out, struct err *err);

/* How a project wants its tests to be run in parallel. */
struct addopts_wanted {
	bool comb; /* by comb's engine; else by pytest-xdist */
	const char *workers, *dist;
};
/* The words say so already. */
bool addopts_say(const struct addopts *addopts, const struct addopts_wanted *wanted);
/*
 * Puts it into the configuration in force, as a change of set: "--comb -n 8
 * --dist loadgroup", or -n and --dist alone; a project without configuration
 * gets a pytest.ini. No change where it stands there already.
 */
int addopts_set(const struct project *project, const struct addopts_wanted *wanted, struct changeset *set,
		struct err *err);

#endif
