/*
 * fs.h: whole files and folders.
 *
 * A write is atomic: a temporary file beside the target, fsynced, renamed over
 * it; a reader sees the old bytes or the new ones, and a failure leaves the old
 * ones and no temporary file. What a killed writer leaves, FILE.comb-XXXXXX, is
 * removed by the next write of that file. Paths are bytes, not text: any encoding passes.
 */
#ifndef COMB_BASE_FS_H
#define COMB_BASE_FS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

/* Replaces *out by the content of path. A missing file is ERR_INPUT naming it. */
int fs_read(const char *path, struct str *out, struct err *err);
/* Keeps mode and symlink of an existing target (the file it points to is replaced). */
int fs_write(const char *path, struct slice content, struct err *err);
/*
 * A watcher sees the path of every fs_write() before its target is replaced,
 * and can refuse it (-1 with *err). One at a time in the process; NULL for none.
 */
typedef int fs_watcher(void *context, const char *path, struct err *err);
void fs_watch_writes(fs_watcher *watcher, void *context);
bool fs_exists(const char *path);
bool fs_is_file(const char *path);
bool fs_is_dir(const char *path);
/* Creates missing parents too. An existing folder is fine. */
int fs_make_dirs(const char *path, struct err *err);
/* Removes a file or a whole folder without following symlinks. A missing one is fine. */
int fs_remove_all(const char *path, struct err *err);
/* Copies a folder: files with their modes, symlinks as symlinks; skips an entry whose name is in skip (NULL: none). */
int fs_copy_tree(const char *from, const char *to, const struct strings *skip, struct err *err);
/* Copies one file with its mode, or a symlink as a symlink. to must not exist. */
int fs_copy_file(const char *from, const char *to, struct err *err);
/* A new private folder in $TMPDIR, named prefix + random; the caller removes it. */
int fs_make_temp_dir(const char *prefix, struct str *out, struct err *err);
/* Absolute, symlinks resolved; path must exist. */
int fs_real_path(const char *path, struct str *out, struct err *err);
/* Replaces *out by dir/name (name alone when it is absolute or dir is ""). */
int fs_join(struct str *out, const char *dir, const char *name);
/* The part behind the last '/', a pointer into path. */
const char *fs_base_name(const char *path);

/*
 * Calls visit for every entry below root, in byte order of names, folders
 * before their content. relative is the path below root. visit returns 0 to go
 * on, 1 to not descend into this folder, -1 to stop with its *err.
 */
typedef int fs_visit(void *context, const char *relative, bool is_dir, struct err *err);
int fs_walk(const char *root, fs_visit *visit, void *context, struct err *err);

#endif
