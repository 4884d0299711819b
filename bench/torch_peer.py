"""The time of torch's own recurrent layers, for bench/run.py: reads a JSON list of jobs on standard input, writes one of times.

A job is {cell, inputs, hidden, batch, weights: an .npz with W, R, B as ONNX has them, X and Y}.  Runs under the system's Python, for
Debian's torch.  Each call is layer(x, state) under no_grad and includes Python's overhead, some microseconds."""

import json
import os
import pathlib
import sys
import time

import numpy as np
import torch

ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # ONNX's gates in torch's order


def layer_of(job, data):
    hidden, order = job["hidden"], ORDER[job["cell"]]
    layer = getattr(torch.nn, job["cell"])(job["inputs"], hidden)
    bias = data["B"].reshape(2, -1)
    for name, value in zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
                           (data["W"][0], data["R"][0], bias[0], bias[1])):
        gates = value.reshape(len(order), hidden, -1)[list(order)]
        getattr(layer, name).data = torch.from_numpy(gates.reshape(value.shape).copy())
    return layer


def blas():
    """The library that torch's matrix products are made with: Debian's alternatives differ tenfold."""
    mapped = pathlib.Path("/proc/self/maps").read_text()
    return next((name for name in ("openblas", "mkl", "blis", "atlas") if name in mapped), "reference BLAS")


def run(job, seconds):
    data = np.load(job["weights"])
    layer, x = layer_of(job, data), torch.from_numpy(data["X"])
    zero = torch.zeros(1, job["batch"], job["hidden"])
    state = (zero, zero) if job["cell"] == "LSTM" else zero
    error = float(np.abs(layer(x, state)[0].numpy().reshape(-1) - data["Y"].reshape(-1)).max())
    times, end = [], time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        layer(x, state)
        times.append(1e6 * (time.perf_counter() - start))
    times.sort()
    return {"min_us": times[0], "median_us": times[len(times) // 2], "samples": len(times), "max_abs_error": error,
            "version": f"{torch.__version__} with {blas()}"}


def main():
    plan = json.load(sys.stdin)
    os.sched_setaffinity(0, {plan["cpu"]})
    torch.set_num_threads(1)
    with torch.no_grad():
        json.dump([run(job, plan["seconds"]) for job in plan["jobs"]], sys.stdout)


main()
