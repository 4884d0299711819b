"""What rows of the literature say of speed, measured on our own C: one way of doing something against another.

    rows.py [--seconds S] [--only REGEXP]

Each case is a pair of programs in the language that do the same for their user, or one program in two uses. Both are compiled
for this machine, by gcc, and held against NumPy in float64; only then are they timed, in turns, best of many. Prints a table
with the ratio that the row asks for; exit status 1 if a result is wrong. A call is made from Python, whose overhead of a
microsecond or two is in the times of both.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/rows"))
import cells  # noqa: E402
from compiled import Failure, Library, call  # noqa: E402

RNNCC = str(ROOT / "build/release/rnncc")
WORDS, HIDDEN = 20000, 128
LSTM = "model m(x[T, 128]) -> hs[T, 128] { hs = scan lstm[128] over x }\n"
SOFTMAX = """model m(h[T, 128], w[T] in 20000) -> logp[T] {
	y = lin[20000](h)
	logp = for t in T { logsoftmax(y[t])[w[t]] }
}
"""
# 20000 + w is the leaf of word w, i the parent of 2i and 2i + 1, 1 the root.
TREE = """model m(h[T, 128], w[T] in 20000) -> logp[T] {
	param u[20000, 128] ~ glorot
	logp = for t in T {
		loop 15 (p = 0, n = w[t] + 20000) while n > 1 {
			p' = p + log(sigm((2*(n % 2) - 1)*dot(u[n//2], h[t])))
			n' = n//2
		}
	}
}
"""


def lstm_reference(weights, x):
    w = lambda name, *_: weights[name].astype(np.float64)  # noqa: E731
    return np.stack([cells.scan(cells.lstm, w, "hs", s, *cells.zeros(128, 128))[0] for s in x.astype(np.float64)])


def softmax_reference(weights, h, w):
    y = h[0].astype(np.float64) @ weights["y.W0"].T.astype(np.float64) + weights["y.b"]
    y -= y.max(1, keepdims=True)
    return (np.take_along_axis(y, w[0][:, None], 1)[:, 0] - np.log(np.exp(y).sum(1)))[None]


def tree_reference(weights, h, w):
    u, found = weights["u"].astype(np.float64), np.zeros(h.shape[1])
    for t, word in enumerate(w[0]):
        node = int(word) + WORDS
        while node > 1:
            found[t] -= np.log1p(np.exp(-(1 if node % 2 else -1) * (u[node // 2] @ h[0, t])))
            node //= 2
    return found[None]


class Program:
    def __init__(self, out, text, *options):
        out.mkdir(parents=True, exist_ok=True)
        (out / "m.rnn").write_text(text)
        call([RNNCC, "inspect", str(out / "m.rnn"), "-o", str(out / "weights.npz")])
        call([RNNCC, "compile", str(out / "m.rnn"), "-o", str(out), "--name", "m", "--target", "native", "--weights", "string",
              *options])
        header = (out / "m.h").read_text()
        flags = re.search(r"compile with ([^)]*)\)", header)
        self.library = Library(str(out), compiler=("gcc", "-O2", "-DNDEBUG", *(flags.group(1).split() if flags else ["-std=c99"])))
        with np.load(out / "weights.npz") as f:
            self.weights = {k: f[k] for k in f.files}

    def prepare(self, dims, inputs, wanted):
        """A call to be timed, which gives what NumPy gives."""
        again, outputs = self.library.prepare("run", dims, inputs)
        if again():
            raise Failure("the call is refused")
        (y,) = outputs.values()
        error = np.abs(y - wanted(self.weights, *inputs.values())).max()
        if not error <= 1e-4:
            raise Failure(f"the result is {error:.2g} off")
        return again


def hoisting(out):
    """R16: W x of all steps as one product, before the loop, against a product a step."""
    out.mkdir(parents=True, exist_ok=True)
    inside = out / "inside.schedule"
    native = json.loads(call([RNNCC, "targets", "--json"]))["native"]
    inside.write_text(f"rnncc schedule 1\ntarget {native}\nhoist no\n")
    one = Program(out / "inside", LSTM, "--lengths", "none", "--schedule", str(inside))
    other = Program(out / "hoisted", LSTM, "--lengths", "none")
    for b, wanted in (1, "1.3×"), (8, "–, multiply-adds bind both"):
        x = np.random.default_rng(1).standard_normal((b, 100, 128)).astype(np.float32)
        given = {"B": b, "T": 100}, {"x": x}, lstm_reference
        yield f"LSTM 128, T = 100, B = {b}", one.prepare(*given), other.prepare(*given), wanted


def hierarchical_softmax(out):
    """R52: the probability of one of 20,000 words by a softmax over all, against 15 branches of a tree."""
    rng = np.random.default_rng(2)
    given = {"B": 1, "T": 1}, {"h": rng.standard_normal((1, 1, HIDDEN)).astype(np.float32), "w": np.array([[12345]])}
    all_words, tree = Program(out / "softmax", SOFTMAX, "--lengths", "none"), Program(out / "tree", TREE, "--lengths", "none")
    yield (f"log P of one of {WORDS} words", all_words.prepare(*given, softmax_reference), tree.prepare(*given, tree_reference),
           "10×")


def best_of(seconds, *calls):
    """The least time of each, in microseconds, in turns."""
    best = [np.inf] * len(calls)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for i, again in enumerate(calls):
            for _ in range(4):
                start = time.perf_counter_ns()
                again()
                best[i] = min(best[i], (time.perf_counter_ns() - start) / 1e3)
    return best


CASES = {"R16": hoisting, "R52": hierarchical_softmax}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2, help="of timing a pair (2)")
    parser.add_argument("--only", default="", help="a regular expression: only the rows that match")
    parser.add_argument("--out", default=ROOT / "build/bench/rows", type=pathlib.Path)
    o = parser.parse_args()
    print("| row | | one way, µs | the other, µs | faster | wanted |\n|---|---|---|---|---|---|")
    failed = False
    for row, case in CASES.items():
        if not re.search(o.only, row):
            continue
        try:
            for what, one, other, wanted in case(o.out / row):
                a, b = best_of(o.seconds, one, other)
                print(f"| {row} | {what} | {a:,.1f} | {b:,.1f} | {a / b:.2f}× | {wanted} |", flush=True)
        except Failure as e:
            failed = True
            print(f"| {row} | **{e}** | | | | |")
    return failed


if __name__ == "__main__":
    sys.exit(main())
