#!/usr/bin/env python3
"""What a padded batch costs against a full one: time and steps by lengths.

    lengths.py RNNCC [-n ROUNDS] [NAME...]      NAME as for make_models.py: GRU_64_T100, LSTM_128_T100_B16

Each model is made twice, with sequence_lens and without.  Batches of one length T, of T/4, and of lengths from 1 to T, in any
order and sorted, go through the same C in turns; the best time of each counts.  Before, the outputs are compared with ONNX
Runtime's, with NaN behind the end of each sequence.  A line for each batch: its time, that as a part of the full batch's,
and the part of the steps that are real.  Exit status 1 where outputs differ.
"""

import argparse
import ctypes
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

import make_models

CASES = ["GRU_64_T100", "LSTM_64_T100", "GRU_128_T100", "LSTM_128_T100",
         "GRU_64_T100_B16", "LSTM_64_T100_B16", "GRU_128_T100_B16", "LSTM_128_T100_B16"]


def with_lengths(model, batch):
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.graph.input.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [batch]))
    node = made.graph.node[0]
    node.input[4] = "lengths"
    return made


def compile_c(rnncc, model, folder):
    folder.mkdir()
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    subprocess.run([rnncc, "compile", folder / "m.onnx", "--target", "native", "--name", "m", "-o", folder],
                   check=True, capture_output=True)
    workspace = next(int(line.split()[2]) for line in (folder / "m.h").read_text().splitlines()
                     if line.startswith("#define M_WORKSPACE_BYTES"))
    subprocess.run(["gcc", "-O2", "-march=native", "-shared", "-fPIC", folder / "m.c", "-lm", "-o", folder / "m.so"],
                   check=True)
    return ctypes.CDLL(str(folder / "m.so")).m_run, workspace


def aligned(n_bytes):
    raw = np.zeros(n_bytes + 64, np.uint8)
    return raw[-raw.ctypes.data % 64:]


def batches(n, length, rng):
    """{name: lengths}; one sequence alone is not mixed."""
    all_of = {"full": np.full(n, length), "a quarter": np.full(n, length // 4)}
    if n > 1:
        mixed = np.linspace(1, length, n).round().astype(int)
        all_of |= {"mixed": rng.permutation(mixed), "mixed, sorted": mixed[::-1]}
    return {k: v.astype(np.int32) for k, v in all_of.items()}


def measure(rnncc, text, rounds, folder):
    name, (plain, _, _) = make_models.Name(text), make_models.make(text)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((name.length, name.batch, name.hidden)).astype(np.float32)
    y = np.zeros((name.length, 1, name.batch, name.hidden), np.float32)
    padded = with_lengths(plain, name.batch)
    reference = onnxruntime.InferenceSession(padded.SerializeToString(), providers=["CPUExecutionProvider"])
    (run_plain, bytes_plain), (run, n_bytes) = (
        compile_c(rnncc, m, folder / k) for k, m in (("plain", plain), ("padded", padded)))
    workspace = aligned(max(n_bytes, bytes_plain))
    address = lambda a: a.ctypes.data_as(ctypes.c_void_p)
    calls, error = {"no lengths": lambda: run_plain(address(x), address(y), address(workspace))}, 0.0
    sets = batches(name.batch, name.length, rng)
    for key, lengths in sets.items():
        behind = np.arange(name.length)[:, None] >= lengths
        y[:] = np.nan
        want = reference.run(["Y"], {"X": np.where(behind[..., None], 0, x), "lengths": lengths})[0]
        hole = np.where(behind[..., None], np.float32(np.nan), x)
        status = run(address(hole), address(lengths), address(y), address(workspace))
        difference = np.abs(y - want).max()
        error = max(error, np.inf if status or np.isnan(difference) else difference)
        calls[key] = lambda lengths=lengths: run(address(x), address(lengths), address(y), address(workspace))
    best = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            best[key] = min(best[key], time.perf_counter() - start)
    print(f"{text}   at most {error:.1e} off")
    for key, seconds in best.items():
        real = f"{sets[key].sum() / (name.batch * name.length):8.2f}" if key in sets else ""
        print(f"  {key:14s} {1e6 * seconds:10.1f} us {seconds / best['full']:8.2f} {real}")
    return error < 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rnncc", type=pathlib.Path)
    parser.add_argument("-n", type=int, default=200, metavar="ROUNDS")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_intermixed_args()
    ok = True
    print("                        time   of full   real steps")
    for text in options.names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            ok &= measure(options.rnncc.resolve(), text, options.n, pathlib.Path(folder))
    sys.exit(not ok)


if __name__ == "__main__":
    main()
