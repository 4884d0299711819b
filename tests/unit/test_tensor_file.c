/* test_tensor_file.c: .npy, .npz and .pb: files that NumPy wrote, round trips, files that lie. */
#include <criterion/criterion.h>

#include "frontend/onnx/onnx_tensor.h"
#include "runtime/file.h"
#include "runtime/sha256.h"
#include "runtime/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- help ---- */

/* The message with which the bytes are refused; NULL when they are read. */
static const char *refusal(Ctx *cx, const void *data, size_t size)
{
	const char *volatile message = NULL;
	TRY (cx) {
		npy_parse(cx, data, size, "t");
	} else message = cx->error;
	return message;
}

/* An .npy of version 1.0 with this header text and so many bytes of data. */
static Buf npy_with(Ctx *cx, const char *header, size_t n_data)
{
	Buf b;
	buf_init(&b, cx->arena);
	const size_t n = strlen(header);
	buf_write(&b, "\x93NUMPY\1\0", 8);
	buf_write(&b, (unsigned char[]){(unsigned char)n, (unsigned char)(n >> 8)}, 2);
	buf_puts(&b, header);
	buf_write(&b, arena_alloc(cx->arena, n_data + 1), n_data);
	return b;
}

static void check_header(const char *header, size_t n_data, const char *expected)
{
	Ctx *cx = ctx_new();
	const Buf b = npy_with(cx, header, n_data);
	const char *message = refusal(cx, b.text, b.size);
	if (!expected) cr_expect_null(message, "%s: %s", header, message ? message : "");
	else
		cr_expect(message && strstr(message, expected), "%s: %s, not %s", header, message ? message : "(read)",
			expected);
	ctx_free(cx);
}

static bool same(const Tensor *a, const Tensor *b)
{
	if (a->elem != b->elem || a->rank != b->rank || a->count != b->count) return false;
	for (int d = 0; d < a->rank; d++)
		if (a->dims[d] != b->dims[d]) return false;
	return memcmp(a->data, b->data, tensor_size_bytes(a)) == 0;
}

static Tensor *numbered(Ctx *cx, Elem elem, int rank, const int64_t *dims)
{
	Tensor *t = tensor_new(cx->arena, elem, rank, dims);
	for (int64_t i = 0; i < t->count; i++) tensor_set_int(t, i, elem == BOOL ? i % 2 : i % 100);
	return t;
}

/* ---- what NumPy 1.24 wrote: numpy.save(f, a) ---- */

#define NUMPY(text) text, sizeof(text) - 1
#define PAD10 "          "
#define PAD50 PAD10 PAD10 PAD10 PAD10 PAD10

/* a = arange(6).reshape(2, 3) * 0.5, float32 */
static const char numpy_f4[] =
	"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" PAD50 "        \n"
	"\0\0\0\0\0\0\0?\0\0\x80?\0\0\xc0?\0\0\0@\0\0 @";

Test(tensor_file, reads_numpy)
{
	Ctx *cx = ctx_new();
	const Tensor *t = npy_parse(cx, NUMPY(numpy_f4), "f4");
	cr_assert(t->elem == F32 && t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3);
	for (int i = 0; i < 6; i++) cr_assert_eq(tensor_get(t, i), 0.5 * i);
	ctx_free(cx);
}

Test(tensor_file, writes_what_numpy_writes)
{
	Ctx *cx = ctx_new();
	const int64_t dims[] = {2, 3};
	Tensor *t = tensor_new(cx->arena, F32, 2, dims);
	for (int i = 0; i < 6; i++) tensor_set(t, i, 0.5 * i);
	Buf b;
	buf_init(&b, cx->arena);
	npy_print(&b, t);
	cr_assert_eq(b.size, sizeof numpy_f4 - 1);
	cr_assert_arr_eq(b.text, numpy_f4, b.size);
	ctx_free(cx);
}

/* numpy.asfortranarray(a) */
Test(tensor_file, reads_column_major)
{
	static const char fortran[] = "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }" PAD50
				      "         \n\0\0\0\0\0\0\xc0?\0\0\0?\0\0\0@\0\0\x80?\0\0 @";
	Ctx *cx = ctx_new();
	const Tensor *t = npy_parse(cx, NUMPY(fortran), "fortran");
	for (int i = 0; i < 6; i++) cr_assert_eq(tensor_get(t, i), 0.5 * i);
	ctx_free(cx);
}

/* array([1, -2, 300], '>i2'); array(True) */
Test(tensor_file, reads_big_endian_and_scalars)
{
	static const char big[] =
		"\x93NUMPY\1\0v\0{'descr': '>i2', 'fortran_order': False, 'shape': (3,), }" PAD50 PAD10
		"\n\0\1\xff\xfe\1,";
	static const char scalar[] =
		"\x93NUMPY\1\0v\0{'descr': '|b1', 'fortran_order': False, 'shape': (), }" PAD50 PAD10 "  \n\1";
	Ctx *cx = ctx_new();
	const Tensor *t = npy_parse(cx, NUMPY(big), "big");
	cr_assert(t->elem == I16 && t->count == 3);
	cr_assert(tensor_get_int(t, 0) == 1 && tensor_get_int(t, 1) == -2 && tensor_get_int(t, 2) == 300);
	t = npy_parse(cx, NUMPY(scalar), "scalar");
	cr_assert(t->elem == BOOL && t->rank == 0 && t->count == 1 && tensor_get_int(t, 0) == 1);
	ctx_free(cx);
}

/* savez_compressed(f, x=zeros(100, 'f4'), y=int64(7)) */
Test(tensor_file, reads_compressed_npz)
{
	static const unsigned char npz[] = {80, 75, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 33, 0, 239, 185, 125, 27, 75, 0, 0,
		0, 16, 2, 0, 0, 5, 0, 20, 0, 120, 46, 110, 112, 121, 1, 0, 16, 0, 16, 2, 0, 0, 0, 0, 0, 0, 75, 0, 0, 0,
		0, 0, 0, 0, 155, 236, 23, 234, 27, 16, 201, 200, 80, 198, 80, 173, 158, 146, 90, 156, 92, 164, 110, 165,
		160, 110, 147, 102, 162, 174, 163, 160, 158, 150, 95, 84, 82, 148, 152, 23, 159, 95, 148, 146, 10, 18,
		119, 75, 204, 41, 78, 5, 138, 23, 103, 36, 22, 164, 2, 249, 26, 134, 6, 6, 58, 154, 58, 10, 181, 10,
		100, 3, 46, 134, 81, 48, 168, 0, 0, 80, 75, 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 33, 0, 35, 184, 240, 108, 70,
		0, 0, 0, 136, 0, 0, 0, 5, 0, 20, 0, 121, 46, 110, 112, 121, 1, 0, 16, 0, 136, 0, 0, 0, 0, 0, 0, 0, 70,
		0, 0, 0, 0, 0, 0, 0, 155, 236, 23, 234, 27, 16, 201, 200, 80, 198, 80, 173, 158, 146, 90, 156, 92, 164,
		110, 165, 160, 110, 147, 105, 161, 174, 163, 160, 158, 150, 95, 84, 82, 148, 152, 23, 159, 95, 148, 146,
		10, 18, 119, 75, 204, 41, 78, 5, 138, 23, 103, 36, 22, 164, 2, 249, 26, 154, 58, 10, 181, 10, 20, 1, 46,
		118, 6, 8, 0, 0, 80, 75, 1, 2, 20, 3, 20, 0, 0, 0, 8, 0, 0, 0, 33, 0, 239, 185, 125, 27, 75, 0, 0, 0,
		16, 2, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 1, 0, 0, 0, 0, 120, 46, 110, 112, 121, 80, 75, 1,
		2, 20, 3, 20, 0, 0, 0, 8, 0, 0, 0, 33, 0, 35, 184, 240, 108, 70, 0, 0, 0, 136, 0, 0, 0, 5, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 128, 1, 130, 0, 0, 0, 121, 46, 110, 112, 121, 80, 75, 5, 6, 0, 0, 0, 0, 2, 0, 2, 0,
		102, 0, 0, 0, 255, 0, 0, 0, 0, 0};
	Ctx *cx = ctx_new();
	const NamedTensor *found;
	cr_assert_eq(npz_parse(cx, npz, sizeof npz, "npz", &found), 2);
	cr_assert_str_eq(found[0].name, "x");
	cr_assert(
		found[0].tensor->elem == F32 && found[0].tensor->count == 100 && tensor_get(found[0].tensor, 99) == 0);
	cr_assert_str_eq(found[1].name, "y");
	cr_assert(
		found[1].tensor->elem == I64 && found[1].tensor->rank == 0 && tensor_get_int(found[1].tensor, 0) == 7);
	/* any byte changed is refused or read; nothing else */
	for (size_t i = 0; i < sizeof npz; i++) {
		unsigned char damaged[sizeof npz];
		memcpy(damaged, npz, sizeof npz);
		damaged[i] ^= 0x55;
		TRY (cx) { npz_parse(cx, damaged, sizeof damaged, "damaged", &found); }
		TRY (cx) { npz_parse(cx, npz, i, "truncated", &found); }
	}
	ctx_free(cx);
}

/* ---- round trips ---- */

Test(tensor_file, npy_round_trip_of_every_type)
{
	static const int64_t shapes[][3] = {{0, 0, 0}, {5, 0, 0}, {2, 3, 0}, {2, 0, 3}, {2, 3, 4}};
	static const int ranks[] = {0, 1, 2, 3, 3};
	for (int e = 0; e < N_ELEMS; e++)
		for (int s = 0; s < 5; s++) {
			Ctx *cx = ctx_new();
			const Tensor *t = numbered(cx, (Elem)e, ranks[s], shapes[s]);
			Buf b;
			buf_init(&b, cx->arena);
			npy_print(&b, t);
			cr_assert_eq((b.size - tensor_size_bytes(t)) % 64, 0, "the data is aligned");
			/* NumPy has no name for what is for storage only: it is read as the bytes that hold it */
			Tensor bytes = *t;
			if (elem_is_storage(t->elem)) bytes.elem = elem_info[t->elem].cls == 'i' ? I8 : U8;
			cr_assert(same(npy_parse(cx, b.text, b.size, "npy"), &bytes));
			ctx_free(cx);
		}
}

Test(tensor_file, npz_round_trip)
{
	Ctx *cx = ctx_new();
	const NamedTensor in[] = {
		{"/rnn/h 0", numbered(cx, F16, 2, (int64_t[]){3, 5})}, {"y", numbered(cx, U64, 0, NULL)}};
	Buf b, again;
	buf_init(&b, cx->arena);
	buf_init(&again, cx->arena);
	npz_print(cx, &b, 2, in);
	npz_print(cx, &again, 2, in);
	cr_assert(b.size == again.size && !memcmp(b.text, again.text, b.size), "byte for byte the same");
	const NamedTensor *out;
	cr_assert_eq(npz_parse(cx, b.text, b.size, "npz", &out), 2);
	for (int i = 0; i < 2; i++) {
		cr_assert_str_eq(out[i].name, in[i].name);
		cr_assert(same(out[i].tensor, in[i].tensor));
	}
	ctx_free(cx);
}

Test(tensor_file, files_round_trip_and_leave_nothing_else)
{
	char dir[] = "/tmp/rnncc_tensor_file.XXXXXX";
	cr_assert_not_null(mkdtemp(dir));
	Ctx *cx = ctx_new();
	const NamedTensor in = {"x", numbered(cx, I32, 2, (int64_t[]){4, 4})};
	static const char *const names[] = {"a b.npy", "c.npz", "d.pb"};
	for (int i = 0; i < 3; i++) {
		const char *path = path_join(cx->arena, dir, names[i]);
		tensor_file_write(cx, path, 1, &in);
		tensor_file_write(cx, path, 1, &in); /* in place of an older one */
		const NamedTensor *out;
		cr_assert_eq(tensor_file_read(cx, path, &out), 1);
		cr_assert(same(out[0].tensor, in.tensor));
	}
	const char **found;
	cr_assert_eq(dir_list(cx->arena, dir, NULL, &found), 3, "no temporary file is left");
	struct stat st;
	const mode_t mask = umask(0);
	umask(mask);
	cr_assert(stat(path_join(cx->arena, dir, found[0]), &st) == 0 && (st.st_mode & 0777) == (0666 & ~mask));
	for (int i = 0; i < 3; i++) unlink(path_join(cx->arena, dir, found[i]));
	rmdir(dir);
	ctx_free(cx);
}

/* A .pb is read by the ONNX front end: checked against the wire format written by hand. */
Test(tensor_file, reads_pb)
{
	/* dims: 2; data_type: FLOAT (1); raw_data: 1.0, -2.0 */
	static const char pb[] = "\x08\x02\x10\x01\x4a\x08\0\0\x80?\0\0\0\xc0";
	Ctx *cx = ctx_new();
	const Tensor *t = onnx_tensor_parse(cx, NUMPY(pb));
	cr_assert(t->elem == F32 && t->rank == 1 && t->count == 2 && tensor_get(t, 0) == 1 && tensor_get(t, 1) == -2);
	ctx_free(cx);
}

/* ---- files that lie ---- */

Test(tensor_file, hostile_headers)
{
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, NULL);
	check_header(
		"{'shape': (2L,), 'fortran_order': False, \"descr\": '<f4'}\n", 8, NULL); /* Python 2, other order */
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, "needs 8");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "needs 8");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0,
		"more bytes than any file has");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 0, "bad shape");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 0, "bad shape");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, }", 8, "bad shape");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2", 8, "')' expected");
	check_header("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }", 8, "fortran_order");
	check_header("{'descr': '<f4', 'shape': (2,), }", 8, "expected");
	check_header("{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", 8, "unexpected key");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8, "unexpected key");
	check_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x", 8, "after its end");
	check_header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 16, "'|O' are not supported");
	check_header("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, "not supported");
	check_header("{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", 8, "not supported");
	check_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "structured");
	check_header("{'descr': '<f4", 8, "without end");
	check_header("{", 8, "a string expected");
	check_header("", 8, "'{' expected");
}

Test(tensor_file, truncated_at_every_byte)
{
	Ctx *cx = ctx_new();
	for (size_t n = 0; n + 1 < sizeof numpy_f4; n++) {
		char *part = malloc(n ? n : 1); /* of the exact size: a sanitizer sees the byte after it */
		cr_assert(part);
		memcpy(part, numpy_f4, n);
		cr_expect_not_null(refusal(cx, part, n), "%zu bytes", n);
		free(part);
	}
	cr_expect(strstr(refusal(cx, "\x93NUMPY\4\0\0\0\0\0\0\0", 14), "version 4.0"));
	ctx_free(cx);
}

static const char *read_refusal(Ctx *cx, const char *path)
{
	const char *volatile message = "";
	const NamedTensor *found;
	TRY (cx) {
		tensor_file_read(cx, path, &found);
	} else message = cx->error;
	return message;
}

Test(tensor_file, paths_that_are_no_files)
{
	Ctx *cx = ctx_new();
	cr_expect(strstr(read_refusal(cx, "/nonexistent/x.npy"), "/nonexistent/x.npy: cannot be read: No such file"));
	cr_expect(strstr(read_refusal(cx, "x.txt"), "unknown kind of file"));
	char dir[] = "/tmp/rnncc_tensor_file.XXXXXX";
	cr_assert_not_null(mkdtemp(dir));
	const char *folder = path_join(cx->arena, dir, "x.npy"), *fifo = path_join(cx->arena, dir, "y.npz");
	cr_assert(mkdir(folder, 0777) == 0 && mkfifo(fifo, 0666) == 0);
	cr_expect(strstr(read_refusal(cx, folder), "is not a regular file"));
	cr_expect(strstr(read_refusal(cx, fifo), "is not a regular file"), "and does not wait for a writer");
	rmdir(folder);
	unlink(fifo);
	rmdir(dir);
	ctx_free(cx);
}

/* FIPS 180-4's examples, and the lengths around a block's end (from sha256sum). */
Test(tensor_file, sha256)
{
	Ctx *cx = ctx_new();
	cr_expect_str_eq(
		sha256_hex(cx->arena, "abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_expect_str_eq(
		sha256_hex(cx->arena, "", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	const char *text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"; /* 56 bytes: two blocks */
	cr_expect_str_eq(
		sha256_hex(cx->arena, text, 56), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	char many[64];
	memset(many, 'a', sizeof many);
	cr_expect_str_eq(
		sha256_hex(cx->arena, many, 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
	cr_expect_str_eq(
		sha256_hex(cx->arena, many, 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
	ctx_free(cx);
}
