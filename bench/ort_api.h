/* ort_api.h: what race.c needs of ONNX Runtime's C API.
 *
 * The wheel holds the library but no header.  The API is a table of functions that only ever grows at its end (its header
 * says so and asserts it), so a function is known by its position, here counted in onnxruntime_c_api.h.
 */
#ifndef BENCH_ORT_API_H
#define BENCH_ORT_API_H

#include <stddef.h>
#include <stdint.h>

typedef void OrtStatus; /* NULL: fine */
typedef void OrtAny;
typedef void (*OrtFunction)(void);
typedef struct {
	const OrtFunction *(*get_api)(uint32_t version);
	const char *(*version)(void);
} OrtApiBase;

enum {
	ORT_GET_ERROR_MESSAGE = 2,
	ORT_CREATE_ENV = 3,
	ORT_CREATE_SESSION = 7,
	ORT_RUN = 9,
	ORT_CREATE_SESSION_OPTIONS = 10,
	ORT_SET_EXECUTION_MODE = 13,
	ORT_SET_OPTIMIZATION_LEVEL = 23,
	ORT_SET_INTRA_OP_THREADS = 24,
	ORT_SET_INTER_OP_THREADS = 25,
	ORT_CREATE_TENSOR_WITH_DATA = 49,
	ORT_CREATE_CPU_MEMORY_INFO = 69
};
enum { ORT_API = 1, ORT_LOG_ERROR = 3, ORT_SEQUENTIAL = 0, ORT_ENABLE_ALL = 99, ORT_ARENA = 1, ORT_MEM_DEFAULT = 0 };

typedef const char *(*OrtGetErrorMessage)(const OrtStatus *);
typedef OrtStatus *(*OrtCreateEnv)(int level, const char *id, OrtAny **env);
typedef OrtStatus *(*OrtCreateSession)(const OrtAny *env, const char *path, const OrtAny *options, OrtAny **session);
typedef OrtStatus *(*OrtRun)(OrtAny *session, const OrtAny *run_options, const char *const *input_names,
	const OrtAny *const *inputs, size_t n_inputs, const char *const *output_names, size_t n_outputs,
	OrtAny **outputs);
typedef OrtStatus *(*OrtCreateSessionOptions)(OrtAny **options);
typedef OrtStatus *(*OrtSetInt)(OrtAny *options, int value);
typedef OrtStatus *(*OrtCreateTensorWithData)(const OrtAny *memory, void *data, size_t size_bytes, const int64_t *dims,
	size_t rank, int type, OrtAny **tensor);
typedef OrtStatus *(*OrtCreateCpuMemoryInfo)(int allocator, int memory, OrtAny **info);

#endif
