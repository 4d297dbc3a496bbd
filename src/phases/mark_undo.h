/* mark_undo.h: take comb's marks out of a project again, as the record of them says (mark_record.h). */
#ifndef COMB_PHASES_MARK_UNDO_H
#define COMB_PHASES_MARK_UNDO_H

#include "base/err.h"
#include "phases/gate.h"
#include "project/suite.h"

/*
 * For tests of run that fare otherwise since they were marked (changed[i]):
 * takes comb's marks out of the files they come from and keeps the categories
 * in comb-marks.json instead; or, where the suite skips what bears that mark,
 * marks those tests with a lighter category. *files: names of those files; none
 * where nothing of comb's stands in them.
 */
int mark_undo_some(struct phase_ctx *ctx, const struct suite_run *run, const bool *changed, struct strings *files,
		    struct err *err);
/*
 * Takes out every mark, table and hook on record. *files: how many were changed.
 * ERR_INPUT: nothing is on record.
 */
int mark_undo_all(struct phase_ctx *ctx, size_t *files, struct err *err);

#endif
