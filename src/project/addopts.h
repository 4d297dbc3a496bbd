/*
 * addopts.h: the options that a project gives to every run of pytest, and the
 * place of -n and --dist among them.
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
	bool comb; /* --comb stands among them */
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
 * values), and with `options` behind it: on a line of its own where text has
 * several lines. What else stands there stays as it was, to the byte.
 */
int addopts_replace(const char *text, const char *options, struct str *out, struct err *err);
/*
 * Puts -n workers and --dist dist into the configuration in force, as a change
 * of set; a project without configuration gets a pytest.ini. No change where
 * they stand there already.
 */
int addopts_set(const struct project *project, const char *workers, const char *dist, struct changeset *set,
		struct err *err);

#endif
