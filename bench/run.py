"""How fast is what rnncc emits, against ONNX Runtime (and torch, where it is installed), and against the machine's limits.

Run it through scripts/bench.sh.  For each model: rnncc compiles it (-O2, and -O0: nothing fused), gcc and clang make shared
libraries of it, and bench/race.c runs them and ONNX Runtime in turns in one process, on one CPU, after comparing their
outputs.  Writes results.json, table.md and plots.  Exit status 1 if outputs differ or something cannot be compiled.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

import cases
import plots

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
ORT = "ONNX Runtime"


def command(*args, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}\n{done.stdout}{done.stderr}".strip())
    return done.stdout


def first_line(*args):
    return command(*args).splitlines()[0]


class Bench:
    def __init__(self, options):
        self.o = options
        self.out = options.out
        self.variants = [("rnncc gcc", "-O2", "gcc")]
        clang = shutil.which("clang") or shutil.which("clang-14")
        if clang:
            self.variants.append(("rnncc clang", "-O2", clang))
        self.variants.append(("unfused", "-O0", "gcc"))

    def tool(self, name, *more):
        program = self.out / name
        command("gcc", "-std=gnu11", "-O2", HERE / f"{name}.c", *more, "-o", program, "-ldl", "-lm")
        return program

    def build(self, case, level, cc, folder):
        """A shared library of what rnncc emits, and the bytes of its weights."""
        folder.mkdir(parents=True, exist_ok=True)
        flags = [f"--dim={k}={v}" for k, v in case.dims().items()] + [f"--bind={k}={v}" for k, v in case.binds.items()]
        flags += [f"--state={o}={i}" for o, i in case.carry.items()]
        command(self.o.rnncc, "compile", case.path, "-o", folder, "--name", "m", "--describe", level, "--target",
                self.o.target, "--no-detect-states", *flags)
        header = (folder / "m.h").read_text()
        wanted = re.search(r"compile with ([^)]*)\)", header)
        command(cc, "-O2", "-fPIC", "-shared", "-DNDEBUG", *(wanted.group(1).split() if wanted else ["-std=c99"]),
                folder / "m.c", "-o", folder / "m.so", "-lm")
        weights = re.search(r"M_WEIGHTS_BYTES (\d+)", header)
        return folder / "m.so", int(weights.group(1)) if weights else 0

    def race(self, case):
        folder = self.out / "models" / case.name
        folder.mkdir(parents=True, exist_ok=True)
        library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))
        shapes = case.output_shapes()
        lines = [("cpu", self.o.cpu), ("seconds", self.o.seconds), ("tolerance", 1e-4, 1e-4), ("steps", len(case.steps)),
                 ("model", case.path)]
        outputs = list(shapes)
        fed_by = {i: outputs.index(o) for o, i in case.carry.items()}
        for name, first in case.steps[0].items():
            file = folder / f"{re.sub(r'[^A-Za-z0-9]', '_', name)}.bin"
            file.write_bytes(b"".join(np.ascontiguousarray(s[name]).tobytes() for s in case.steps))
            kind = onnx.helper.np_dtype_to_tensor_dtype(first.dtype)
            lines.append(("input", name, kind, file, int(name in case.binds), fed_by.get(name, -1), *first.shape))
        for name, (dtype, shape) in shapes.items():
            lines.append(("output", name, onnx.helper.np_dtype_to_tensor_dtype(dtype), *shape))
        lines.append(("ort", ORT, library))
        weight_bytes = 0
        for label, level, cc in self.variants:
            so, n = self.build(case, level, cc, folder / label.replace(" ", "_"))
            weight_bytes = max(weight_bytes, n) if level == "-O2" else weight_bytes
            lines.append(("rnncc", label, so, "m", int(bool(case.carry))))
        plan = folder / "plan.txt"
        plan.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        done = subprocess.run([str(self.out / "race"), str(plan)], capture_output=True, text=True)
        if not done.stdout:
            raise RuntimeError(done.stderr.strip())
        found = json.loads(done.stdout)
        result = {"name": case.name, "group": case.group, "note": case.note, "weight_bytes": weight_bytes, "reads_once": case.reads_once,
                  "steps": found["steps"],
                  "agree": found["agree"], "runners": {r.pop("label"): r for r in found["runners"]}}
        if case.cell:
            result |= {"cell": case.cell, "hidden": case.hidden, "length": case.length}
        if not found["agree"]:
            print(done.stderr.strip(), file=sys.stderr)
        return result

    def torch(self, results):
        """Adds torch's times for single layers; says why not where it cannot."""
        done = [(c, r) for c, r in results if c.cell and r["agree"]]
        jobs = []
        for case, _ in done:
            file = self.out / "models" / case.name / "layer.npz"
            np.savez(file, X=case.steps[0]["X"], Y=case.first_output(), **case.weights)
            jobs.append({"cell": case.cell, "hidden": case.hidden, "length": case.length, "weights": str(file)})
        if not jobs:
            return "no single layers were run"
        ran = subprocess.run([self.o.torch_python, str(HERE / "torch_peer.py")], capture_output=True, text=True,
                             input=json.dumps({"cpu": self.o.cpu, "seconds": min(0.3, self.o.seconds), "jobs": jobs}))
        if ran.returncode:
            return "torch: " + (ran.stderr.strip().splitlines() or ["failed"])[-1]
        for (_, result), times in zip(done, json.loads(ran.stdout)):
            result["runners"]["torch"] = times
            result["agree"] &= times["max_abs_error"] < 1e-4
        return None

    def limits(self, results):
        """The bandwidth at the sizes that matter, and the least time that the weights of each model take to be read."""
        sizes = {16 << 10, 256 << 10, 8 << 20, 256 << 20} | {r["weight_bytes"] for _, r in results if r["weight_bytes"]}
        sizes |= {4 * g * r["hidden"] ** 2 for _, r in results if "cell" in r for g in [cases.GATES[r["cell"]]]}
        found = json.loads(command(self.out / "limits", self.o.cpu, *sorted(sizes)))
        read = {int(k): v for k, v in found["read"].items()}
        for _, r in results:
            if "cell" in r and r["length"] > 1:  # x W for all steps in registers; R read at every step
                n = 4 * cases.GATES[r["cell"]] * r["hidden"] ** 2
                r["bound_us"] = 1e6 * r["length"] * (n / read[n] + n / 2 / found["flops"])
            elif r["weight_bytes"] and r["reads_once"]:
                r["bound_us"] = 1e6 * r["weight_bytes"] / read[r["weight_bytes"]]
        return {"flops": found["flops"], "L1 16 KiB": read[16 << 10], "L2 256 KiB": read[256 << 10], "L3 8 MiB": read[8 << 20],
                "DRAM 256 MiB": read[256 << 20]}


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    caches = {p.parent.name: (p.parent / "level").read_text().strip() + (p.parent / "type").read_text()[0] + " "
              + p.read_text().strip() for p in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"))}
    return {"cpu": cpu.group(1) if cpu else platform.processor(), "caches": list(caches.values()),
            "system": platform.platform(), "gcc": first_line("gcc", "--version"),
            "clang": first_line(shutil.which("clang") or "clang-14", "--version")
            if shutil.which("clang") or shutil.which("clang-14") else None,
            "onnxruntime": onnxruntime.__version__, "date": datetime.date.today().isoformat()}


def table(report):
    m, lim = report["machine"], report["limits"]
    torch = next((t["version"] for r in report["results"] for k, t in r["runners"].items() if k == "torch"), "not installed")
    lines = [f"{m['cpu']}, caches {', '.join(m['caches'])}; {m['gcc']}; {m['clang'] or 'no clang'}; ONNX Runtime {m['onnxruntime']}; "
             f"torch {torch}; "
             f"{m['date']}.", "",
             f"Limits of one core, same run: {lim['flops'] / 1e9:.0f} GFLOP/s; reads L1 {lim['L1 16 KiB'] / 1e9:.0f}, "
             f"L2 {lim['L2 256 KiB'] / 1e9:.0f}, L3 {lim['L3 8 MiB'] / 1e9:.0f}, DRAM {lim['DRAM 256 MiB'] / 1e9:.0f} GB/s.", "",
             "Microseconds a call, one thread: best (median). `faster`: ONNX Runtime's best over our best. `of bound`: the least time "
             "that reading the weights takes, over our best (for sequences: reading the recurrent ones at every step, and the "
             "operations on the others; none for models that use a weight many times a call).", "",
             "| model | ONNX Runtime | torch | rnncc, gcc | rnncc, clang | unfused | faster | of bound | max error |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in report["results"]:
        runners = r["runners"]

        def cell(label):
            t = runners.get(label)
            return f"{t['min_us']:.4g} ({t['median_us']:.4g})" if t and "min_us" in t else "–"

        best = min((runners[k]["min_us"] for k in ("rnncc gcc", "rnncc clang") if "min_us" in runners.get(k, {})), default=None)
        faster = f"{runners[ORT]['min_us'] / best:.2f}×" if best else "–"
        bound = f"{r['bound_us'] / best:.0%}" if best and "bound_us" in r else "–"
        error = max(t["max_abs_error"] for t in runners.values())
        lines.append(f"| {r['name']} | {cell(ORT)} | {cell('torch')} | {cell('rnncc gcc')} | {cell('rnncc clang')} | {cell('unfused')} "
                     f"| {faster} | {bound} | {error:.1g}{'' if r['agree'] else ' **DIFFERS**'} |")
    wins = [f"{r['name']}, than {ours} ({peer} {r['runners'][peer]['min_us']:.4g} µs)" for r in report["results"]
            for peer in (ORT, "torch") for ours in ("rnncc gcc", "rnncc clang")
            if "min_us" in r["runners"].get(peer, {}) and "min_us" in r["runners"].get(ours, {})
            and r["runners"][peer]["min_us"] < r["runners"][ours]["min_us"]]
    lines += ["", "A peer is faster: " + ("; ".join(wins) if wins else "nowhere") + "."]
    lines += [f"Not run: {text}." for text in report["missing"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer models, less time for each")
    parser.add_argument("--only", default="", help="a regular expression: only the models whose names match")
    parser.add_argument("--seconds", type=float, help="of timing a model (2; quick 0.5)")
    parser.add_argument("--cpu", type=int, default=None, help="the CPU to run on (the last)")
    parser.add_argument("--target", default="native", help="rnncc's --target (native)")
    parser.add_argument("--rnncc", default=ROOT / "build/release/rnncc", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "build/bench", type=pathlib.Path)
    parser.add_argument("--cases", default=ROOT.parent / "shared/cases/real", type=pathlib.Path, help="real models with data sets")
    parser.add_argument("--torch-python", default="/usr/bin/python3", help="a Python that has torch")
    o = parser.parse_args()
    o.seconds = o.seconds or (0.5 if o.quick else 2)
    if o.cpu is None:
        o.cpu = max(os.sched_getaffinity(0))
    o.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(o)
    bench.tool("race")
    bench.tool("limits", ROOT / "runtime/probe/probe.c", "-march=native")
    todo, missing = cases.all_cases(o)
    results, failed = [], False
    for case in todo:
        try:
            r = bench.race(case)
        except RuntimeError as e:
            failed = True
            missing.append(f"{case.name}: {str(e).splitlines()[-1]}")
            print(f"{case.name}: {e}", file=sys.stderr)
            continue
        failed |= not r["agree"]
        results.append((case, r))
        times = "  ".join(f"{k} {t['min_us']:.4g}" for k, t in r["runners"].items() if "min_us" in t)
        print(f"{case.name}: {times}" + ("" if r["agree"] else "  OUTPUTS DIFFER"), flush=True)
    why = bench.torch(results)
    if why:
        missing.append(why)
    report = {"machine": machine(), "limits": bench.limits(results), "missing": missing, "results": [r for _, r in results]}
    failed |= not all(r["agree"] for _, r in results)
    (o.out / "results.json").write_text(json.dumps(report, indent=1))
    (o.out / "table.md").write_text(table(report))
    drawn = plots.draw(report, o.out)
    print("\n" + (o.out / "table.md").read_text())
    print("written:", ", ".join(str(o.out / n) for n in ["results.json", "table.md", *drawn]))
    return failed


if __name__ == "__main__":
    sys.exit(main())
