"""How fast is what rnncc emits, against ONNX Runtime, oneDNN and torch, and against the machine's limits.

Run it through scripts/bench.sh.  For each model: rnncc compiles it in several ways, gcc and clang make shared libraries of
it, and bench/race.c runs them and the peers in turns in one process, on one CPU (two for the threads), after comparing their
outputs.  Writes results.json, table.md and plots.  Exit status 1 if outputs differ or something cannot be compiled.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

import cases
import make_models
import plots
import report
from peers import HERE, ORT, ROOT, Peers, command


class Bench:
    def __init__(self, options):
        self.o, self.out, self.missing = options, options.out, []
        self.compilers = {"gcc": shutil.which("gcc"), "clang": shutil.which("clang") or shutil.which("clang-14")}
        if not self.compilers["clang"]:
            self.missing.append("clang: not installed")
        usage = command(options.rnncc, "compile", "--help")
        self.unknown = {v[0] for v in (cases.BF16, cases.BF16_PRODUCTS) if any(w.startswith("--") and w not in usage for w in v[3])}
        self.missing += [f"{label}: this rnncc has no such option" for label in sorted(self.unknown)]
        self.peers = Peers(options, self.missing)
        self.tool("limits", ROOT / "runtime/probe/probe.c", "-march=native")
        self.tool("cold")
        self.tool("race", HERE / "onednn_peer.c", program="race_without_onednn")
        if self.peers.onednn:
            self.tool("race", HERE / "onednn_peer.c", "-DWITH_ONEDNN", "-ldnnl")
        else:
            shutil.copy(self.out / "race_without_onednn", self.out / "race")

    def tool(self, name, *more, program=None):
        command("gcc", "-std=gnu11", "-O2", HERE / f"{name}.c", *more, "-o", self.out / (program or name), "-ldl", "-lm")

    def cpus(self, n):
        return [self.o.cpu] + [c for c in sorted(os.sched_getaffinity(0)) if c != self.o.cpu][: n - 1]

    def build(self, case, variant):
        """A shared library of what rnncc emits, and the bytes of its weights."""
        label, level, cc, more, _ = variant
        folder = self.out / "models" / case.name / label.replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        flags = [f"--dim={k}={v}" for k, v in case.dims().items()] + [f"--bind={k}={v}" for k, v in case.binds.items()]
        flags += [f"--state={o}={i}" for o, i in case.carry.items()]
        target = () if "--target" in more else ("--target", self.o.target)
        command(self.o.rnncc, "compile", case.path, "-o", folder, "--name", "m", "--describe", level, *target,
                "--no-detect-states", *flags, *more)
        header = (folder / "m.h").read_text()
        wanted = re.search(r"compile with ([^)]*)\)", header)
        openmp = ["-fopenmp"] if "--threads" in more else []
        command(self.compilers[cc], "-O2", "-fPIC", "-shared", "-DNDEBUG", *openmp,
                *(wanted.group(1).split() if wanted else ["-std=c99"]), folder / "m.c", "-o", folder / "m.so", "-lm")
        weights = re.search(r"M_WEIGHTS_BYTES (\d+)", header)
        return folder / "m.so", int(weights.group(1)) if weights else 0

    def plan(self, case, name, runners, **facts):
        """What race.c reads, in a file."""
        folder = self.out / "models" / case.name
        shapes = case.output_shapes()
        outputs = list(shapes)
        fed_by = {i: outputs.index(o) for o, i in case.carry.items()}
        facts = {"seconds": self.o.seconds, "steps": len(case.steps)} | facts
        lines = [("cpus", *self.cpus(case.threads)), ("tolerance", 1e-4, 1e-4), *facts.items(), ("model", case.path)]
        for i, first in case.steps[0].items():
            file = folder / f"{re.sub(r'[^A-Za-z0-9]', '_', i)}.bin"
            file.write_bytes(b"".join(np.ascontiguousarray(s[i]).tobytes() for s in case.steps))
            kind = onnx.helper.np_dtype_to_tensor_dtype(first.dtype)
            lines.append(("input", i, kind, file, int(i in case.binds), fed_by.get(i, -1), *first.shape))
        for o, (dtype, shape) in shapes.items():
            lines.append(("output", o, onnx.helper.np_dtype_to_tensor_dtype(dtype), *shape))
        path = folder / name
        path.write_text("".join("\t".join(map(str, line)) + "\n" for line in [*lines, *runners]))
        return path

    def race(self, case):
        (self.out / "models" / case.name).mkdir(parents=True, exist_ok=True)
        runners, weight_bytes = self.peers.lines(case), {}
        variants = [v for v in case.variants() if self.compilers[v[2]] and v[0] not in self.unknown]
        for variant in variants:
            so, weight_bytes[variant[0]] = self.build(case, variant)
            runners.append(("rnncc", variant[0], so, "m", int(bool(case.carry)), variant[4]))
        environment = {**os.environ, "OMP_NUM_THREADS": str(case.threads)}
        done = subprocess.run([str(self.out / "race"), str(self.plan(case, "plan.txt", runners))], capture_output=True, text=True,
                              env=environment)
        if not done.stdout:
            raise RuntimeError(done.stderr.strip() or f"race ended with {done.returncode}")
        found = json.loads(done.stdout)
        result = {"name": case.name, "group": case.group, "note": case.note, "weight_bytes": weight_bytes.get("rnncc gcc", 0),
                  "bf16_bytes": weight_bytes.get("rnncc bf16", 0), "reads_once": case.reads_once, "threads": case.threads,
                  "steps": found["steps"], "agree": found["agree"], "runners": {r.pop("label"): r for r in found["runners"]}}
        if case.layer:
            n = case.layer
            result |= {"cell": n.cell, "hidden": n.hidden, "inputs": n.inputs, "length": n.length, "batch": n.batch,
                       "stacked": n.layers * n.directions}
        if not found["agree"]:
            print(done.stderr.strip(), file=sys.stderr)
        return result

    def torch(self, results):
        """Adds torch's times for single layers; says why not where it cannot."""
        done = [(c, r) for c, r in results if c.layer and r["agree"] and c.group in ("step", "sequence", "batch") and
                c.layer.cell in make_models.GATES]
        jobs = []
        for case, _ in done:
            file = self.out / "models" / case.name / "layer.npz"
            np.savez(file, X=case.steps[0]["X"], Y=case.first_output(), **case.weights)
            n = case.layer
            jobs.append({"cell": n.cell, "inputs": n.inputs, "hidden": n.hidden, "batch": n.batch, "weights": str(file)})
        if not jobs:
            return
        ran = subprocess.run([self.o.torch_python, str(HERE / "torch_peer.py")], capture_output=True, text=True,
                             input=json.dumps({"cpu": self.o.cpu, "seconds": min(0.3, self.o.seconds), "jobs": jobs}))
        if ran.returncode:
            self.missing.append("torch: " + (ran.stderr.strip().splitlines() or ["failed"])[-1])
            return
        for (_, result), times in zip(done, json.loads(ran.stdout)):
            result["runners"]["torch"] = times
            result["agree"] &= times["max_abs_error"] < 1e-4

    def cold(self, results):
        """From the start of a process to its first result, and its memory: the same program, with one implementation each."""
        found = {}
        for case, result in results:
            if case.name not in ("silero_v5", "LSTM_128_step") or not result["agree"]:
                continue
            so = self.out / "models" / case.name / "rnncc_gcc/m.so"
            plans = [self.plan(case, f"cold_{k}.txt", [line], seconds=0, steps=1)
                     for k, line in enumerate([("rnncc", "rnncc gcc", so, "m", 1, 0), self.peers.ort()])]
            program = self.out / "race_without_onednn"
            ours, ort = json.loads(command(self.out / "cold", 20, program, plans[0], program, plans[1]))
            found[case.name] = {"rnncc gcc": ours, ORT: ort}
        return found

    def limits(self, results):
        """The bandwidth at the sizes that matter; the least time that each model takes by it and by the multiply-adds."""
        sizes = {16 << 10, 256 << 10, 8 << 20, 256 << 20}
        for _, r in results:
            sizes |= {b for b in (r["weight_bytes"], r["bf16_bytes"]) if b}
            if r.get("length", 1) > 1 and r["cell"] in make_models.GATES:
                sizes |= {4 * make_models.GATES[r["cell"]] * r["hidden"] ** 2}
        runs = [json.loads(command(self.out / "limits", self.o.cpu, *sorted(sizes))) for _ in range(3)]
        flops = max(r["flops"] for r in runs)
        read = {int(k): max(r["read"][k] for r in runs) for k in runs[0]["read"]}
        for _, r in results:
            if r.get("length", 1) > 1:
                if r["group"] == "threads" or r["cell"] not in make_models.GATES:
                    continue
                n = 4 * make_models.GATES[r["cell"]] * r["hidden"] ** 2  # bytes of R, and of W
                product = r["batch"] * n / 2 / flops
                r["bound_us"] = 1e6 * r["length"] * (max(n / read[n], product) + product)
            elif r["weight_bytes"] and r["reads_once"]:
                r["bound_us"] = 1e6 * r["weight_bytes"] / read[r["weight_bytes"]]
                if r["bf16_bytes"]:
                    r["bf16_bound_us"] = 1e6 * r["bf16_bytes"] / read[r["bf16_bytes"]]
        return {"flops": flops, "L1 16 KiB": read[16 << 10], "L2 256 KiB": read[256 << 10], "L3 8 MiB": read[8 << 20],
                "DRAM 256 MiB": read[256 << 20]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a minute or two: fewer models, less time for each")
    parser.add_argument("--only", default="", help="a regular expression: only the models whose names match")
    parser.add_argument("--seconds", type=float, help="of timing a model (2; quick 0.5)")
    parser.add_argument("--cpu", type=int, default=None, help="the CPU to run on (the last)")
    parser.add_argument("--target", default="native", help="rnncc's --target (native)")
    parser.add_argument("--rnncc", default=ROOT / "build/release/rnncc", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "build/bench", type=pathlib.Path)
    parser.add_argument("--cases", default=ROOT.parent / "shared/cases/real", type=pathlib.Path, help="real models with data sets")
    parser.add_argument("--rtneural", metavar="DIR", type=pathlib.Path,
                        help="a checkout of RTNeural, with its submodules, to compare with")
    parser.add_argument("--onnx2c", metavar="PROGRAM", type=pathlib.Path, help="onnx2c, to compare with")
    parser.add_argument("--torch-python", default="/usr/bin/python3", help="a Python that has torch")
    o = parser.parse_args()
    o.seconds = o.seconds or (0.5 if o.quick else 2)
    if o.cpu is None:
        o.cpu = max(os.sched_getaffinity(0))
    if o.rtneural and not (o.rtneural / "RTNeural/RTNeural.h").exists():
        parser.error(f"--rtneural {o.rtneural}: there is no RTNeural/RTNeural.h in it")
    if o.onnx2c and not shutil.which(o.onnx2c):
        parser.error(f"--onnx2c {o.onnx2c}: not a program")
    o.rtneural, o.onnx2c = o.rtneural and o.rtneural.resolve(), o.onnx2c and pathlib.Path(shutil.which(o.onnx2c)).resolve()
    o.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(o)
    todo, missing = cases.all_cases(o)
    bench.missing += missing
    results, failed = [], False
    for case in todo:
        if case.threads > len(os.sched_getaffinity(0)):
            bench.missing.append(f"{case.name}: one CPU only")
            continue
        try:
            r = bench.race(case)
        except RuntimeError as e:
            failed = True
            bench.missing.append(f"{case.name}: {str(e).splitlines()[-1]}")
            print(f"{case.name}: {e}", file=sys.stderr)
            continue
        results.append((case, r))
        times = "  ".join(f"{k} {t['min_us']:.4g}" for k, t in r["runners"].items() if "min_us" in t)
        print(f"{case.name}: {times}" + ("" if r["agree"] else "  OUTPUTS DIFFER"), flush=True)
    bench.torch(results)
    found = {"machine": report.machine(onnxruntime.__version__), "seconds": o.seconds, "limits": bench.limits(results),
             "cold": bench.cold(results), "missing": bench.missing, "results": [r for _, r in results]}
    failed |= not all(r["agree"] for _, r in results)
    (o.out / "results.json").write_text(json.dumps(found, indent=1))
    (o.out / "table.md").write_text(report.text(found))
    drawn = plots.draw(found, o.out)
    print("\n" + (o.out / "table.md").read_text())
    print("written:", ", ".join(str(o.out / n) for n in ["results.json", "table.md", *drawn]))
    return failed


if __name__ == "__main__":
    sys.exit(main())
