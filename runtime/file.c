/* file.c: whole files, atomically written; folders. */
#include "runtime/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* errno or 0.  A file that grows or shrinks meanwhile is an error: what was read is no state that it ever had. */
static int read_all(int fd, char *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		const ssize_t n = read(fd, to + at, size - at);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return n < 0 ? errno : EIO;
		at += (size_t)n;
	}
	return 0;
}

const void *file_read(Ctx *cx, const char *path, size_t *size_bytes)
{
	struct stat st;
	/* O_NONBLOCK: a fifo without a writer must not hang us before fstat tells what it is */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) fail(cx, "%s: cannot be read: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		fail(cx, "%s: is not a regular file", path);
	}
	char *data = arena_alloc(cx->arena, (size_t)st.st_size + 1);
	const int error = read_all(fd, data, (size_t)st.st_size);
	close(fd);
	if (error) fail(cx, "%s: cannot be read: %s", path, strerror(error));
	*size_bytes = (size_t)st.st_size;
	return data;
}

/* ---- writing ---- */

static int write_all(int fd, const char *from, size_t size)
{
	for (size_t at = 0; at < size;) {
		const ssize_t n = write(fd, from + at, size - at);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return errno;
		at += (size_t)n;
	}
	return 0;
}

void file_write(Ctx *cx, const char *path, const void *data, size_t size_bytes)
{
	char *temporary = arena_printf(cx->arena, "%s.XXXXXX", path);
	const int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) fail(cx, "%s: cannot be written: %s", path, strerror(errno));
	const mode_t mask = umask(0);
	umask(mask);
	int error = write_all(fd, data, size_bytes);
	if (!error && fchmod(fd, 0666 & ~mask)) error = errno;
	if (close(fd) && !error) error = errno;
	if (!error && rename(temporary, path)) error = errno;
	if (error) {
		unlink(temporary);
		fail(cx, "%s: cannot be written: %s", path, strerror(error));
	}
}

void dir_create(Ctx *cx, const char *path)
{
	char *part = arena_printf(cx->arena, "%s", path);
	for (char *slash = part + 1;; slash++) {
		slash += strcspn(slash, "/");
		const bool last = !*slash;
		*slash = '\0';
		if (mkdir(part, 0777) && errno != EEXIST) fail(cx, "%s: cannot be created: %s", part, strerror(errno));
		if (last) break;
		*slash = '/';
	}
	if (!path_is_dir(path)) fail(cx, "%s: is not a folder", path);
}

/* ---- paths ---- */

bool path_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool path_exists(const char *path) { return access(path, F_OK) == 0; }

const char *path_join(Arena *arena, const char *dir, const char *name)
{
	const size_t n = strlen(dir);
	return arena_printf(arena, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(Arena *arena, const char *path)
{
	size_t end = strlen(path);
	while (end > 1 && path[end - 1] == '/') end--;
	size_t start = end;
	while (start > 0 && path[start - 1] != '/') start--;
	return arena_strn(arena, path + start, end - start);
}

bool path_ends_with(const char *path, const char *ending)
{
	const size_t n = strlen(path), m = strlen(ending);
	return n >= m && !strcmp(path + n - m, ending);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

int dir_list(Arena *arena, const char *path, bool (*wanted)(const char *name), const char ***names)
{
	DIR *dir = opendir(path);
	if (!dir) return -1;
	size_t n = 0, cap = 0;
	*names = NULL;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || (wanted && !wanted(entry->d_name)))
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 16;
			const char **more = NEWN(arena, const char *, cap);
			if (n) memcpy(more, *names, n * sizeof *more);
			*names = more;
		}
		(*names)[n++] = arena_strn(arena, entry->d_name, strlen(entry->d_name));
	}
	closedir(dir);
	if (n) qsort(*names, n, sizeof **names, by_name);
	return (int)n;
}
