/* external.c: tensor data in a file next to the model.
 *
 * The path comes from the model, so it is hostile: it must be relative, have no "..", and neither it nor a symlink in it
 * may lead out of the model's directory; the file must be a regular one and hold the stated region.  openat2() with
 * RESOLVE_BENEATH decides atomically; where the system lacks it, resolved paths are compared.
 *
 * Source: ONNX's docs/ExternalData.md; CVE-2022-25882, CVE-2024-27318 and CVE-2024-5187 are what happens without.
 */
#include "frontend/onnx/model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool path_is_plain(const char *path)
{
	if (*path == '\0' || *path == '/' || strchr(path, '\\')) return false;
	for (const char *part = path; part;) {
		const char *slash = strchr(part, '/');
		size_t n = slash ? (size_t)(slash - part) : strlen(part);
		if (n == 2 && memcmp(part, "..", 2) == 0) return false;
		part = slash ? slash + 1 : NULL;
	}
	return true;
}

/* The fallback: the file's real path must begin with the directory's. */
static int open_resolved(const char *dir, const char *location)
{
	char real_dir[PATH_MAX], real[PATH_MAX], joined[PATH_MAX];
	size_t n_dir = strlen(dir), n_location = strlen(location);
	if (n_dir + n_location + 2 > sizeof joined) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(joined, dir, n_dir);
	joined[n_dir] = '/';
	memcpy(joined + n_dir + 1, location, n_location + 1);
	if (!realpath(dir, real_dir) || !realpath(joined, real)) return -1;
	size_t n = strlen(real_dir);
	if (strncmp(real, real_dir, n) != 0 || (real[n] != '/' && n > 1)) {
		errno = EXDEV;
		return -1;
	}
	return open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

static int open_beneath(const char *dir, const char *location)
{
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) return -1;
	/* O_NONBLOCK: opening a FIFO must not hang. */
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, dir_fd, location, &how, sizeof how);
	int error = errno;
	close(dir_fd);
	/* EPERM: a sandbox that does not know the call */
	if (fd < 0 && (error == ENOSYS || error == EPERM)) return open_resolved(dir, location);
	errno = error;
	return fd;
}

typedef struct {
	void *start;
	size_t size;
} Mapping;

static void mapping_release(void *mapping) { munmap(((Mapping *)mapping)->start, ((Mapping *)mapping)->size); }

const void *onnx_external_data(
	Ctx *cx, const char *dir, const char *location, int64_t offset, int64_t length, size_t *size_bytes)
{
	const char *name = onnx_quote(cx, location);
	if (!dir) fail(cx, "external data %s: a model that is not read from a file has none", name);
	if (!path_is_plain(location)) fail(cx, "external data %s: a relative path without \"..\" wanted", name);
	int fd = open_beneath(dir, location);
	if (fd < 0 && (errno == EXDEV || errno == ELOOP))
		fail(cx, "external data %s: leads out of the model's directory", name);
	if (fd < 0) fail(cx, "external data %s: %s", name, strerror(errno));
	struct stat st;
	bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	bool inside = regular && offset >= 0 && offset <= st.st_size && length >= -1 &&
		(length < 0 || length <= st.st_size - offset);
	if (!inside) close(fd);
	if (!regular) fail(cx, "external data %s: not a regular file", name);
	if (!inside)
		fail(cx, "external data %s: offset %lld and length %lld are outside of its %lld bytes", name,
			(long long)offset, (long long)length, (long long)st.st_size);
	size_t size = (size_t)(length < 0 ? st.st_size - offset : length);
	*size_bytes = size;
	if (size == 0) {
		close(fd);
		return "";
	}
	/* mmap wants whole pages */
	size_t slack = (size_t)offset % (size_t)sysconf(_SC_PAGESIZE);
	void *start = mmap(NULL, size + slack, PROT_READ, MAP_PRIVATE, fd, (off_t)((size_t)offset - slack));
	int error = errno;
	close(fd);
	if (start == MAP_FAILED) fail(cx, "external data %s: %s", name, strerror(error));
	Mapping *mapping = NEW(cx->arena, Mapping);
	*mapping = (Mapping){start, size + slack};
	arena_defer(cx->arena, mapping_release, mapping);
	return (const char *)start + slack;
}
