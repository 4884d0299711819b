/* file.h: whole files in and out of memory, for all who read and write them. */
#ifndef RUNTIME_FILE_H
#define RUNTIME_FILE_H

#include "ir/ir.h"

/* The bytes of a regular file, in the arena, followed by a NUL.  Fails naming the path. */
const void *file_read(Ctx *, const char *path, size_t *size_bytes);
/* Writes a file as a whole: under another name first, then renamed, so that nobody ever sees half of it. */
void file_write(Ctx *, const char *path, const void *data, size_t size_bytes);
/* Creates a folder and those above it, where they are missing. */
void dir_create(Ctx *, const char *path);

bool path_is_dir(const char *path);
bool path_exists(const char *path);
const char *path_join(Arena *, const char *dir, const char *name);
const char *path_base(Arena *, const char *path); /* its last component, without slashes at the end */
bool path_ends_with(const char *path, const char *ending);
/* The names in a folder that `wanted` accepts, in byte order, without "." and "..".  Returns their number, -1 and errno on
 * failure. */
int dir_list(Arena *, const char *path, bool (*wanted)(const char *name), const char ***names);

#endif
