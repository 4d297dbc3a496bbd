/*
 * property.h: what must hold for every input, one function per editor.
 *
 * Each takes the bytes of a file (diff: two texts with a NUL between them). 0: it
 * holds, or the bytes are no such file and were refused as the header says; 1: it
 * does not, and a sentence is on stderr. Used by the seeded loop of
 * tests/unit/test_property.c and by the fuzz targets.
 */
#ifndef COMB_TESTS_PROPERTY_H
#define COMB_TESTS_PROPERTY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "source/edit.h"

int property_marks(const uint8_t *data, size_t size);
int property_toml(const uint8_t *data, size_t size);
int property_ini(const uint8_t *data, size_t size);
int property_requirements(const uint8_t *data, size_t size);
int property_diff(const uint8_t *data, size_t size);

/* --- for the properties themselves --- */

/* Prints that what does not hold, with the texts; returns 1. */
int broken(const char *what, struct slice before, struct slice after);
bool slices_same(struct slice a, struct slice b);
/* All splices insert, none removes. */
bool only_inserts(const struct edits *edits);
/* A refusal must be ERR_INPUT, say something, and name a line where it says it does. */
int check_refusal(const struct err *err, struct slice source);

#endif
