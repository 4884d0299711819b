"""Plots of bench/run.py's results: time against H, and the fraction of the bandwidth bound."""

LABELS = {"ONNX Runtime": "C1", "torch": "C2", "rnncc gcc": "C0", "rnncc clang": "C4", "unfused": "C7"}


def lines_of(results, cell, group):
    chosen = sorted((r for r in results if r.get("cell") == cell and r["group"] == group), key=lambda r: r["hidden"])
    for label in LABELS:
        points = [(r["hidden"], r["runners"][label]["min_us"]) for r in chosen if "min_us" in r["runners"].get(label, {})]
        if len(points) > 1:
            yield label, *zip(*points)
    bound = [(r["hidden"], r["bound_us"]) for r in chosen if "bound_us" in r]
    if len(bound) > 1:
        yield "bound", *zip(*bound)


def draw(report, out):
    """Returns the names of the files written; none where matplotlib is not installed or there is nothing to draw."""
    try:
        import matplotlib
    except ImportError:
        print("no plots: matplotlib is not installed")
        return []
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "rnncc"
    from matplotlib import pyplot

    written = []
    for group, title in ("step", "one step"), ("sequence", "100 steps"):
        cells = [c for c in ("LSTM", "GRU", "RNN") if list(lines_of(report["results"], c, group))]
        if not cells:
            continue
        figure, axes = pyplot.subplots(1, len(cells), figsize=(4.5 * len(cells), 4), squeeze=False, layout="constrained")
        for axis, cell in zip(axes[0], cells):
            for label, x, y in lines_of(report["results"], cell, group):
                style = {"linestyle": ":", "color": "black"} if label == "bound" else {"marker": "o", "color": LABELS[label]}
                axis.loglog(x, y, label=label, **style)
            axis.set(title=f"{cell}, {title}, batch 1", xlabel="hidden size = input size", ylabel="µs a call")
            axis.set_xticks(sorted({r["hidden"] for r in report["results"] if r.get("cell") == cell}), minor=False)
            axis.get_xaxis().set_major_formatter("{x:.0f}")
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        axes[0][0].legend()
        figure.savefig(out / f"{group}.svg", metadata={"Date": None})
        pyplot.close(figure)
        written.append(f"{group}.svg")

    ours = [(r["name"], r["bound_us"] / min(r["runners"][k]["min_us"] for k in ("rnncc gcc", "rnncc clang") if k in r["runners"]))
            for r in report["results"] if "bound_us" in r and "min_us" in r["runners"].get("rnncc gcc", {})]
    if ours:
        figure, axis = pyplot.subplots(figsize=(8, 0.28 * len(ours) + 1.2), layout="constrained")
        axis.barh([n for n, _ in ours][::-1], [100 * f for _, f in ours][::-1], color="C0")
        axis.axvline(100, color="black", linestyle=":")
        axis.set(xlabel="% of the bound (reading the weights; for sequences also the operations of x·W)")
        figure.savefig(out / "bound.svg", metadata={"Date": None})
        pyplot.close(figure)
        written.append("bound.svg")
    return written
