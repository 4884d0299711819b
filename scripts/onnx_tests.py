"""onnx_tests.py DIR: writes ONNX's backend tests, as the `onnx` package that is installed defines them, to DIR.

The package used to ship all of them as files.  Since 1.21 the tests of single operators are Python only: they are made here as
ONNX's own loader makes them, and written in the layout of the others, which are copied.  What each needs beyond onnx and NumPy
(Pillow for ImageDecoder) decides whether it is there: its name is printed where it cannot be made.
"""

import shutil
import sys
from pathlib import Path

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

SUITES = ("simple", "pytorch-converted", "pytorch-operator", "light")


def to_proto(value, info):
    """A test's value as the file holds it: by what the model declares, not by what the value looks like."""
    if not hasattr(value, "SerializeToString"):
        kind = info.type.WhichOneof("value")
        make = {"sequence_type": numpy_helper.from_list, "optional_type": numpy_helper.from_optional,
                "map_type": numpy_helper.from_dict}.get(kind, numpy_helper.from_array)
        value = make(value, info.name)
    return value.SerializeToString()


def write_case(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir()
        for word, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for j, value in enumerate(values):
                (data / f"{word}_{j}.pb").write_bytes(to_proto(value, infos[j]))


def main():
    target = Path(sys.argv[1])
    n, failed = 0, []
    for case in collect_testcases(None):
        folder = target / "node" / case.name
        try:
            write_case(case, folder)
            n += 1
        except Exception as error:  # of any library that a test's own code calls
            shutil.rmtree(folder, ignore_errors=True)
            failed.append(f"{case.name}: {error}")
    shipped = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for suite in SUITES:
        if (shipped / suite).is_dir():
            shutil.copytree(shipped / suite, target / suite)
            n += sum(1 for _ in (target / suite).rglob("model.onnx"))
    print("\n".join(["not made:", *failed]) if failed else "", file=sys.stderr)
    print(f"{n} tests of onnx {onnx.__version__}")


main()
