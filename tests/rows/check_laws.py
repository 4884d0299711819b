#!/usr/bin/env python3
"""Laws that the references must obey: what the papers say of their models, for those that PyTorch does not have.

    tests/rows/check_laws.py        a line per law
"""
import sys

import numpy as np

import cells
import memory
import references
from table import Params, SEEDS, Vectors

ROWS = {r.model: r for r in references.ROWS}
LAWS = []


def law(function=None, *, tolerance=1e-12):
    def register(function):
        LAWS.append((function, tolerance))
        return function

    return register(function) if function else register


def stored(model):
    """(weights, inputs, outputs) of every sequence of every seed."""
    for seed in range(SEEDS):
        v = Vectors(ROWS[model], seed)
        for x, y in zip(v.inputs, v.outputs):
            yield v.weights, x, y


def again(model, weights, x):
    y = ROWS[model].reference(Params(values=weights), **x)
    return y if isinstance(y, tuple) else (y,)


def sums_to_one(p):
    return abs(p.sum(-1) - 1).max()


def worst(model, error):
    return max(error(w, x, y) for w, x, y in stored(model))


@law
def attention_weights_sum_to_one():
    return max(worst("attention", lambda w, x, y: sums_to_one(y[1])), worst("coverage", lambda w, x, y: sums_to_one(y[2])),
               worst("luong", lambda w, x, y: max(map(sums_to_one, y[1:]))), worst("self_attention", lambda w, x, y: sums_to_one(y[1])))


@law
def copying_gives_probabilities():
    return max(worst(m, lambda w, x, y: sums_to_one(y[0])) for m in ("pointer_generator", "copynet"))


@law
def hierarchical_softmax_gives_probabilities():
    return worst("hsoftmax", lambda w, x, y: max(map(sums_to_one, y)))


@law
def the_first_step_has_no_coverage_penalty():
    return worst("coverage", lambda w, x, y: abs(y[1][0]))


@law
def turing_machine_addresses_are_weights():
    return worst("ntm", lambda w, x, y: max(sums_to_one(y[1]), sums_to_one(y[2]), -min(y[1].min(), y[2].min())))


@law
def adaptive_time_is_bounded():
    return worst("act", lambda w, x, y: float((y[1] > 6).any() or (y[1] < 1).any() or (y[2] <= 0).any()))


@law(tolerance=1e-4)  # the variance has 1e-5 beside it
def layer_norm_cancels_the_scale_of_the_input_weights():
    def error(w, x, y):
        scaled = {k: v * 10 if k in ("l.i.W0", "s.i.W0") else v for k, v in w.items()}
        return max(abs(a - b).max() for a, b in zip(again("layernorm", scaled, x)[1:], y[1:]))
    return worst("layernorm", error)


@law
def dilation_interleaves():
    w, x = Params(rng=np.random.RandomState(1)), np.random.RandomState(2).randn(11, 5)
    by_hand = np.zeros((11, 7))
    for first in range(4):
        by_hand[first::4] = cells.scan(cells.rnn, w, "y", x[first::4], np.zeros(7))[0]
    h = []
    for t, xt in enumerate(x):
        h.append(cells.rnn(w, "y", xt, h[t - 4] if t >= 4 else np.zeros(7))[0])
    return abs(np.array(h) - by_hand).max()


@law
def one_layer_of_a_highway_network_is_a_leaky_network():
    w, x, s = Params(rng=np.random.RandomState(3)), np.ones(5), np.linspace(-1, 1, 7)
    got = cells.rhn(w, "s", x, s, layers=1)[0]
    name = [k for k in w.values if k.endswith("W0")][0][:-2]
    h, t = np.split(w(name + "W0", 14, 5) @ x + w(name + "W1", 14, 7) @ s + w(name + "b", 14), 2)
    return abs(got - (cells.sigm(t) * np.tanh(h) + (1 - cells.sigm(t)) * s)).max()


@law
def runge_kutta_is_of_order_four():
    errors = [abs(memory.runge_kutta(lambda y: -y, 1.0, 1.0, n) - np.exp(-1)) for n in (4, 8)]
    return 0.0 if errors[0] < 2e-5 and 14 < errors[0] / errors[1] < 22 else 1.0


@law
def no_time_passes_in_an_ode_rnn_without_time():
    def error(w, x, y):
        _, after = again("odernn", w, dict(x, dt=0 * x["dt"]))
        h, values = np.zeros(7), Params(values=w)
        path = next(k for k in w if k.endswith(".z.W0"))[:-len(".z.W0")]
        for t, xt in enumerate(x["x"]):
            h = cells.gru(values, path, xt, h)[0]
            if abs(h - after[t]).max() > 1e-12:
                return 1.0
        return 0.0
    return worst("odernn", error)


@law
def grud_with_all_observed_is_a_gru():
    def error(w, x, y):
        full = dict(x, m=np.ones_like(x["m"]), dt=0 * x["dt"])
        w = dict(w, **{k: 0 * v for k, v in w.items() if k == "h.b" or k.startswith("h.gh.")})
        got, h, values = again("grud", w, full)[0], np.zeros(7), Params(values=w)
        for t, xt in enumerate(x["x"]):
            z, r = np.split(cells.sigm(cells.lin(values, "h.z", 14, xt, h, np.ones(5))), 2)
            h = (1 - z) * h + z * np.tanh(cells.lin(values, "h.n", 7, xt, r * h, np.ones(5)))
            if abs(h - got[t]).max() > 1e-12:
                return 1.0
        return 0.0
    return worst("grud", error)


@law
def grud_never_reads_what_was_not_observed():
    def error(w, x, y):
        got = again("grud", w, dict(x, x=np.where(x["m"] == 1, x["x"], np.nan)))[0]
        return float(not abs(got - y[0]).max() <= 1e-12)
    return worst("grud", error)


@law
def a_new_session_forgets():
    def error(w, x, y):
        for t in np.flatnonzero(x["fresh"]):
            alone = again("gru4rec", w, {"item": x["item"][t:], "fresh": x["fresh"][t:]})[0]
            if abs(alone - y[0][t:]).max() > 1e-12:
                return 1.0
        return 0.0
    return worst("gru4rec", error)


@law
def a_residual_layer_without_weights_is_the_identity():
    def error(w, x, y):
        return abs(again("residual", {k: 0 * v for k, v in w.items()}, x)[0] - x["x"]).max()
    return worst("residual", error)


@law
def a_transformer_without_places_is_equivariant():
    def error(w, x, y):
        order = np.random.RandomState(4).permutation(len(x["x"]))
        return max(abs(a - b[order]).max() for a, b in zip(again("transformer", w, {"x": x["x"][order]}), y))
    return worst("transformer", error)


@law(tolerance=1e-6)
def a_reservoir_forgets_where_it_began():
    rng = np.random.RandomState(5)
    r = rng.randn(13, 13)
    w = {"xs.Win": rng.randn(13, 2), "xs.W": r * 0.9 / abs(np.linalg.eigvals(r)).max(), "y.W0": np.zeros((2, 1)),
         "y.W1": np.zeros((2, 13)), "y.b": np.zeros(2)}
    u = rng.randn(400, 1)
    late = again("esn", w, {"u": u[200:]})[1], again("esn", w, {"u": u})[1][200:]
    return abs(late[0] - late[1])[-1].max()


def main():
    failed = 0
    for check, tolerance in LAWS:
        error = check()
        good = error <= tolerance
        failed += not good
        print("%s %s: %.1e" % ("PASS" if good else "FAIL", check.__name__.replace("_", " "), error))
    print("%d passed, %d failed" % (len(LAWS) - failed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
