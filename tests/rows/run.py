#!/usr/bin/env python3
"""Compiles the models of the rows and holds the C against the vectors, level by level (SPEC of the rows: tests/rows/README.md).

    tests/rows/run.py --rnncc PATH --tmp FOLDER [-j N] [--level F,S] [ROW or MODEL]...

    F  as the reference: three seeds, one sequence a call; f32 to 1e-5, f64 to 1e-12
    O  every way of compiling: -O0, -O3, generic and native target as the reference; 1 and 2 threads, in memory (jit) and
       by gcc the same bits
    S  step by step as in one run, and in chunks of 1, 7 and T steps, two streams side by side on the same code; a model
       that needs the future has no step, and says which part needs it
    P  a padded batch as each sequence alone, with NaN in the padding and zeros in the padding of the outputs
    N  clean by gcc -std=c99 and -std=c11 with all warnings, nothing but mathematics and memory functions linked

A line for each model and level: PASS, FAIL with the reason, or SKIP.
"""
import argparse
import ctypes
import multiprocessing
import os
import re
import sys
import traceback

import numpy as np

import references
from compiled import Failure, Library, STRICT, call
from table import SEEDS, Vectors, draw_input

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models")
LEVELS = "FOSPN"
ALLOWED = {"memcpy", "memset", "memmove", "memcmp", "__stack_chk_fail"}
MATHS = re.compile(r"^(exp|expm1|log|log1p|sin|cos|tan|sinh|cosh|tanh|erf|pow|sqrt|fmod|floor|ceil|rint|nearbyint|round|"
                   r"trunc|fma|fmin|fmax|fabs|copysign|ldexp|exp2|log2|log10|atan|asin|acos)f?$")


class Bench:
    """What the levels of one row share: the vectors and the compiled models."""

    def __init__(self, r, options):
        self.row, self.options, self.libraries, self.texts, self.n_emitted = r, options, {}, {}, 0
        self.folder = os.path.join(options.tmp, r.model)
        os.makedirs(self.folder, exist_ok=True)
        with np.load(r.path) as f:
            arrays = {k: f[k] for k in f.files}
        self.vectors = [Vectors(r, seed, arrays) for seed in range(SEEDS)]
        for seed, v in enumerate(self.vectors):
            np.savez(self.weights(seed), **{k: a.astype(np.float32) for k, a in v.weights.items()})

    def weights(self, seed):
        return os.path.join(self.folder, "weights%d.npz" % seed)

    def rnncc(self, command, seed, *arguments):
        model = os.path.join(MODELS, self.row.model + ".rnn")
        weights = ["--weights", self.weights(seed)] if self.vectors[seed].weights else []
        return call([self.options.rnncc, command, model] + weights + list(arguments))

    def library(self, *arguments, compiler=("gcc", "-std=gnu11", "-O0")):
        """Of the weights of seed 0. Equal C is compiled once: where two ways give the same text, there is nothing to compare."""
        if arguments not in self.libraries:
            folder = self.emit(0, *arguments)
            text = file_text(folder, "m.c")
            if text not in self.texts:
                native = ("-march=native",) if "native" in arguments else ()
                self.texts[text] = Library(folder, compiler=compiler + native, threads="--threads" in arguments)
            self.libraries[arguments] = self.texts[text]
        return self.libraries[arguments]

    def emit(self, seed, *arguments):
        self.n_emitted += 1
        folder = os.path.join(self.folder, str(self.n_emitted))
        self.rnncc("compile", seed, "--name", "m", "-o", folder, *arguments)
        return folder

    def plain(self):
        return self.library("--target", "native", compiler=("gcc", "-std=gnu11", "-O1"))

    def generic(self):
        return self.library("--target", "generic", compiler=("gcc", "-std=c99", "-O0"))

    def seeds(self, *arguments):
        """A library for each seed: with the weights in a blob the C differs at most where weights happen to be equal."""
        libraries = {}
        for seed in range(SEEDS):
            folder = self.emit(seed, "--weights", "blob", *arguments)
            text = file_text(folder, "m.c")
            if text not in libraries:
                libraries[text] = Library(folder, compiler=("gcc", "-std=c99", "-O0"))
            yield libraries[text].with_weights(os.path.join(folder, "m_weights.bin"))


def file_text(folder, name):
    """Without the comment on top, which names the options."""
    with open(os.path.join(folder, name)) as f:
        return f.read().split("*/", 1)[1]


def batch_of(r, inputs, lengths):
    """Sequences as one batch: (sizes by name, arrays by name). NaN where there is nothing, or the largest id."""
    sizes, arrays = {"B": len(inputs)}, {}
    for axis in r.ragged_axes():
        of = [one[axis] for one in lengths]
        nested = isinstance(of[0], list)
        sizes[axis] = max(map(max, of)) if nested else max(of)
        arrays[axis + "_len"] = np.array([one + [0] * (max(map(len, of)) - len(one)) for one in of] if nested else of)
    for name, spec in r.inputs.items():
        shape = (len(inputs),) + tuple(sizes[a] for a in spec.axes) + spec.dims
        a = np.full(shape, max(spec.bound - 1, 0) if spec.integer else np.nan)
        for b, x in enumerate(inputs):
            if len(spec.axes) == 2:
                for s, part in enumerate(x[name]):
                    a[b, s, :len(part)] = part
            else:
                a[b][tuple(slice(0, n) for n in x[name].shape)] = x[name]
        arrays[name] = a
    return sizes, arrays


def run(bench, library, seed, b):
    """The outputs, in order, of sequence b alone."""
    sizes, arrays = batch_of(bench.row, [bench.vectors[seed].inputs[b]], [bench.row.of_sequence(b)])
    return trimmed(library("run", sizes, arrays))


def length_of(name):
    return name + "_len"


def outputs(y):
    """The names of the outputs, without those that are the lengths of others."""
    return [name for name in y if not any(name == length_of(other) for other in y)]


def trimmed(y, b=0):
    """The outputs of sequence b; of those that have a length of their own, so much."""
    return [y[name][b][:y[length_of(name)][b]] if length_of(name) in y else y[name][b] for name in outputs(y)]


def compare(got, wanted, tolerance, what):
    if len(got) != len(wanted):
        raise Failure("%s: %d outputs, not %d" % (what, len(got), len(wanted)))
    for k, (g, w) in enumerate(zip(got, wanted)):
        if g.shape != w.shape:
            raise Failure("%s: output %d has shape %s, not %s" % (what, k, g.shape, w.shape))
        if not g.size:
            continue
        error = abs(g.astype(np.float64) - w).max()
        if not error <= tolerance or (w.dtype.kind == "i" and error):
            raise Failure("%s: output %d is %.2e away" % (what, k, error))


def same_bits(a, b, what):
    for k, (x, y) in enumerate(zip(a, b)):
        if x.dtype != y.dtype or x.shape != y.shape or x.tobytes() != y.tobytes():
            raise Failure("%s: output %d is not the same to the bit" % (what, k))


def level_F(bench):
    for arguments, tolerance, what in ((), 1e-5, "f32"), (("--dtype", "f64"), 1e-12, "f64"):
        for seed, library in enumerate(bench.seeds(*arguments)):
            for b, wanted in enumerate(bench.vectors[seed].outputs):
                compare(run(bench, library, seed, b), wanted, tolerance, "%s, seed %d, sequence %d" % (what, seed, b))
    for b, wanted in enumerate(bench.vectors[0].outputs):
        compare(run(bench, bench.plain(), 0, b), wanted, 1e-5, "f32, weights in the C, sequence %d" % b)


def level_O(bench):
    for library, what in ((bench.library("-O0"), "-O0"), (bench.library("-O3", "--target", "native"), "-O3"),
                          (bench.generic(), "generic")):
        for b, wanted in enumerate(bench.vectors[0].outputs):
            compare(run(bench, library, 0, b), wanted, 1e-5, what)
    threaded = bench.library("--target", "native", "--threads", "2")
    openmp = ctypes.CDLL("libgomp.so.1")
    for n in (1, 2):
        openmp.omp_set_num_threads(n)
        for b in range(len(bench.vectors[0].outputs)):
            same_bits(run(bench, threaded, 0, b), run(bench, bench.plain(), 0, b), "%d threads" % n)
    if bench.options.jit:
        in_memory(bench)


def in_memory(bench):
    """What rnncc run gives without a file of C, on all sequences as a batch."""
    r, inputs = bench.row, bench.vectors[0].inputs
    sizes, arrays = batch_of(r, inputs, [r.of_sequence(b) for b in range(len(inputs))])
    function = bench.plain().functions["run"]
    files = []
    for name in function.names("in"):
        path = os.path.join(bench.folder, "in_%s.npy" % name)
        np.save(path, arrays[name].astype(function.shapes[name][1]))
        files.append("%s=%s" % (name, path))
    out = os.path.join(bench.folder, "jit.npz")
    bench.rnncc("run", 0, *files, "--via", "jit", "--target", "native", "-o", out)
    with np.load(out) as f:
        got = [f[k] for k in function.names("out")]
    same_bits(got, list(bench.plain()("run", sizes, arrays).values()), "in memory")


def level_S(bench):
    r, library = bench.row, bench.plain()
    if not r.streams:
        refused(library)
        return
    if "step" not in library.functions:
        raise Failure("there is no step: %s" % why_no_step(library))
    walked = r.ragged_axes()[0]
    nested = any(len(spec.axes) == 2 for spec in r.inputs.values())
    if nested == ("steps" in library.functions):
        raise Failure("there is a steps, for words of different lengths" if nested else "there is no steps")
    if nested and not why_no_step(library, "steps"):
        raise Failure("there is no steps, and the header does not say why")
    streams = [Stream(bench, library, walked, b) for b in (0, 1)]
    for b in (0, 1):
        streams[b].begin()
    for t in range(LONG):
        for stream in streams:  # turn by turn
            stream.advance("step", 1)
    for chunk in () if nested else (1, 7, LONG, None):
        for stream in streams:
            stream.begin()
        for t in range(0, LONG, chunk or 3):
            for stream in streams:  # with no size of chunk: two steps in one call, and one in another
                size = min(chunk or 2, LONG - t)
                stream.advance("steps", size)
                if not chunk and t + size < LONG:
                    stream.advance("step", 1)


LONG = 17  # steps of a stream: three chunks of 7, the last one shorter


class Stream:
    """One sequence that runs bit by bit, and is held against one run over as much of it."""

    def __init__(self, bench, library, walked, b):
        self.row, self.library, self.walked, self.b = bench.row, library, walked, b
        rng = np.random.RandomState(b)
        self.lengths = {axis: LONG if axis == walked else [1 + (t * 3 + b) % 4 for t in range(LONG)] if isinstance(n, list) else n
                        for axis, n in self.row.of_sequence(b).items()}
        self.inputs = {k: draw_input(spec, rng, self.lengths) for k, spec in self.row.inputs.items()}
        self.along = [k for k, spec in self.row.inputs.items() if walked in spec.axes]
        self.runs = {}  # by the number of steps

    def begin(self):
        self.t, self.state = 0, self.library.new_state()

    def run(self, n):
        """One run over the first n elements; what it does not walk over is whole."""
        if n not in self.runs:
            x = {k: a[:n] if k in self.along else a for k, a in self.inputs.items()}
            lengths = {axis: m[:n] if isinstance(m, list) else m for axis, m in self.lengths.items()}
            self.runs[n] = self.library("run", *batch_of(self.row, [x], [dict(lengths, **{self.walked: n})]))
        return self.runs[n]

    def advance(self, function, n):
        """The next n elements give what one run over all so far gives for them, or gives in the end."""
        f, run_f, t = self.library.functions[function], self.library.functions["run"], self.t
        here = {axis: m[t] if isinstance(m, list) else m for axis, m in self.lengths.items()}
        here[self.walked] = n
        now = {k: np.reshape(a[t:t + n] if k in self.along else a, f.shape(k, here)) for k, a in self.inputs.items()}
        got = self.library(function, here, now, self.state)
        self.t += n
        for k, whole in self.run(self.t).items():
            want = whole[0][t:] if run_f.shapes[k][2][1:2] == [self.walked] else whole[0]
            error = abs(got[k].reshape(np.shape(want)) - want).max() if np.size(want) else 0
            if not error <= 1e-6:
                raise Failure("%s %d to %d of sequence %d: %s is %.2e away from one run" % (function, t, self.t, self.b, k, error))


def why_no_step(library, function="step"):
    found = re.search(r"There is no m_%s: (.*) \*/" % function, re.sub(r"\n \* +", " ", library.header))  # in lines of 120
    return found.group(1) if found else None


def refused(library):
    if "step" in library.functions:
        raise Failure("there is a step, though results need the future")
    if not why_no_step(library):
        raise Failure("there is no step, and the header does not say why")


def level_P(bench):
    r, library, v = bench.row, bench.plain(), bench.vectors[0]
    n = len(v.inputs)
    got = library("run", *batch_of(r, v.inputs, [r.of_sequence(b) for b in range(n)]))
    for b in range(n):
        for k, (g, want) in enumerate(zip([got[name][b] for name in outputs(got)], run(bench, library, 0, b))):
            inside = tuple(slice(0, m) for m in want.shape)
            error = abs(g[inside] - want).max() if want.size else 0
            if not error <= 1e-6:
                raise Failure("sequence %d: output %d is %.2e away from the sequence alone" % (b, k, error))
            rest = np.array(g)
            rest[inside] = 0
            if rest.any():
                raise Failure("sequence %d: output %d is not 0 in the padding" % (b, k))


def level_N(bench):
    library = bench.generic()  # compiled as C99 with all warnings
    call(["gcc", "-std=c11", "-fsyntax-only"] + STRICT + [os.path.join(library.directory, "m.c")])
    for line in call(["nm", "-D", "-u", library.path]).splitlines():
        kind, name = line.split()
        name = name.split("@")[0]
        if kind != "w" and name not in ALLOWED and not MATHS.match(name):  # w: what each shared library asks for, or not
            raise Failure("calls " + name)


def judge(bench, level):
    """(verdict, reason)"""
    try:
        LEVEL[level](bench)
        return "PASS", ""
    except Failure as e:
        return "FAIL", str(e)
    except Exception:
        return "FAIL", traceback.format_exc()


def judge_row(job):
    name, options = job
    r = next(r for r in references.ROWS if r.model == name)
    bench = Bench(r, options)
    return [(r.name, r.model, level) + judge(bench, level) for level in options.level]


LEVEL = {"F": level_F, "O": level_O, "S": level_S, "P": level_P, "N": level_N}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rnncc", required=True)
    p.add_argument("--tmp", required=True)
    p.add_argument("--no-jit", dest="jit", action="store_false")
    p.add_argument("-j", type=int, default=os.cpu_count())
    p.add_argument("--level", default=LEVELS)
    p.add_argument("rows", nargs="*")
    options = p.parse_args()
    chosen = [r.model for r in references.ROWS if not options.rows or r.name in options.rows or r.model in options.rows]
    with multiprocessing.Pool(options.j) as pool:
        for results in pool.imap(judge_row, [(name, options) for name in chosen]):
            for row, model, level, verdict, reason in results:
                print("%s %s %s %s%s" % (verdict, row, model, level, ": " + reason if reason else ""), flush=True)


if __name__ == "__main__":
    main()
