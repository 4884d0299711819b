/* fuzz_tensor.c: any bytes as .npy, .npz, .safetensors and .pb.  They are refused with a message, or they give a tensor which, written
 * as .npy and read again, is the same.  Strings are only read. */
#include "frontend/onnx/onnx_tensor.h"
#include "runtime/tensor_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static bool same_bytes(const void *a, const void *b, size_t size) { return !size || !memcmp(a, b, size); }

static void check_round_trip(Ctx *cx, const Tensor *t)
{
	Buf text;
	buf_init(&text, cx->arena);
	npy_print(&text, t);
	const Tensor *again = npy_parse(cx, text.text, text.size, "written");
	const bool as_bytes = t->elem > BOOL; /* types without a name in NumPy are written as bytes */
	const bool same = (as_bytes ? elem_info[again->elem].size == 1 : again->elem == t->elem) &&
		again->rank == t->rank && again->count == t->count &&
		same_bytes(again->dims, t->dims, sizeof *t->dims * (size_t)t->rank) &&
		(t->elem == BOOL || same_bytes(again->data, t->data, tensor_size_bytes(t)));
	if (!same) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int format = 0; format < 4; format++) {
		Ctx *cx = ctx_new();
		const NamedTensor *volatile found = NULL;
		volatile int n = 0;
		TRY (cx) {
			NamedTensor *one = NEW(cx->arena, NamedTensor);
			const NamedTensor *some = one;
			int count = 1;
			if (format == 0) one->tensor = npy_parse(cx, data, size, "fuzz");
			else if (format == 1) count = npz_parse(cx, data, size, "fuzz", &some);
			else if (format == 2) count = safetensors_parse(cx, data, size, "fuzz", &some);
			else one->tensor = onnx_tensor_parse(cx, data, size);
			found = some;
			n = count;
		}
		TRY (cx) {
			for (int i = 0; i < n; i++)
				if (found[i].tensor->elem != STR) check_round_trip(cx, found[i].tensor);
		} else abort();
		ctx_free(cx);
	}
	return 0;
}
