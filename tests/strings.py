#!/usr/bin/env python3
"""Strings, which the compiler knows and the generated C does not: what --bind makes of them, and ONNX's own tests.

The tests of ONNX whose results are strings are judged by generated C: each such output becomes two others, whether it equals
the stored strings, element by element, and its shape. Their inputs stay, for rnncc test builds strings in, but numbers that
are cast to strings are built in here. The same cases with one stored string changed must fail. They are those of Debian's
libonnx-testdata (RNNCC_ONNX_TESTDATA), and of ONNX 1.23 where scripts/fetch-onnx-tests.sh has put them into build/onnx-tests
(RNNCC_ONNX_TESTS), or from the shared cases (RNNCC_CASES).
"""
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

RNNCC, SOURCE = os.environ["RNNCC"], Path(os.environ["RNNCC_SOURCE_DIR"])
CASES = Path(os.environ.get("RNNCC_CASES") or SOURCE / ".." / "shared" / "cases")
counts = {True: 0, False: 0}


def judge(what, good, seen):
    counts[bool(good)] += 1
    if not good:
        print(f"FAIL {what}: {seen}")


def rnncc(*args):
    done = subprocess.run([RNNCC, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


# ------------------------------------------------------------------------------------------------ --bind


def info(name, kind, dims):
    return helper.make_tensor_value_info(name, kind, dims)


def words_model(path):
    """Each word of a text as a number, as many as the longest text has, times an input."""
    nodes = [
        helper.make_node("StringSplit", ["x"], ["words", "count"]),
        helper.make_node("LabelEncoder", ["words"], ["number"], domain="ai.onnx.ml", keys_strings=["yes", "no", "né"],
                         values_floats=[1.0, -1.0, 5.0], default_float=0.0),
        helper.make_node("Mul", ["number", "scale"], ["y"]),
    ]  # fmt: skip
    graph = helper.make_graph(nodes, "words", [info("x", TensorProto.STRING, ["N"]), info("scale", TensorProto.FLOAT, [1])],
                              [info("y", TensorProto.FLOAT, ["N", "M"])])  # fmt: skip
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 4)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def binding():
    model = Path("words.onnx")
    words_model(model)
    np.save("scale.npy", np.float32([2]))
    np.save("words.npy", np.array(["no né", ""]))
    np.save("big.npy", np.array(["no né", ""]).astype(">U7"))
    np.save("grid.npy", np.asfortranarray(np.array([["a", "b"], ["c", "d"]])))
    tensor = helper.make_tensor("x", TensorProto.STRING, [2], [b"maybe", b"yes yes"])
    Path("words.pb").write_bytes(tensor.SerializeToString())
    for value, y in (
        ("yes no maybe", [[2, -2, 0]]),
        ('["yes", "no né"]', [[2, 0], [-2, 10]]),
        ('["\\u006eo, yes"]', [[0, 2]]),  # "no," is another word
        ("words.npy", [[-2, 10], [0, 0]]),
        ("big.npy", [[-2, 10], [0, 0]]),
        ("words.pb", [[0, 0], [2, 2]]),
    ):
        status, out = rnncc("run", model, "scale.npy", "--via", "interpret", "-o", "y.npz", "--bind", f"x={value}")
        seen = np.load("y.npz")["y"].tolist() if status == 0 else out
        judge(f"--bind x={value}", seen == y, seen)
    for value, error in (
        ('["yes"', "is no JSON array of strings"),
        ('["a\\u0000b"]', "is no JSON array of strings"),
        ("[1]", "strings wanted"),
        ('[["a"], "b"]', "arrays of one shape wanted"),
        ('[["a", "b"], ["c", "d"]]', "str[N] wanted, str[2, 2] seen"),
        ("grid.npy", "str[N] wanted, str[2, 2] seen"),
        ("scale.npy", "str[N] wanted, f32[1] seen"),
    ):
        status, out = rnncc("compile", model, "-o", "words", "--bind", f"x={value}")
        judge(f"--bind x={value}", status == 1 and error in out, out)
    status, out = rnncc("compile", model, "-o", "words")
    judge("not bound", status == 1 and 'input "x": strings are known to the compiler only: --bind' in out, out)


# ------------------------------------------------------------------------------------------------ ONNX's own


def is_string(value):
    return value.type.tensor_type.elem_type == TensorProto.STRING


def load(path):
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def inputs_left(graph, data):
    """Numbers, with their values, become initialisers."""
    inputs, left = list(graph.input), []
    del graph.input[:]
    for i, x in enumerate(inputs):
        value = load(data / f"input_{i}.pb")
        if is_string(x):
            graph.input.append(x)
            left.append(value)
        else:
            value.name = x.name
            graph.initializer.append(value)
    return left


def outputs_compared(graph, data, change):
    """The new outputs' values."""
    outputs, expected = list(graph.output), []
    del graph.output[:]
    for i, y in enumerate(outputs):
        value = load(data / f"output_{i}.pb")
        if not is_string(y):
            graph.output.append(y)
            expected.append(value)
            continue
        value.name, dims = y.name + "_wanted", list(value.dims)
        if change:
            value.string_data[-1] += b"?"
        graph.initializer.append(value)
        equal, shape = y.name + "_equal", y.name + "_shape"
        graph.node.append(helper.make_node("Equal", [y.name, value.name], [equal]))
        graph.node.append(helper.make_node("Shape", [y.name], [shape]))
        graph.output.append(info(equal, TensorProto.BOOL, dims))
        graph.output.append(info(shape, TensorProto.INT64, [len(dims)]))
        expected.append(helper.make_tensor(equal, TensorProto.BOOL, dims, [True] * len(value.string_data)))
        expected.append(helper.make_tensor(shape, TensorProto.INT64, [len(dims)], dims))
    return expected


def convert(case, model, folder, change=False):
    model, data = onnx.ModelProto.FromString(model.SerializeToString()), case / "test_data_set_0"
    values = inputs_left(model.graph, data), outputs_compared(model.graph, data, change)
    for imported in model.opset_import:
        if not imported.domain:
            imported.version = max(imported.version, 19)  # the first Equal of strings
    out = folder / case.name / data.name
    out.mkdir(parents=True)
    (out.parent / "model.onnx").write_bytes(model.SerializeToString())
    for kind, tensors in zip(("input", "output"), values):
        for i, tensor in enumerate(tensors):
            (out / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())


def suites():
    found = [Path(os.environ.get("RNNCC_ONNX_TESTDATA") or "/usr/share/libonnx-testdata/data")]
    fetched = sorted(Path(os.environ.get("RNNCC_ONNX_TESTS") or SOURCE / "build" / "onnx-tests").glob("onnx-1.23.*/"))
    archive, shared = CASES / "onnx-1.23-tests.tar.zst", Path("onnx-1.23")
    if fetched:
        found.append(fetched[-1])
    elif archive.exists() and shutil.which("zstd"):
        shared.mkdir()
        subprocess.run(f"zstd -dcq '{archive}' | tar -xf - -C {shared} --strip-components=1", shell=True, check=True)
        found.append(shared)
    return [f for f in found if f.is_dir()]


def official():
    """1.12 has 12 of StringNormalizer and 3 casts, 1.23 also 11 of StringConcat and StringSplit."""
    right, wrong = Path("right"), Path("wrong")
    for suite in suites():
        for path in sorted(suite.glob("*/*/model.onnx")):
            if path.stat().st_size > 1 << 16 or (right / path.parent.name).exists():
                continue
            model = onnx.load(path)
            if not any(map(is_string, model.graph.output)):
                continue
            convert(path.parent, model, right)
            if load(path.parent / "test_data_set_0" / "output_0.pb").string_data:
                convert(path.parent, model, wrong, change=True)
    if not right.exists():
        print("ONNX's tests: skipped: none are here (package libonnx-testdata; scripts/fetch-onnx-tests.sh build/onnx-tests)")
        return
    n_right, n_wrong = len(list(right.iterdir())), len(list(wrong.iterdir()))
    for way in ("interpret", "gcc"):
        status, out = rnncc("test", "-j", os.cpu_count(), "--via", way, right)
        judge(f"{n_right} of ONNX's tests, {way}", f"{n_right} passed, 0 failed" in out, out)
    status, out = rnncc("test", "--via", "interpret", wrong)
    judge(f"{n_wrong} changed ones", f"0 passed, {n_wrong} failed" in out, out)
    print(f"{n_right} of ONNX's tests")


binding()
official()
print(f"{counts[True]} passed, {counts[False]} failed")
raise SystemExit(counts[False] > 0)
