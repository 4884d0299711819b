/* options.c: one table of all options, which subcommands have them, and what they say in --help. */
#include "cli/cli.h"
#include "codegen/codegen.h"
#include "frontend/weights/weights.h"
#include "runtime/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALL = COMPILE | RUN | TEST | INSPECT | OPT | BENCH, RUNS = RUN | TEST | BENCH };
enum { CODE = COMPILE | RUNS | INSPECT }; /* those that compile */

typedef struct {
	const char *name;
	char letter;          /* 0: none */
	const char *argument; /* NULL: none */
	unsigned commands;
	const char *help;
} Option;

/* OPTION(id, name, letter, argument, commands, help) */
#define OPTIONS(OPTION)                                                                                                \
	OPTION(HELP, "help", 'h', NULL, ALL | FMT | OPS | TARGETS, "print this and exit")                              \
	OPTION(OUTPUT, "output", 'o', "PATH", COMPILE | RUN | INSPECT,                                                 \
		"where to: compile a folder, run a folder or .npz file, inspect the parameters of a .rnn as .npz")     \
	OPTION(NAME, "name", 0, "NAME", COMPILE, "prefix of the generated functions and files; else the model's name") \
	OPTION(TARGET, "target", 0, "CPU", CODE,                                                                       \
		"generic, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16 or native (compile: generic; others: native)")  \
	OPTION(LEVEL, NULL, 'O', "LEVEL", CODE | OPT, "0 as it is, 1, 2 fused and vectorised, 3 (2)")                  \
	OPTION(THREADS, "threads", 0, "N", COMPILE | RUNS, "use N threads, by OpenMP (1)")                             \
	OPTION(WEIGHTS, "weights", 0, "MODE|FILE", COMPILE | RUNS,                                                     \
		"inline, string, incbin or blob (by size); or a file of a .rnn's: .npz .safetensors .onnx")            \
	OPTION(WEIGHTS_TABLE, "weights", 0, "[=FILE]", INSPECT, "list the parameters, with FILE: as it gives them")    \
	OPTION(WEIGHTS_LAYOUT, "weights-layout", 0, "NAME", COMPILE | RUNS | INSPECT,                                  \
		"whose layers are in FILE: pytorch or keras (rnncc: parameters by name)")                              \
	OPTION(WEIGHTS_MAP, "weights-map", 0, "FILE", COMPILE | RUNS | INSPECT, "a text that says which is which")     \
	OPTION(WEIGHTS_SEED, "weights-seed", 0, "N", ALL, "of the random parameters of a .rnn (0)")                    \
	OPTION(DTYPE, "dtype", 0, "TYPE", ALL, "f64: compute everything that is f32 in f64")                           \
	OPTION(WEIGHTS_DTYPE, "weights-dtype", 0, "TYPE", CODE,                                                        \
		"bf16, f16 or int8: store weights so, compute in f32; compile --verify says what it costs")            \
	OPTION(PRODUCTS_DTYPE, "products-dtype", 0, "TYPE", CODE,                                                      \
		"bf16: with weights of bf16, round what they are multiplied with, too, and add up in f32")             \
	OPTION(TUNE, "tune", 0, NULL, COMPILE, "time other schedules on this machine; the best go to NAME.schedule")   \
	OPTION(SCHEDULE, "schedule", 0, "FILE", CODE, "schedules as that file says, which compile --tune wrote")       \
	OPTION(DIM, "dim", 0, "NAME=N|A..B|/M|A..B/M", ALL, "fix a size, or bound it; /M: it is a multiple of M")      \
	OPTION(BIND, "bind", 0, "NAME=VALUE", ALL, "an input becomes a constant: numbers, strings, or a tensor file")  \
	OPTION(LENGTHS, "lengths", 0, "none", ALL, "none: all sequences of a .rnn's batch are as long as the array")   \
	OPTION(STATE, "state", 0, "OUT=IN", COMPILE | RUN | INSPECT | BENCH,                                           \
		"output OUT is input IN of the next call: it is kept in the state")                                    \
	OPTION(NO_DETECT, "no-detect-states", 0, NULL, COMPILE | INSPECT, "only the states that --state says")         \
	OPTION(DESCRIBE, "describe", 0, NULL, COMPILE, "emit a table of the inputs, outputs and entry points")         \
	OPTION(SELF_TEST, "self-test", 0, "DIR|random", COMPILE,                                                       \
		"emit NAME_test.c: the numbers of the data sets in DIR, or what the interpreter gives")                \
	OPTION(VERIFY, "verify", 0, NULL, COMPILE,                                                                     \
		"run it here and say how far it is from the interpreter, or narrow weights from f32")                  \
	OPTION(PASS, "pass", 0, "A,B", OPT, "the passes to run, in this order")                                        \
	OPTION(PRINT_AFTER, "print-after", 0, "PASS", COMPILE | OPT,                                                   \
		"print the graph, or the kernels, after PASS, all, or change")                                         \
	OPTION(STOP_AFTER, "stop-after", 0, "PASS", COMPILE | OPT, "do no more than that pass")                        \
	OPTION(VERIFY_EACH, "verify-each", 0, NULL, COMPILE | OPT, "verify the graph after every pass")                \
	OPTION(CHECK, "check", 0, NULL, COMPILE | OPT, "interpret after every pass: names one that changes a value")   \
	OPTION(FMT_CHECK, "check", 0, NULL, FMT, "change nothing; status 1 if something would change")                 \
	OPTION(REPRODUCER, "reproducer", 0, "FILE", COMPILE, "where to leave the graph that a pass fails on")          \
	OPTION(TIME, "time", 0, NULL, COMPILE | OPT, "print the time of every pass")                                   \
	OPTION(VIA, "via", 0, "WAY", RUNS, "jit, gcc, clang, cc or interpret (jit if installed, else cc)")             \
	OPTION(SEED, "seed", 0, "N", RUN | BENCH, "of the random inputs (0)")                                          \
	OPTION(KERNELS, "kernels", 0, NULL, BENCH, "with --json: each kernel, too, and the machine's limits")          \
	OPTION(SWEEP, "sweep", 0, NULL, BENCH, "with --json: other levels, targets and threads, too")                  \
	OPTION(PLOT, "plot", 0, "FILE.svg", BENCH, "draw the table, by gnuplot")                                       \
	OPTION(DATA, "data", 0, "DIR", BENCH | COMPILE,                                                                \
		"a test_data_set folder, or one that holds some: the first is used (--verify: all)")                   \
	OPTION(RTOL, "rtol", 0, "X", COMPILE | TEST, "relative tolerance (1e-4, or what case.json says)")              \
	OPTION(ATOL, "atol", 0, "X", COMPILE | TEST, "absolute tolerance (1e-4, or what case.json says)")              \
	OPTION(JOBS, "jobs", 'j', "N", TEST, "cases at a time (1)")                                                    \
	OPTION(MODEL, "model", 0, "FILE", TEST, "the model, where the folders hold data sets only")                    \
	OPTION(FILTER, "filter", 0, "GLOB", TEST, "only the cases whose names match")                                  \
	OPTION(SANITIZE, "sanitize", 0, NULL, TEST, "with --via gcc: AddressSanitizer and UBSan in the generated C")   \
	OPTION(WARNINGS, "warnings", 0, NULL, TEST, "warnings of the C compiler, all that there are, fail a case")     \
	OPTION(JSON, "json", 0, NULL, RUNS | INSPECT | OPS | TARGETS, "print JSON instead of text")                    \
	OPTION(VERBOSE, "verbose", 'v', NULL, COMPILE | TEST, "say more")

typedef enum {
#define OPTION(id, ...) OPTION_##id,
	OPTIONS(OPTION)
#undef OPTION
		N_OPTIONS
} OptionId;

static const Option table[N_OPTIONS] = {
#define OPTION(id, ...) {__VA_ARGS__},
	OPTIONS(OPTION)
#undef OPTION
};

/* ---- help ---- */

/* [=FILE] may be left out. */
static bool is_optional(const Option *o) { return o->argument && *o->argument == '['; }

static void print_help(const Command *command)
{
	printf("Usage: rnncc %s [OPTION...] %s\n\n%s\n\nOptions:\n", command->name, command->operands,
		command->details);
	for (int i = 0; i < N_OPTIONS; i++) {
		const Option *o = &table[i];
		if (!(o->commands & command->flag)) continue;
		char left[64];
		if (!o->name) snprintf(left, sizeof left, "-%c%s", o->letter, o->argument);
		else
			snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
				o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
				o->argument && !is_optional(o) ? " " : "", o->argument ? o->argument : "");
		printf("  %-28s %s%s\n", left, strlen(left) > 28 ? "\n                               " : "", o->help);
	}
	printf("\nExamples:\n%s\nExit status: 0 fine, 1 the model or the input is at fault, 2 wrong usage.\n",
		command->examples);
}

static int usage_error(const Command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int usage_error(const Command *command, const char *format, ...)
{
	Arena *arena = arena_new();
	va_list args;
	va_start(args, format);
	fprintf(stderr, "rnncc %s: %s\nTry `rnncc %s --help`.\n", command->name,
		printable_message(arena, arena_vprintf(arena, format, args)), command->name);
	va_end(args);
	arena_free(arena);
	return STATUS_USAGE;
}

/* ---- values ---- */

static bool parse_int(const char *text, int64_t lo, int64_t hi, int64_t *value)
{
	char *end;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return end != text && !*end && !errno && *value >= lo && *value <= hi;
}

static bool parse_small(const char *text, int lo, int hi, int *value)
{
	int64_t wide;
	if (!parse_int(text, lo, hi, &wide)) return false;
	*value = (int)wide;
	return true;
}

static bool parse_tolerance(const char *text, double *value)
{
	char *end;
	*value = strtod(text, &end);
	return end != text && !*end && *value >= 0;
}

/* NAME=REST.  Names may hold anything but an equals sign. */
static bool split(Arena *arena, const char *text, const char **name, const char **rest)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || !equals[1]) return false;
	*name = arena_strn(arena, text, (size_t)(equals - text));
	*rest = equals + 1;
	return true;
}

static bool parse_bounds(Arena *arena, const char *size, SizeRange *dim)
{
	const char *dots = strstr(size, "..");
	if (!dots) return parse_int(size, 0, INT64_MAX, &dim->lo) && (dim->hi = dim->lo, true);
	const char *lo = arena_strn(arena, size, (size_t)(dots - size));
	return parse_int(lo, 0, INT64_MAX, &dim->lo) && parse_int(dots + 2, dim->lo, INT64_MAX, &dim->hi);
}

/* NAME=N, NAME=A..B, NAME=A..B/STEP, NAME=/STEP. */
static bool parse_dim(Arena *arena, const char *text, SizeRange *dim)
{
	const char *size;
	*dim = (SizeRange){.hi = INT64_MAX, .step = 1};
	if (!split(arena, text, &dim->name, &size)) return false;
	const char *slash = strchr(size, '/');
	if (!slash) return parse_bounds(arena, size, dim);
	if (slash != size && !strstr(size, "..")) return false; /* one size is what it is */
	if (slash != size && !parse_bounds(arena, arena_strn(arena, size, (size_t)(slash - size)), dim)) return false;
	return parse_int(slash + 1, 1, INT32_MAX, &dim->step) && range_round(dim);
}

static bool one_of(const char *text, const char *const *words, int *index)
{
	for (*index = 0; words[*index]; ++*index)
		if (!strcmp(text, words[*index])) return true;
	return false;
}

static bool parse_weights(const char *text, WeightsMode *mode)
{
	static const char *const words[] = {"inline", "string", "incbin", "blob", NULL};
	static const WeightsMode modes[] = {WEIGHTS_INLINE, WEIGHTS_STRING, WEIGHTS_INCBIN, WEIGHTS_BLOB};
	int i;
	if (!one_of(text, words, &i)) return false;
	*mode = modes[i];
	return true;
}

static bool is_identifier(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	return *text && !strchr("0123456789", *text) && strspn(text, letters) == strlen(text);
}

/* The next item of a list; each occurrence makes a longer copy, which is fine for what people type. */
#define APPEND(arena, list, item)                                                                    \
	do {                                                                                         \
		void *longer_ = arena_alloc((arena), sizeof *(list).items * (size_t)((list).n + 1)); \
		if ((list).n) memcpy(longer_, (list).items, sizeof *(list).items *(size_t)(list).n); \
		(list).items = longer_;                                                              \
		(list).items[(list).n++] = (item);                                                   \
	} while (0)

static bool set(Options *o, Arena *arena, OptionId id, const char *value)
{
	SizeRange dim;
	Binding binding;
	StatePair pair;
	int64_t seed;
	switch (id) {
	case OPTION_OUTPUT: o->output = value; return *value;
	case OPTION_NAME: o->name = value; return is_identifier(value);
	case OPTION_TARGET: o->target = value; return target_known(value);
	case OPTION_LEVEL: return parse_small(value, 0, 3, &o->opt);
	case OPTION_THREADS: return parse_small(value, 1, 1024, &o->threads);
	case OPTION_WEIGHTS:
		if (!weight_file_known(value)) return parse_weights(value, &o->weights_mode);
		o->weights.file = value;
		return true;
	case OPTION_WEIGHTS_TABLE:
		o->weights_table = true;
		o->weights.file = value;
		return !value || weight_file_known(value);
	case OPTION_WEIGHTS_LAYOUT: return weight_layout_parse(value, &o->weights.layout);
	case OPTION_WEIGHTS_MAP: o->weights.map = value; return *value;
	case OPTION_WEIGHTS_SEED:
		if (!parse_int(value, 0, INT64_MAX, &seed)) return false;
		o->weights_seed = (uint64_t)seed;
		return true;
	case OPTION_DTYPE: o->f64 = true; return !strcmp(value, "f64");
	case OPTION_WEIGHTS_DTYPE: return weights_dtype_parse(value, &o->weights_elem);
	case OPTION_PRODUCTS_DTYPE: o->bf16_products = true; return !strcmp(value, "bf16");
	case OPTION_DIM:
		if (!parse_dim(arena, value, &dim)) return false;
		APPEND(arena, o->dims, dim);
		return true;
	case OPTION_BIND:
		if (!split(arena, value, &binding.name, &binding.value)) return false;
		APPEND(arena, o->bindings, binding);
		return true;
	case OPTION_STATE:
		if (!split(arena, value, &pair.out, &pair.in)) return false;
		APPEND(arena, o->states, pair);
		return true;
	case OPTION_VERIFY: o->verify = true; return true;
	case OPTION_TUNE: o->tune = true; return true;
	case OPTION_SCHEDULE: o->schedule = value; return *value;
	case OPTION_KERNELS: o->kernels = true; return true;
	case OPTION_SWEEP: o->sweep = true; return true;
	case OPTION_PLOT: o->plot = value; return *value;
	case OPTION_NO_DETECT: o->no_detect_states = true; return true;
	case OPTION_DESCRIBE: o->describe = true; return true;
	case OPTION_SELF_TEST: o->self_test = value; return *value;
	case OPTION_PASS: o->pass = value; return *value;
	case OPTION_LENGTHS: o->no_lengths = true; return !strcmp(value, "none");
	case OPTION_PRINT_AFTER: o->print_after = value; return *value;
	case OPTION_STOP_AFTER: o->stop_after = value; return *value;
	case OPTION_REPRODUCER: o->reproducer = value; return *value;
	case OPTION_VERIFY_EACH: o->verify_each = true; return true;
	case OPTION_FMT_CHECK:
	case OPTION_CHECK: o->check = true; return true;
	case OPTION_TIME: o->time = true; return true;
	case OPTION_VIA: return via_parse(value, &o->via);
	case OPTION_SEED:
		if (!parse_int(value, 0, INT64_MAX, &seed)) return false;
		o->seed = (uint64_t)seed;
		return true;
	case OPTION_DATA: o->data = value; return *value;
	case OPTION_RTOL: return parse_tolerance(value, &o->rtol);
	case OPTION_ATOL: return parse_tolerance(value, &o->atol);
	case OPTION_JOBS: return parse_small(value, 1, 1024, &o->jobs);
	case OPTION_MODEL: o->model = value; return *value;
	case OPTION_FILTER: o->filter = value; return *value;
	case OPTION_SANITIZE: o->sanitize = true; return true;
	case OPTION_WARNINGS: o->warnings = true; return true;
	case OPTION_JSON: o->json = true; return true;
	case OPTION_VERBOSE: o->verbose = true; return true;
	case OPTION_HELP:
	case N_OPTIONS: break;
	}
	return false;
}

/* ---- parsing ---- */

static const char *spelled(Arena *arena, const Option *o)
{
	return o->name ? arena_printf(arena, "--%s", o->name) : arena_printf(arena, "-%c", o->letter);
}

/* What getopt did not accept: argv[optind - 1] holds it, but for a letter within a group. */
static int unknown_option(const Command *command, Arena *arena, char **argv)
{
	const char *word = argv[optind - 1], *names[N_OPTIONS];
	if (optopt && strncmp(word, "--", 2)) return usage_error(command, "unknown option '-%c'", optopt);
	int n = 0;
	for (int i = 0; i < N_OPTIONS; i++)
		if (table[i].name && table[i].commands & command->flag) names[n++] = spelled(arena, &table[i]);
	const char *near = nearest_name(arena_strn(arena, word, strcspn(word, "=")), MAX_TYPING_ERRORS, n, names);
	return usage_error(command, "unknown option '%s'%s%s%s", word, near ? "; did you mean " : "", near ? near : "",
		near ? "?" : "");
}

int options_parse(const Command *command, Arena *arena, int argc, char **argv, Options *options)
{
	*options = (Options){.opt = 2, .threads = 1, .weights_elem = F32, .rtol = -1, .atol = -1, .jobs = 1};
	struct option longs[N_OPTIONS + 1];
	int of_letter[256], n_longs = 0;
	for (int i = 0; i < 256; i++) of_letter[i] = -1;
	char letters[2 * N_OPTIONS + 2] = ":", *end = letters + 1; /* ':': missing arguments are told apart */
	for (int i = 0; i < N_OPTIONS; i++) {
		const Option *o = &table[i];
		if (!(o->commands & command->flag)) continue;
		if (o->name)
			longs[n_longs++] = (struct option){o->name,
				is_optional(o)        ? optional_argument
					: o->argument ? required_argument
						      : no_argument,
				NULL, 256 + i};
		if (!o->letter) continue;
		of_letter[(unsigned char)o->letter] = i;
		*end++ = o->letter;
		if (o->argument) *end++ = ':';
	}
	*end = '\0';
	longs[n_longs] = (struct option){0};

	opterr = 0;
	optind = 0; /* glibc: start anew */
	for (int c; (c = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		if (c == '?') return unknown_option(command, arena, argv);
		if (c == ':') return usage_error(command, "option '%s' needs an argument", argv[optind - 1]);
		const OptionId id = (OptionId)(c >= 256 ? c - 256 : of_letter[c]);
		if (id == OPTION_HELP) {
			print_help(command);
			return STATUS_OK;
		}
		if (!set(options, arena, id, optarg))
			return usage_error(command, "%s: '%s' is not %s\n  %s %s: %s", spelled(arena, &table[id]),
				optarg, table[id].argument, spelled(arena, &table[id]), table[id].argument,
				table[id].help);
	}
	if (options->f64 && options->weights_elem != F32)
		return usage_error(command, "--weights-dtype is for weights of f32, which --dtype f64 leaves none of");
	if (options->bf16_products && options->weights_elem != BF16)
		return usage_error(
			command, "--products-dtype bf16 is for weights of bf16: it needs --weights-dtype bf16");
	const bool tolerates = options->rtol >= 0 || options->atol >= 0;
	if (command->flag == COMPILE && options->data && !options->verify && !options->tune)
		return usage_error(command, "--data goes with --verify or --tune");
	if (command->flag == COMPILE && tolerates && !options->verify && !options->self_test)
		return usage_error(command, "--rtol and --atol go with --verify or --self-test");
	if ((options->kernels || options->sweep) && !options->json)
		return usage_error(command, "--kernels and --sweep go with --json; without it, bench prints both");
	for (int i = 0; i < options->dims.n; i++)
		for (int k = 0; k < i; k++)
			if (!strcmp(options->dims.items[i].name, options->dims.items[k].name))
				return usage_error(command, "--dim %s is given twice", options->dims.items[i].name);
	for (int i = 0; i < options->bindings.n; i++)
		for (int k = 0; k < i; k++)
			if (!strcmp(options->bindings.items[i].name, options->bindings.items[k].name))
				return usage_error(
					command, "--bind %s is given twice", options->bindings.items[i].name);
	options->n_args = argc - optind;
	options->args = argv + optind;
	if (options->n_args < command->min_args) return usage_error(command, "%s expected", command->operands);
	if (command->max_args >= 0 && options->n_args > command->max_args)
		return usage_error(command, "unexpected '%s'", options->args[command->max_args]);
	return -1;
}

/* ---- for the compiler ---- */

static Schedules *read_schedules(Ctx *cx, const char *path)
{
	size_t size;
	const char *text = file_read(cx, path, &size);
	return schedules_parse(cx, path, text, size);
}

CompileOptions options_compile(Ctx *cx, const Options *o, const Model *model)
{
	const char **outs = NEWN(cx->arena, const char *, o->states.n),
		   **ins = NEWN(cx->arena, const char *, o->states.n);
	for (int i = 0; i < o->states.n; i++) {
		outs[i] = o->states.items[i].out;
		ins[i] = o->states.items[i].in;
	}
	return (CompileOptions){
		.name = o->name,
		.target = o->target ? o->target : "native",
		.opt = o->opt,
		.threads = o->threads,
		.weights = o->weights_mode,
		.weights_elem = o->weights_elem,
		.bf16_products = o->bf16_products,
		.describe = true,
		.profile = o->profile,
		.schedules = o->schedules ? o->schedules
			: o->schedule     ? read_schedules(cx, o->schedule)
					  : NULL,
		.list_choices = o->list_choices,
		.n_states = o->states.n,
		.state_outs = outs,
		.state_ins = ins,
		.n_dims = o->dims.n,
		.dims = o->dims.items,
		.digest = model->digest,
		.source_name = model->source_name,
		.stream = model->stream,
		.verify_each = o->verify_each,
		.check = o->check,
		.time = o->time,
		.print_after = o->print_after,
		.stop_after = o->stop_after,
		.reproducer = o->reproducer,
	};
}

SessionOptions options_session(const Options *o)
{
	return (SessionOptions){
		.via = o->via,
		.target = o->target ? o->target : "native",
		.opt = o->opt < 2 ? 2 : o->opt, /* -O0 and -O1 are about what rnncc does, not the C compiler */
		.openmp = o->threads > 1,
		.sanitize = o->sanitize,
		.werror = o->warnings,
		.profile = o->profile,
	};
}
