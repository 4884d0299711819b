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

GATES = make_models.GATES
ROOT = pathlib.Path(__file__).resolve().parent.parent
# Real models: the data set to begin with, and how many follow on each other.
REAL = {"dtln_model_1": 40, "dtln_model_2": 40, "gtcrn_simple": 30, "oww_embedding": 1, "oww_melspectrogram": 1}
SILERO_STEPS = 68  # of 16 kHz in the recorded stream


class Case:
    """steps: the inputs of each call, {name: array}; carry: {output: the input that it feeds at the next call}."""

    def __init__(self, name, path, steps, group, carry=None, binds=None, note=""):
        self.name, self.path, self.steps, self.group, self.note = name, path, steps, group, note
        self.carry, self.binds = carry or {}, binds or {}
        self.cell = self.weights = None
        self.reads_once = bool(self.carry)  # a streaming step uses each weight about once
        self.model = onnx.load(path)

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


def layer(out, cell, hidden, length):
    name = f"{cell}_{hidden}" + ("_step" if length == 1 else f"_T{length}")
    model, carry, weights = make_models.make(name)
    path = out / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    rng = np.random.default_rng(1)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    steps = [{k: (rng.standard_normal(s) if k == "X" else np.zeros(s)).astype(np.float32) for k, s in shapes.items()}
             for _ in range(20 if length == 1 else 1)]
    case = Case(name, path, steps, "step" if length == 1 else "sequence", carry)
    case.cell, case.hidden, case.length, case.weights = cell, hidden, length, weights
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


def real(o, missing):
    if not o.cases.is_dir():
        missing.append(f"the recorded real models: there is no {o.cases}")
        return []
    found = []
    for name, n in REAL.items():
        folder = o.cases / name
        about = json.loads((folder / "case.json").read_text())
        carry = about["sequences"][0].get("carry", {})
        case = Case(name, folder / "model.onnx", recorded(folder, about["inputs"], n), "real", carry, note=about["note"])
        case.reads_once = name.startswith("dtln")
        found.append(case)
    return found


def langid():
    text = "Wer reitet so spät durch Nacht und Wind? Es ist der Vater mit seinem Kind; er hat den Knaben wohl.".encode()[:100]
    return Case("langid_T100", ROOT / "models/langid.onnx", [{"text": np.frombuffer(text, np.uint8).astype(np.int32)[:, None]}],
                "real", note="100 bytes of text")


def all_cases(o):
    """The cases, and why some are missing."""
    models = o.out / "models"
    models.mkdir(parents=True, exist_ok=True)
    missing = []
    found = silero(o, missing) + [langid()] + real(o, missing)
    steps = {"LSTM": (32, 128) if o.quick else (32, 64, 128, 256, 512), "GRU": (128,) if o.quick else (32, 64, 128, 256, 512),
             "RNN": (64,) if o.quick else (32, 64, 128, 256, 512)}
    sequences = {"LSTM": (64,) if o.quick else (32, 64, 128, 256, 512), "GRU": () if o.quick else (64, 128, 256),
                 "RNN": () if o.quick else (64,)}
    for length, sizes in (1, steps), (100, sequences):
        found += [layer(models, cell, hidden, length) for cell, hs in sizes.items() for hidden in hs]
    return [c for c in found if re.search(o.only, c.name)], missing
