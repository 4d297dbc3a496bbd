/* gap.h: Board.gap(), the account of a run that is over. */
#ifndef COMB_NATIVE_GAP_H
#define COMB_NATIVE_GAP_H

#include "engine/board.h"
#include "native/native.h"

/* Arguments: [(test, seconds)], [(test, of_module, fixture, seconds)]; see tune/gap.h. A text of several lines. */
PyObject *native_gap(const struct board *board, uint32_t workers, PyObject *args);

#endif
