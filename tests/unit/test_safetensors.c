/* test_safetensors.c: a file that the safetensors package wrote, and files that lie. */
#include <criterion/criterion.h>

#include "runtime/file.h"
#include "runtime/tensor_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* safetensors 0.8: save({"w": arange(6, f4).reshape(2, 3) / 2, "flags": [True, False, True], "n": int64(-7), "none":
 * zeros((0, 4)), "half": array([1.5, -2], f2)}, metadata = {"format": "np"}) */
static const char written[] =
	"@\x01\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"np\"},"
	"\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
	"\"none\":{\"dtype\":\"F64\",\"shape\":[0,4],\"data_offsets\":[8,8]},"
	"\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},"
	"\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[32,36]},"
	"\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[36,39]}}    "
	"\xf9\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\?\0\0\x80\?\0\0\xc0\?\0\0\0@\0\0 @\0>\0\xc0\x01\0\x01";

static const Tensor *find(int n, const NamedTensor *all, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(all[i].name, name)) return all[i].tensor;
	cr_assert(false, "no tensor %s", name);
	return NULL;
}

static void check_written(int n, const NamedTensor *all)
{
	cr_assert_eq(n, 5); /* __metadata__ is no tensor */
	const Tensor *w = find(n, all, "w"), *flags = find(n, all, "flags"), *one = find(n, all, "n"),
		     *none = find(n, all, "none"), *half = find(n, all, "half");
	cr_assert(w->elem == F32 && w->rank == 2 && w->dims[0] == 2 && w->dims[1] == 3);
	for (int i = 0; i < 6; i++) cr_expect_eq(tensor_get(w, i), 0.5 * i);
	cr_assert(flags->elem == BOOL && flags->rank == 1 && flags->dims[0] == 3);
	for (int i = 0; i < 3; i++) cr_expect_eq(tensor_get(flags, i), i != 1);
	cr_assert(one->elem == I64 && one->rank == 0 && tensor_get_int(one, 0) == -7);
	cr_assert(none->elem == F64 && none->rank == 2 && none->dims[0] == 0 && none->dims[1] == 4);
	cr_assert(half->elem == F16 && tensor_get(half, 0) == 1.5 && tensor_get(half, 1) == -2);
}

Test(safetensors, reads_what_the_package_writes)
{
	Ctx *cx = ctx_new();
	const NamedTensor *all;
	int n = safetensors_parse(cx, written, sizeof written - 1, "t", &all);
	check_written(n, all);

	char path[] = "/tmp/rnncc-test-XXXXXX.safetensors";
	close(mkstemps(path, (int)strlen(".safetensors")));
	file_write(cx, path, written, sizeof written - 1);
	cr_assert(tensor_file_known(path));
	n = tensor_file_read(cx, path, &all);
	unlink(path);
	check_written(n, all);
	ctx_free(cx);
}

/* ---- files that lie ---- */

static const char *refusal(Ctx *cx, const void *data, size_t size)
{
	const char *volatile message = NULL;
	TRY (cx) {
		const NamedTensor *all;
		safetensors_parse(cx, data, size, "t", &all);
	} else message = cx->error;
	return message;
}

/* A header's text and n_data bytes: refused in these words; expected NULL: read. */
static void check(const char *header, size_t n_data, const char *expected)
{
	Ctx *cx = ctx_new();
	Buf b;
	buf_init(&b, cx->arena);
	const uint64_t n = strlen(header);
	buf_write(&b, &n, sizeof n);
	buf_puts(&b, header);
	buf_write(&b, arena_alloc(cx->arena, n_data + 1), n_data);
	const char *message = refusal(cx, b.text, b.size);
	if (!expected) cr_expect_null(message, "%s: %s", header, message ? message : "");
	else
		cr_expect(message && strstr(message, expected), "%s: %s, not %s", header, message ? message : "(read)",
			expected);
	ctx_free(cx);
}

#define F32_AT(name, shape, begin, end) \
	"\"" name "\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"
#define ONE(dtype, shape, offsets) "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

Test(safetensors, every_byte_belongs_to_one_tensor)
{
	check("{" F32_AT("a", "2", 0, 8) "," F32_AT("b", "1", 8, 12) "}", 12, NULL);
	check("{" F32_AT("b", "1", 8, 12) "," F32_AT("a", "2", 0, 8) "}", 12, NULL); /* any order */
	check("{" F32_AT("b", "0", 8, 8) "," F32_AT("a", "2", 0, 8) "}", 8, NULL);
	check("{}", 0, NULL);
	check("{" F32_AT("a", "2", 0, 8) "," F32_AT("b", "2", 4, 12) "}", 12, "overlaps at byte 8");
	check("{" F32_AT("a", "2", 0, 8) "," F32_AT("b", "2", 0, 8) "}", 8, "overlaps at byte 8");
	check("{" F32_AT("a", "2", 0, 8) "," F32_AT("b", "1", 12, 16) "}", 16, "leaves a gap at byte 8");
	check("{" F32_AT("a", "2", 4, 12) "}", 12, "leaves a gap at byte 0");
	check("{" F32_AT("a", "2", 0, 8) "}", 10, "the last 2 bytes belong to no tensor");
	check("{" F32_AT("a", "2", 0, 8) "}", 4, "tensor 'a': its data is at 0 to 8, of 4 bytes that there are");
	check("{" F32_AT("a", "2", 8, 0) "}", 8, "its data is at 8 to 0");
	check("{" F32_AT("a", "2", 0, 4) "}", 4, "its shape needs 8 bytes, but it has 4");
	check("{" F32_AT("a", "2", 0, 8) "," F32_AT("a", "2", 8, 16) "}", 16, "tensor 'a': is there twice");
}

Test(safetensors, numbers_that_overflow)
{
	check("{" F32_AT("a", "4294967296,4294967296", 0, 0) "}", 0, "is too large");
	check("{" F32_AT("a", "4294967296,4294967296,0", 0, 0) "}", 0, NULL);
	check("{" F32_AT("a", "4611686018427387904", 0, 0) "}", 0, "whole numbers from 0 to 2^53");
	check("{" F32_AT("a", "-1", 0, 0) "}", 0, "shape must hold whole numbers");
	check("{" F32_AT("a", "0.5", 0, 2) "}", 2, "shape must hold whole numbers");
	check("{" F32_AT("a", "1e999", 0, 0) "}", 0, "shape must hold whole numbers");
	check("{" F32_AT("a", "2", 0, 18446744073709551615) "}", 8, "data_offsets must hold whole numbers");
	check("{" F32_AT("a", "2", -8, 0) "}", 8, "data_offsets must hold whole numbers");
}

Test(safetensors, headers_of_another_form)
{
	check("", 0, "begins with no '{'");
	check(" {}", 0, "begins with no '{'");
	check("[]", 0, "begins with no '{'");
	check("{", 0, "no JSON");
	check("{\"a\":", 0, "no JSON, at byte");
	check("{}  ", 0, NULL);
	check("{}x", 0, "text after its end");
	check("{\"a\":1}", 0, "tensor 'a': must be an object");
	check("{\"a\":{}}", 0, "tensor 'a': has no dtype");
	check("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "has no data_offsets");
	check("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "unexpected key 'dtype'");
	check("{\"a\":{\"stride\":1}}", 0, "unexpected key 'stride'");
	check(ONE("\"F8_E4M3\"", "[1]", "[0,1]"), 1, NULL);
	check(ONE("\"C64\"", "[1]", "[0,8]"), 8, "tensors of type 'C64' are not supported");
	check(ONE("7", "[1]", "[0,1]"), 1, "dtype must be a string");
	check(ONE("\"U8\"", "1", "[0,1]"), 1, "shape must be a list");
	check(ONE("\"U8\"", "[\"1\"]", "[0,1]"), 1, "shape must hold whole numbers");
	check(ONE("\"U8\"", "[1]", "[0]"), 1, "data_offsets must be two numbers");
	check(ONE("\"U8\"", "[1]", "[0,1,2]"), 1, "data_offsets must be two numbers");
	check(ONE("\"U8\"", "[1]", "{}"), 1, "data_offsets must be two numbers");
	check("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ must map names to strings");
	check("{\"__metadata__\":[]}", 0, "__metadata__ must map names to strings");
	check("{\"\\u001b[2J\":1}", 0, "tensor '\\x1b[2J': must be an object"); /* nothing reaches the terminal */
}

Test(safetensors, sizes_of_the_header)
{
	Ctx *cx = ctx_new();
	static const unsigned char huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'},
				   longer[] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
	cr_expect(strstr(refusal(cx, huge, sizeof huge), "its header is larger than"));
	cr_expect(strstr(refusal(cx, longer, sizeof longer), "truncated .safetensors header"));
	for (size_t n = 0; n < sizeof written - 1; n++) {
		char *part = malloc(n + 1); /* exactly so long, for the sanitizers */
		memcpy(part, written, n);
		cr_expect_not_null(refusal(cx, part, n), "%zu bytes are no file", n);
		free(part);
	}
	ctx_free(cx);
}

Test(safetensors, nesting_is_bounded)
{
	Ctx *cx = ctx_new();
	Buf b;
	buf_init(&b, cx->arena);
	const uint64_t n = 200005;
	buf_write(&b, &n, sizeof n);
	buf_puts(&b, "{\"a\":");
	for (int i = 0; i < 200000; i++) buf_puts(&b, "[");
	cr_expect(strstr(refusal(cx, b.text, b.size), "no JSON"));
	ctx_free(cx);
}
