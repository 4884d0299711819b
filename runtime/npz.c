/* npz.c: NumPy's .npz: a zip archive of .npy files, by libzip.
 *
 * A small archive may unpack to a huge one: each entry is held against the most that deflate can do, and against what is
 * left of a total, before memory is asked for.
 */
#include "runtime/tensor_file.h"
#include "runtime/file.h"

#include <string.h>
#include <zip.h>

enum { MAX_ENTRIES = 65536, MAX_DEFLATE_RATIO = 1032, DEFLATE_SLACK = 1024 };
static const uint64_t MAX_UNPACKED_BYTES = UINT64_C(4) << 30;

static void discard(void *archive) { zip_discard(archive); }
static void unref(void *source) { zip_source_free(source); }

/* ---- reading ---- */

static const Tensor *read_entry(
	Ctx *cx, zip_t *archive, zip_uint64_t i, const zip_stat_t *st, const char *what, uint64_t *left)
{
	const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
	if ((st->valid & need) != need || (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE))
		fail(cx, "%s: is neither stored nor deflated", what);
	if (st->size > *left || st->comp_size > *left || st->size > st->comp_size * MAX_DEFLATE_RATIO + DEFLATE_SLACK)
		fail(cx, "%s: unpacks to %llu bytes, which is too much", what, (unsigned long long)st->size);
	*left -= st->size;
	zip_file_t *file = zip_fopen_index(archive, i, 0);
	if (!file) fail(cx, "%s: %s", what, zip_strerror(archive));
	char *data = arena_alloc(cx->arena, (size_t)st->size + 1);
	/* one byte more than it should have: an entry that lies about its size is found out */
	const zip_int64_t n = zip_fread(file, data, st->size + 1);
	const int error = zip_fclose(file);
	if (n < 0 || (zip_uint64_t)n != st->size || error) fail(cx, "%s: is damaged", what);
	return npy_parse(cx, data, (size_t)st->size, what);
}

int npz_parse(Ctx *cx, const void *data, size_t size_bytes, const char *what, const NamedTensor **tensors)
{
	zip_error_t error;
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(data, size_bytes, 0, &error);
	zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : NULL;
	if (!archive) {
		const char *message = arena_printf(cx->arena, "%s", zip_error_strerror(&error));
		zip_error_fini(&error);
		if (source) zip_source_free(source);
		fail(cx, "%s: is not an .npz file: %s", what, message);
	}
	zip_error_fini(&error);
	arena_defer(cx->arena, discard, archive);

	const zip_int64_t n = zip_get_num_entries(archive, 0);
	if (n > MAX_ENTRIES) fail(cx, "%s: has %lld entries, at most %d are read", what, (long long)n, MAX_ENTRIES);
	NamedTensor *found = NEWN(cx->arena, NamedTensor, n);
	uint64_t left = MAX_UNPACKED_BYTES;
	Map names;
	map_init(&names, cx->arena);
	for (zip_int64_t i = 0; i < n; i++) {
		zip_stat_t st;
		if (zip_stat_index(archive, (zip_uint64_t)i, 0, &st) || !(st.valid & ZIP_STAT_NAME))
			fail(cx, "%s: entry %lld is damaged", what, (long long)i);
		if (!path_ends_with(st.name, ".npy")) fail(cx, "%s: entry '%s' is not an .npy file", what, st.name);
		const char *entry = arena_printf(cx->arena, "%s: entry '%s'", what, st.name);
		found[i].name = intern(cx, arena_strn(cx->arena, st.name, strlen(st.name) - strlen(".npy")));
		if (map_get(&names, found[i].name)) fail(cx, "%s: is there twice", entry);
		map_put(&names, found[i].name, found[i].name);
		found[i].tensor = read_entry(cx, archive, (zip_uint64_t)i, &st, entry, &left);
	}
	*tensors = found;
	return (int)n;
}

/* ---- writing ---- */

void npz_print(Ctx *cx, Buf *out, int n, const NamedTensor *tensors)
{
	zip_error_t error;
	zip_error_init(&error);
	zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error);
	zip_t *archive = target ? zip_open_from_source(target, ZIP_TRUNCATE, &error) : NULL;
	if (!archive) fail(cx, "cannot make an archive: %s", zip_error_strerror(&error));
	zip_source_keep(target); /* its bytes are wanted after the archive is closed */
	arena_defer(cx->arena, unref, target);
	for (int i = 0; i < n; i++) {
		Buf npy;
		buf_init(&npy, cx->arena);
		npy_print(&npy, tensors[i].tensor);
		const char *name = arena_printf(cx->arena, "%s.npy", tensors[i].name);
		zip_source_t *source = zip_source_buffer(archive, npy.text, npy.size, 0);
		const zip_int64_t entry = source ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
		/* as np.savez: not compressed, and of no particular time */
		if (entry < 0 || zip_set_file_compression(archive, (zip_uint64_t)entry, ZIP_CM_STORE, 0) ||
			zip_file_set_dostime(archive, (zip_uint64_t)entry, 0, 1 << 5 | 1, 0)) {
			const char *message = arena_printf(cx->arena, "%s", zip_strerror(archive));
			if (source && entry < 0) zip_source_free(source);
			zip_discard(archive);
			fail(cx, "cannot archive '%s': %s", tensors[i].name, message);
		}
	}
	if (zip_close(archive)) {
		const char *message = arena_printf(cx->arena, "%s", zip_strerror(archive));
		zip_discard(archive);
		fail(cx, "cannot make an archive: %s", message);
	}
	zip_stat_t st;
	if (zip_source_stat(target, &st) || zip_source_open(target)) fail(cx, "cannot make an archive");
	char *bytes = arena_alloc(cx->arena, (size_t)st.size + 1);
	const zip_int64_t size = zip_source_read(target, bytes, st.size);
	zip_source_close(target);
	if (size < 0 || (zip_uint64_t)size != st.size) fail(cx, "cannot make an archive");
	buf_write(out, bytes, (size_t)size);
}
