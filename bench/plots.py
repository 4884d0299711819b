"""Plots of bench/run.py's results: time against H and against T, the fraction of the bound, fused against unfused, threads.

`plots.py RESULTS.json FOLDER` draws them again."""

import json
import pathlib
import re
import sys

STYLE = {"ONNX Runtime": "C1", "oneDNN": "C3", "torch": "C2", "emx": "C5", "onnx2c": "C6", "RTNeural Eigen": "C8", "rnncc gcc": "C0", "rnncc clang": "C4",
         "rnncc bf16": "C9", "rnncc bf16 products": "darkcyan", "unfused": "C7"}
OURS = ("rnncc gcc", "rnncc clang")


def us(result, label):
    return result["runners"].get(label, {}).get("min_us")


def best(result):
    return min((us(result, k) for k in OURS if us(result, k)), default=None)


def curves(results, key):
    """(label, xs, ys) of each implementation, and of the bound."""
    chosen = sorted(results, key=lambda r: r[key])
    for label in STYLE:
        points = [(r[key], us(r, label)) for r in chosen if us(r, label)]
        if len(points) > 1:
            yield label, *zip(*points)
    bound = [(r[key], r["bound_us"]) for r in chosen if "bound_us" in r]
    if len(bound) > 1:
        yield "bound", *zip(*bound)


def save(pyplot, figure, path):
    """As small text: hundredths of a point are enough, and nobody reads the indentation."""
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", path.read_text())
    path.write_text(re.sub(r"\n *", "\n", text))
    return [path.name]


def draw_curves(pyplot, path, panels, key, xlabel):
    """panels: [(title, results)]"""
    panels = [(title, rs) for title, rs in panels if list(curves(rs, key))]
    if not panels:
        return []
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4 * len(panels) + 1.3, 3.6), squeeze=False, layout="constrained")
    for axis, (title, rs) in zip(axes[0], panels):
        for label, x, y in curves(rs, key):
            style = {"linestyle": ":", "color": "black"} if label == "bound" else {"marker": ".", "color": STYLE[label]}
            axis.loglog(x, y, label=label, **style)
        axis.set(title=title, xlabel=xlabel)
        axis.set_xticks(sorted({r[key] for r in rs}), minor=False)
        axis.get_xaxis().set_major_formatter("{x:.0f}")
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("µs a call")
    handles = dict(zip(*reversed([sum(part, []) for part in zip(*(axis.get_legend_handles_labels() for axis in axes[0]))])))
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize="small")
    return save(pyplot, figure, path)


def draw_bars(pyplot, path, rows, xlabel, line=None, log=False):
    """rows: [(name, value)]"""
    if not rows:
        return []
    figure, axis = pyplot.subplots(figsize=(8, 0.22 * len(rows) + 0.9), layout="constrained")
    axis.barh([n for n, _ in rows][::-1], [v for _, v in rows][::-1], color="C0")
    if line is not None:
        axis.axvline(line, color="black", linestyle=":")
    if log:
        axis.set_xscale("log")
    axis.margins(y=0.01)
    axis.tick_params(axis="y", labelsize="small")
    axis.set(xlabel=xlabel)
    return save(pyplot, figure, path)


def draw(report, out):
    """Returns the names of the files written; none where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        print("no plots: matplotlib is not installed")
        return []
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "rnncc", "svg.fonttype": "none"}
    from matplotlib import pyplot

    results = report["results"]

    def of(group, cell):
        return [r for r in results if r["group"] == group and r.get("cell") == cell and r.get("inputs", r["hidden"]) == r["hidden"]]

    written = []
    for group, title in ("step", "one step"), ("sequence", "100 steps"), ("batch", "100 steps, batch 16"):
        written += draw_curves(pyplot, out / f"{group}.svg", [(f"{c}, {title}", of(group, c)) for c in ("LSTM", "GRU", "RNN")],
                               "hidden", "hidden size = input size")
    lengths = [r for r in of("sequence", "LSTM") + of("length", "LSTM") if r["hidden"] == 128]
    written += draw_curves(pyplot, out / "length.svg", [("LSTM, 128 units", lengths)], "length", "steps")
    written += draw_bars(pyplot, out / "bound.svg", [(r["name"], 100 * r["bound_us"] / best(r)) for r in results if "bound_us" in r and best(r)],
                         "% of the bound: reading the weights; for sequences and batches also the multiply-adds", 100)
    written += draw_bars(pyplot, out / "fused.svg", [(r["name"], us(r, "unfused") / best(r)) for r in results if us(r, "unfused") and best(r)],
                         "unfused (-O0) / fused (-O2): times faster", log=True)
    written += draw_bars(pyplot, out / "threads.svg", [(r["name"], us(r, "rnncc gcc") / us(r, "rnncc 2 threads"))
                                                     for r in results if us(r, "rnncc 2 threads")], "one thread / two threads: times faster", 2)
    return written


if __name__ == "__main__":
    print(*draw(json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])), sep="\n")
