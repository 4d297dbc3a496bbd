/*
 * diagnosis.h: everything comb doctor looks at, gathered without stopping at the first trouble.
 *
 * A step that fails leaves its error among the problems, and the steps that do
 * not need it go on.
 */
#ifndef COMB_PHASES_DIAGNOSIS_H
#define COMB_PHASES_DIAGNOSIS_H

#include <stdbool.h>

#include "base/err.h"
#include "project/manifest.h"
#include "project/project.h"
#include "project/repository.h"
#include "sandbox/capabilities.h"

struct problem {
	struct err err;  /* ERR_NONE kind: advice, not an error; text and hint are filled all the same */
};

struct diagnosis {
	struct project project;       /* filled as far as the steps came */
	struct manifest manifest;
	struct repository repository;
	struct capabilities capabilities;
	bool is_project;
	bool has_interpreter;         /* it runs, and its versions are known */
	VEC(struct problem) problems;
};
#define DIAGNOSIS_INIT { .problems = VEC_INIT }

/*
 * optional: it is fine when path is no project (nobody named it). -1 only when
 * out of memory, interrupted, or path is no folder.
 */
int diagnosis_make(struct diagnosis *diagnosis, const char *path, bool optional, const char *python,
		   struct err *err);
/* 0, or the exit status of the gravest problem. */
int diagnosis_exit_status(const struct diagnosis *diagnosis);
void diagnosis_release(struct diagnosis *diagnosis);
#define cleanup_diagnosis __attribute__((cleanup(diagnosis_release)))

#endif
