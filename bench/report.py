"""The tables of bench/run.py's results, in Markdown.

`report.py RESULTS.json` prints them again; with a second argument, a Markdown file, they replace what stands in it between the
lines <!-- results --> and <!-- end of results -->."""

import datetime
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys

ORT = "ONNX Runtime"
PEERS = (ORT, "oneDNN", "torch", "emx", "onnx2c", "RTNeural Eigen", "RTNeural xsimd")
HAND = "by hand"  # bench/hand_peer.c
OURS = ("rnncc gcc", "rnncc clang", "rnncc v3")
# Group: title, columns of implementations.
GROUPS = {
    "real": ("Models", (ORT, "emx", "onnx2c", "rnncc gcc", "rnncc clang", "rnncc v3", "unfused")),
    "step": ("One step of a layer, batch 1", (*PEERS, HAND, "rnncc gcc", "rnncc clang", "rnncc v3", "unfused")),
    "cell": ("One step of other cells, batch 1", (ORT, "oneDNN", "rnncc gcc", "rnncc clang", "rnncc v3")),
    "sequence": ("100 steps, batch 1", (*PEERS, HAND, "rnncc gcc", "rnncc clang", "rnncc v3", "unfused")),
    "batch": ("100 steps, batch 16", (*PEERS[:3], "rnncc gcc", "rnncc clang")),
    "length": ("Sequences of other lengths, batch 1", (ORT, "oneDNN", "rnncc gcc")),
    "rows": ("Rows: softmax, layer norm, attention", (ORT, "rnncc gcc", "rnncc clang", "rnncc v3", "unfused")),
    "threads": ("Two threads on two CPUs (`rnncc gcc`: one)", (ORT, "oneDNN", "rnncc gcc", "rnncc 2 threads")),
}


def machine(onnxruntime):
    def first_line(*args):
        return subprocess.run(args, capture_output=True, text=True).stdout.splitlines()[0]

    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    caches = [(p.parent / "level").read_text().strip() + (p.parent / "type").read_text()[0] + " " + p.read_text().strip()
              for p in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"))]
    clang = shutil.which("clang") or shutil.which("clang-14")
    return {"cpu": cpu.group(1) if cpu else platform.processor(), "caches": caches, "system": platform.platform(),
            "gcc": first_line("gcc", "--version"), "clang": first_line(clang, "--version") if clang else None,
            "onnxruntime": onnxruntime, "date": datetime.date.today().isoformat()}


def us(result, label):
    return result["runners"].get(label, {}).get("min_us")


def best(result, labels):
    return min((t for t in (us(result, k) for k in labels) if t is not None), default=None)


def number(t):
    return "–" if t is None else f"{t:,.0f}" if t >= 1000 else f"{t:#.3g}".rstrip(".")


def ratio(a, b, form="{:.2f}×"):
    return form.format(a / b) if a is not None and b else "–"


def table(columns, rows):
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)] + ["| " + " | ".join(r) + " |" for r in rows]


def group_table(group, results):
    title, labels = GROUPS[group]
    labels = [k for k in labels if any(us(r, k) is not None for r in results)]
    bounded = any("bound_us" in r for r in results)
    by_hand = any(us(r, HAND) is not None for r in results)
    rows = []
    for r in results:
        ours = best(r, ("rnncc 2 threads",) if group == "threads" else OURS[:2])
        error = max(t["max_abs_error"] for k, t in r["runners"].items() if "bf16" not in k)
        rows.append([r["name"], *(number(us(r, k)) for k in labels), ratio(us(r, ORT), ours), ratio(best(r, PEERS), ours)]
                    + ([ratio(us(r, HAND), ours, "{:.0%}")] if by_hand else [])
                    + ([ratio(r.get("bound_us"), ours, "{:.0%}")] if bounded else [])
                    + [f"{error:.0e}" + ("" if r["agree"] else " **DIFFERS**")])
    return [f"### {title}", "", *table(["", *labels, "faster than ORT", "than best peer"] + (["of hand-written"] if by_hand else [])
                                        + (["of bound"] if bounded else []) + ["error"], rows), ""]


NARROW = ("rnncc bf16", "rnncc bf16 products")


def narrow_table(results):
    """Weights stored in bf16, and products of two numbers of bf16 as well, each against our f32 and against oneDNN's bf16."""
    found = [r for r in results if us(r, NARROW[0]) is not None]
    if not found:
        return []
    kinds = [k for k in NARROW if any(us(r, k) is not None for r in found)]
    columns, rows = ["", "rnncc f32", *kinds, "oneDNN bf16"], []
    for k in kinds:
        columns += [f"{k[6:]}: faster than f32", "than oneDNN", "of bound", "error"]
    for r in found:
        row = [r["name"], *(number(us(r, k)) for k in ("rnncc gcc", *kinds, "oneDNN bf16"))]
        for k in kinds:
            row += [ratio(us(r, "rnncc gcc"), us(r, k)), ratio(us(r, "oneDNN bf16"), us(r, k)), ratio(r.get("bf16_bound_us"), us(r, k), "{:.0%}"),
                    f"{r['runners'][k]['max_abs_error']:.0e}" if k in r["runners"] else "–"]
        rows.append(row)
    return ["### Weights in bf16, and products in bf16", "", *table(columns, rows), ""]


def cold_table(cold):
    if not cold:
        return []
    rows = [[name, f"{c[ORT]['ms']:.1f} ms, {c[ORT]['peak_bytes'] / 1e6:.1f} MB",
             f"{c['rnncc gcc']['ms']:.2f} ms, {c['rnncc gcc']['peak_bytes'] / 1e6:.1f} MB", ratio(c[ORT]["ms"], c["rnncc gcc"]["ms"], "{:.0f}×")]
            for name, c in cold.items()]
    return ["### From the start of a process to its first result, and its memory", "", *table(["", ORT, "rnncc, gcc", ""], rows), ""]


def builds_table(results):
    """How far apart our own builds of one model are."""
    rows = []
    for what, a, b in ("clang / gcc", "rnncc clang", "rnncc gcc"), ("v3 / v4", "rnncc v3", "rnncc gcc"):
        found = sorted((us(r, a) / us(r, b), r["name"]) for r in results if us(r, a) and us(r, b) and r["group"] in ("step", "cell"))
        if found:
            rows.append([what, f"{found[0][0]:.2f} ({found[0][1]})", f"{found[len(found) // 2][0]:.2f}", f"{found[-1][0]:.2f} ({found[-1][1]})"])
    return ["### Our own builds of the steps: time of one over time of the other", "",
            *table(["", "least", "median", "most"], rows), ""] if rows else []


def losses(results):
    """Where a peer is faster than either of our builds."""
    found = []
    for r in results:
        for ours in ("rnncc 2 threads",) if r["group"] == "threads" else OURS[:2]:
            for peer in PEERS:
                if us(r, peer) and us(r, ours) and us(r, peer) < us(r, ours):
                    found.append(f"{r['name']}, {ours}: {peer} {us(r, ours) / us(r, peer):.2f}×")
        for ours in NARROW:
            if us(r, "oneDNN bf16") and us(r, ours) and us(r, "oneDNN bf16") < us(r, ours):
                found.append(f"{r['name']}, {ours}: oneDNN bf16 {us(r, ours) / us(r, 'oneDNN bf16'):.2f}×")
    return found


def text(found):
    m, lim, results = found["machine"], found["limits"], found["results"]

    def version(label):
        return next((r["runners"][label]["version"] for r in results if "version" in r["runners"].get(label, {})), "not run")

    lines = [f"{m['cpu']}, caches {', '.join(m['caches'])}; {m['gcc']}; {m['clang'] or 'no clang'}; ONNX Runtime {m['onnxruntime']}; "
             f"oneDNN {version('oneDNN')}; torch {version('torch')}; {m['date']}.", "",
             f"Limits of one core, same run: {lim['flops'] / 1e9:.0f} GFLOP/s; reads L1 {lim['L1 16 KiB'] / 1e9:.0f}, "
             f"L2 {lim['L2 256 KiB'] / 1e9:.0f}, L3 {lim['L3 8 MiB'] / 1e9:.0f}, DRAM {lim['DRAM 256 MiB'] / 1e9:.0f} GB/s.", ""]
    for group in GROUPS:
        chosen = [r for r in results if r["group"] == group]
        if chosen:
            lines += group_table(group, chosen)
    lines += narrow_table(results) + builds_table(results) + cold_table(found["cold"])
    lost = losses(results)
    lines += ["### Where a peer is faster", "", *([f"* {text}" for text in lost] or ["Nowhere."])]
    if found["missing"]:
        lines += ["", "### Not run", "", *(f"* {text}" for text in found["missing"])]
    return "\n".join(lines) + "\n"


def main(results, page=None):
    tables = text(json.loads(pathlib.Path(results).read_text()))
    if not page:
        print(tables, end="")
        return
    page = pathlib.Path(page)
    before, rest = page.read_text().split("<!-- results -->\n")
    page.write_text(f"{before}<!-- results -->\n{tables}<!-- end of results -->" + rest.split("<!-- end of results -->")[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
