"""Who else runs a case of bench/run.py: for each, the line of race.c's plan, with what it names built before.

A method gives None where its peer is not here, or does not do such a case; `missing` says which and why, once."""

import pathlib
import re
import shlex
import shutil
import subprocess

import numpy as np
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
ORT = "ONNX Runtime"
# ONNX's gates in oneDNN's order.
ONEDNN_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "ResetFirstGRU": (0, 1, 2), "RNN": (0,)}
NATIVE = ("-O3", "-march=native", "-w", "-fPIC", "-shared")
# Sums in any order. Not -ffast-math: with it, a library that is loaded has subnormal numbers be zeros in the whole process.
REORDER = ("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math", "-freciprocal-math")


def command(*args, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}\n{done.stdout}{done.stderr}".strip())
    return done.stdout


def cpu_has(flag):
    return re.search(rf"^flags\s*:.*\b{flag}\b", pathlib.Path("/proc/cpuinfo").read_text(), re.M)


class Peers:
    def __init__(self, options, missing):
        self.out, self.missing = options.out, missing
        self.emx, self.rtneural, self.onnx2c = ROOT / "build/venv/bin/emx-onnx-cgen", options.rtneural, options.onnx2c
        self.onednn = pathlib.Path("/usr/include/oneapi/dnnl/dnnl.h").exists()
        self.by_hand = cpu_has("avx512f")
        for is_here, why in ((self.emx.exists(), "emx-onnx-cgen: not in build/venv"),
                             (self.onednn, "oneDNN: libdnnl-dev is not installed"),
                             (self.by_hand, "hand-written kernels: this CPU has no AVX-512"),
                             (self.rtneural, "RTNeural: no checkout given (--rtneural)"),
                             (not self.rtneural or self.has_xsimd(), "RTNeural with xsimd: the checkout has no submodules"),
                             (self.onnx2c, "onnx2c: no program given (--onnx2c)")):
            if not is_here:
                missing.append(why)

    def has_xsimd(self):
        return (self.rtneural / "modules/xsimd/include/xsimd/xsimd.hpp").exists()

    def lines(self, case):
        """All of a case, ONNX Runtime first: the others' outputs are compared with its."""
        found = [self.ort(), self.onednn_line(case, "f32"), self.emx_line(case), self.onnx2c_line(case), self.rtneural_line(case, "Eigen"),
                 self.rtneural_line(case, "xsimd"), self.hand_line(case), self.onednn_line(case, "bf16")]
        return [line for line in found if line]

    def ort(self):
        return ("ort", ORT, next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")))

    def folder(self, case, name):
        folder = self.out / "models" / case.name / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def weights(self, case, name, w, r, b):
        """Files of floats."""
        files = []
        for letter, data in ("w", w), ("r", r), ("b", b):
            files.append(self.folder(case, name) / f"{letter}.bin")
            files[-1].write_bytes(np.ascontiguousarray(data, np.float32).tobytes())
        return files

    # ---- libraries of layers

    def onednn_line(self, case, dtype):
        """Weights as oneDNN orders them."""
        n = case.layer
        if not n or not self.onednn or n.cell not in ONEDNN_ORDER or n.layers * n.directions > 1:
            return None
        if dtype == "bf16" and not (n.cell == "LSTM" and case.with_bf16()):
            return None
        order, h = list(ONEDNN_ORDER[n.cell]), n.hidden
        w, r = (case.weights[k].reshape(len(order), h, -1)[order].transpose(2, 0, 1) for k in "WR")
        wb, rb = case.weights["B"].reshape(2, len(order), h)[:, order]
        b = np.stack([wb[0] + rb[0], wb[1] + rb[1], wb[2], rb[2]]) if n.cell == "GRU" else wb + rb
        label, tolerance = ("oneDNN", 0) if dtype == "f32" else ("oneDNN bf16", 5e-2)
        return ("onednn", label, tolerance, n.cell, dtype, int(bool(case.carry)), n.length, n.batch, n.inputs, h,
                *self.weights(case, "onednn", w, r, b))

    def layer_line(self, case, label, cells, compiler, *flags):
        """One layer, for one sequence, as layer_peer.h says."""
        n = case.layer
        if case.group not in ("step", "sequence") or not n or n.cell not in cells or n.layers * n.directions * n.batch > 1:
            return None
        folder = self.folder(case, label.replace(" ", "_"))
        sizes = {n.cell: 1, "HIDDEN": n.hidden, "INPUTS": n.inputs, "LENGTH": n.length, "STATEFUL": int(bool(case.carry))}
        command(compiler, *NATIVE, *(f"-D{k}={v}" for k, v in sizes.items()), *flags, "-o", folder / "m.so")
        return ("layer", label, folder / "m.so", *self.weights(case, folder.name, *(case.weights[k] for k in "WRB")))

    def hand_line(self, case):
        if not self.by_hand:
            return None
        return self.layer_line(case, "by hand", ("LSTM", "GRU", "RNN"), "gcc", HERE / "hand_peer.c")

    def rtneural_line(self, case, backend):
        """What Eigen is faster with, and xsimd: the one that comes with the checkout's submodules."""
        if not self.rtneural:
            return None
        if backend == "Eigen":
            compiler, flags = "g++", ("-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32", "-DEIGEN_STACK_ALLOCATION_LIMIT=0",
                                      "-I", self.rtneural / "modules/Eigen")
        elif self.has_xsimd():
            compiler = shutil.which("clang++") or shutil.which("clang++-14") or "g++"
            flags = "-DRTNEURAL_USE_XSIMD=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=64", "-I", self.rtneural / "modules/xsimd/include"
        else:
            return None
        return self.layer_line(case, f"RTNeural {backend}", ("LSTM", "GRU"), compiler, "-std=c++17", *flags, "-I", self.rtneural,
                               "-I", self.rtneural / "modules/json", HERE / "rtneural_peer.cpp")

    # ---- compilers of ONNX to C

    def plain_line(self, case, label, function, *args):
        """What writes model.c with a function of all inputs and outputs, by gcc with all that makes such C fast."""
        folder = self.folder(case, label)
        (folder / "model.c").unlink(missing_ok=True)
        ran = subprocess.run(args, capture_output=True, text=True, cwd=folder)
        if ran.returncode or not (folder / "model.c").exists():
            said = (ran.stdout + ran.stderr).strip().splitlines() or [f"ended with {ran.returncode}"]
            why = next((line for line in said if "[Fatal]" in line), said[-1])  # before an assertion that fails
            why = re.sub(r"^Result: |^.*\[Fatal\] |( [(]while| Hint:).*", "", why)
            self.missing.append(f"{case.name} by {label}: {why}")
            return None
        n_in, n_out = len(case.steps[0]), len(case.output_shapes())
        arguments = [f"in[{i}]" for i in range(n_in)] + [f"out[{i}]" for i in range(n_out)]
        (folder / "plain.c").write_text('#include "model.c"\nvoid plain_call(const void *const *in, void *const *out);\n'
                                        "void plain_call(const void *const *in, void *const *out)\n"
                                        f"{{\n\t{function}({', '.join(arguments)});\n}}\n")
        try:
            command("gcc", *NATIVE, *REORDER, folder / "plain.c", "-o", folder / "m.so", "-lm")
        except RuntimeError as e:
            why = next((line for line in str(e).splitlines() if "error" in line or "undefined" in line), "its C does not compile")
            self.missing.append(f"{case.name} by {label}: {why}")
            return None
        return ("plain", label, folder / "m.so")

    def emx_line(self, case):
        if case.group not in ("real", "step", "sequence") or not self.emx.exists():
            return None
        sizes = [f"--input-dim={i.name}:{k}={case.steps[0][i.name].shape[k]}" for i in case.model.graph.input
                 for k, d in enumerate(i.type.tensor_type.shape.dim) if not d.HasField("dim_value")]
        return self.plain_line(case, "emx", "model", self.emx, "compile", case.path, "model.c", "--model-name", "model",
                               "--large-weight-threshold", str(1 << 40), *sizes)

    def onnx2c_line(self, case):
        """It writes to its standard output."""
        if not self.onnx2c or case.group not in ("real", "step", "sequence"):
            return None
        write = f"{shlex.quote(str(self.onnx2c))} {shlex.quote(str(case.path))} >model.c || {{ rm model.c; exit 1; }}"
        return self.plain_line(case, "onnx2c", "entry", "sh", "-c", write)
