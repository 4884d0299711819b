/* cli.h: the rnncc command: its subcommands, their options, and what they share. */
#ifndef CLI_H
#define CLI_H

#include "ir/ir.h"
#include "passes/passes.h"
#include "runtime/load.h"
#include "runtime/session.h"

enum { STATUS_OK = 0, STATUS_FAULT = 1 /* of the model or the input */, STATUS_USAGE = 2 };
enum { MAX_TYPING_ERRORS = 2 }; /* in what a message makes a guess at */

/* ------------------------------------------------------------------------------------------------ options.c */

typedef struct { /* --state OUT=IN */
	const char *out, *in;
} StatePair;

#define LIST(T)           \
	struct {          \
		int n;    \
		T *items; \
	}

typedef struct {
	int n_args; /* what is not an option */
	char **args;
	char **argv; /* the whole command line, but for its order */
	/* the compiler's */
	const char *name, *target, *output, *self_test;
	int opt, threads;
	WeightsMode weights_mode;
	WeightChoice weights;
	uint64_t weights_seed;
	Elem weights_elem;           /* F32: as the model has them */
	bool bf16_products;          /* --products-dtype bf16 */
	const char *schedule;        /* a file of schedules; NULL: none */
	struct Schedules *schedules; /* in place of it, set by --tune itself */
	bool tune, list_choices;
	bool f64, no_lengths, no_detect_states, describe, kernels, sweep, profile; /* profile: set by bench itself */
	LIST(SizeRange) dims;
	LIST(Binding) bindings;
	LIST(StatePair) states;
	/* developers' */
	const char *pass, *print_after, *stop_after, *reproducer;
	bool verify_each, check, time, verbose; /* check: of fmt, too */
	/* running */
	Via via;
	uint64_t seed;
	bool json, weights_table, sanitize, warnings, verify;
	const char *data, *model, *filter, *plot;
	double rtol, atol; /* -1: not given */
	int jobs;
} Options;

typedef struct Command {
	const char *name;
	unsigned flag;        /* which options it has */
	const char *operands; /* "MODEL [FILE...]" */
	int min_args, max_args;
	const char *summary, *details, *examples;
	int (*run)(Ctx *, const Options *); /* gives the exit status; fails by fail() */
} Command;
enum { COMPILE = 1, RUN = 2, TEST = 4, INSPECT = 8, OPT = 16, BENCH = 32, FMT = 64, OPS = 128, TARGETS = 256 };
extern const Command command_compile, command_run, command_test, command_inspect, command_opt, command_bench,
	command_fmt, command_ops, command_targets;

/* Fills *options.  Returns -1 to go on, else the exit status: help was asked for and printed, or the usage is wrong. */
int options_parse(const Command *, Arena *, int argc, char **argv, Options *options);
/* What the compiler is told. */
CompileOptions options_compile(Ctx *, const Options *, const Model *);
SessionOptions options_session(const Options *);

/* ------------------------------------------------------------------------------------------------ model.c */

const Model *load_model(Ctx *, const Options *, const char *path);
/* The same for inputs like those of a data set. */
typedef struct DataSet DataSet;
const Model *load_model_for(Ctx *, const Options *, const char *path, const DataSet *, bool bind_scalars);
typedef struct {
	const Model *model;
	Session *session;
	const Compiled *compiled;
	const DataSet *made_for; /* NULL: any */
	bool built_in;           /* the values of single integers, too */
} Ready;
/* Loaded and opened for the shapes of a data set; where the sizes alone do not decide what the model computes, its single
 * integers (a sample rate that picks a branch) become constants too. */
Ready ready_for(Ctx *, const Options *, const char *path, const DataSet *);
/* Ready to run as --via says; an interpreted one is compiled only where states or sizes ask for it.  *compiled may be NULL. */
Session *open_model(Ctx *, const Options *, const Model *, const CompileOptions *, const Compiled **compiled);

/* ------------------------------------------------------------------------------------------------ inputs.c */

/* The tensors that a model is run on: from files, in order or NAME=FILE; else random. */
const Tensor **inputs_from_files(Ctx *, const Session *, int n_files, char **files);
const Tensor **inputs_random(Ctx *, const Options *, const Session *, const Model *);
/* As the model wants it: f32 becomes f64 in a double build. */
const Tensor *input_as(Ctx *, const Tensor *, const Type *);

/* ------------------------------------------------------------------------------------------------ dataset.c */

/* A folder test_data_set_K: input_I.pb and output_J.pb. */
struct DataSet {
	const char *path;
	int n_inputs, n_outputs; /* one more than the highest number there is */
};
/* Of a case's folder, by number; or the folder itself where it is one.  Returns how many. */
int data_sets(Ctx *, const char *dir, const DataSet **sets);
/* NULL where the file is missing: an optional input that is not given. */
const char *data_set_file(Ctx *, const DataSet *, const char *kind /* "input", "output" */, int index);
/* The tensors of the model's input or output of that index; false where the file is missing. */
bool data_set_input(Ctx *, const DataSet *, const Model *, int index, OnnxValue *);
bool data_set_output(Ctx *, const DataSet *, const Model *, int index, OnnxValue *);
/* The tensor for a graph's parameter or result of that name, which may be an element of a sequence; NULL: there is none. */
const Tensor *data_set_param(Ctx *, const DataSet *, const Model *, const char *name);
const Tensor *data_set_result(Ctx *, const DataSet *, const Model *, const char *name);
/* The inputs of a session, by the model's own order of inputs. */
const Tensor **data_set_inputs(Ctx *, const DataSet *, const Session *, const Model *);

/* ------------------------------------------------------------------------------------------------ selftest.c */

/* NAME_test.c, as --self-test says. */
OutFile self_test(Ctx *, const Options *, const Model *, const Compiled *);

/* ------------------------------------------------------------------------------------------------ verify.c */

/* Prints how far each output is from what it should be.  Fails where --rtol or --atol is given and does not hold. */
const char *verify_build(Ctx *, const Options *, const Model *, const CompileOptions *);

/* ------------------------------------------------------------------------------------------------ tune.c */

/* Prints what it tried, and gives what is fastest here. */
struct Schedules *tune(Ctx *, const Options *, const char *target);

/* ------------------------------------------------------------------------------------------------ compare.c */

typedef struct {
	double rtol, atol;
} Tolerance;
typedef struct {
	double worst_error; /* greatest |a - b| */
	double worst_ratio; /* greatest |a - b| / (atol + rtol |b|): above 1 is a failure */
	const char *reason; /* NULL: equal within the tolerance */
} Comparison;
/* a: computed; b: wanted. */
Comparison compare_tensors(Ctx *, const Tensor *a, const Tensor *b, Tolerance);

/* ------------------------------------------------------------------------------------------------ term.c */

typedef enum { RED = 31, GREEN = 32, YELLOW = 33 } Colour;
const char *painted(Arena *, Colour, const char *text); /* where standard output is a terminal that wants colours */
/* A name from a file, fit for a terminal: control characters escaped. */
const char *printable(Arena *, const char *name);
/* A message, which may hold words of the file or of the command line: the same but for its lines, and of bounded length. */
const char *printable_message(Arena *, const char *);
const char *human_bytes(Arena *, int64_t size_bytes);
const char *tensor_shape(Arena *, const Tensor *); /* "f32[2, 3]" */
void print_error(const Ctx *);
void print_notes(const Ctx *);

#endif
