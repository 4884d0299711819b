#!/usr/bin/env python3
"""Random ONNX graphs, generated C against ONNX Runtime.

    fuzz.py run FIRST COUNT --rnncc PATH --work DIR [--keep DIR] [--jobs N] [--via WAY] [--target CPU]
    fuzz.py make FIRST COUNT DIR              only the cases, as folders for `rnncc test`
    fuzz.py shrink CASE DIR --rnncc PATH      a smaller case that fails in the same way

A seed decides its graph: 1 to 30 nodes, the values of all of them, and how far two right answers may be apart (graph.py).
`run` prints a line for each graph that rnncc refuses or computes differently, and at the end how many of each there are.
divergences.py lists where the peer is known not to do what the specification says: such nodes are not made.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).resolve().parent


def make(first, count, folder):
    """In a process of its own: the peer may crash."""
    import cases
    for seed in range(first, first + count):
        (folder / "at").write_text(str(seed))
        cases.write(seed, folder / f"seed-{seed}")
    (folder / "at").write_text(str(first + count))


def make_all(first, count, folder):
    """Starts again behind a seed that the peer crashed on; returns those."""
    folder.mkdir(parents=True, exist_ok=True)
    crashed, at = [], first
    while at < first + count:
        done = subprocess.run([sys.executable, str(HERE / "fuzz.py"), "make", str(at), str(first + count - at), str(folder)],
                              capture_output=True, text=True)
        seen = int((folder / "at").read_text())
        if seen >= first + count:
            break
        if done.returncode >= 0:
            raise SystemExit(f"seed {seen}: {done.stderr}")
        crashed.append(seen)
        shutil.rmtree(folder / f"seed-{seen}", ignore_errors=True)
        at = seen + 1
    return crashed


def run_cases(rnncc, folder, via, jobs=1, extra=()):
    """{name: (verdict, reason)}"""
    done = subprocess.run([rnncc, "test", "--json", "--via", via, "-j", str(jobs), *extra, str(folder)], capture_output=True, text=True)
    try:
        rows = json.loads(done.stdout)["cases"]
    except ValueError:
        raise SystemExit(f"rnncc test: {done.stdout}{done.stderr}") from None
    return {r["name"]: (r["result"], r.get("reason", "")) for r in rows}


def is_difference(reason):
    """Not a refusal: numbers, a crash, C that does not compile."""
    return bool(re.search(r"test_data_set_\d+: output|killed by|the process ended|runtime error|Sanitizer|cannot compile", reason))


def normal(reason):
    """Without names and numbers: what kind of refusal it is."""
    reason = re.sub(r'^.*?(node|output|input) "[^"]*" ?', "", reason)
    return re.sub(r"[\"'%][A-Za-z0-9_]+[\"']?|-?\d+", "#", reason)[:150]


def run(options):
    totals, refusals, operators = Counter(), Counter(), Counter()
    work = pathlib.Path(options.work)
    for first in range(options.first, options.first + options.count, options.batch):
        count = min(options.batch, options.first + options.count - first)
        folder = work / f"from-{first}"
        shutil.rmtree(folder, ignore_errors=True)
        totals["crashes of the peer"] += len(make_all(first, count, folder))
        for name, (verdict, reason) in run_cases(options.rnncc, folder, options.via, options.jobs, ["--target", options.target]).items():
            facts = json.loads((folder / name / "facts.json").read_text())
            operators.update(facts["ops"])
            kind = "equal"
            if verdict != "pass":
                kind = "different" if is_difference(reason) else "refused"
                if kind == "refused":
                    refusals[normal(reason)] += 1
                print(f"{kind} {name}: {reason}", flush=True)
                if options.keep:
                    shutil.copytree(folder / name, pathlib.Path(options.keep) / kind / name, dirs_exist_ok=True)
            totals[kind] += 1
        shutil.rmtree(folder)
    for reason, n in refusals.most_common():
        print(f"  refused {n}: {reason}")
    if options.verbose:
        print("  nodes: " + ", ".join(f"{op} {n}" for op, n in operators.most_common()))
    graphs = sum(totals[k] for k in ("equal", "different", "refused"))
    print(f"{graphs} graphs: {totals['equal']} equal, {totals['refused']} refused, "
          f"{totals['different']} different; the peer crashed on {totals['crashes of the peer']}")
    return 1 if totals["different"] or not graphs else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("run")
    p.add_argument("first", type=int)
    p.add_argument("count", type=int)
    p.add_argument("--rnncc", required=True)
    p.add_argument("--work", required=True)
    p.add_argument("--keep")
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--via", default="jit")
    p.add_argument("--target", default="native")
    p.add_argument("--batch", type=int, default=50)
    p.add_argument("--verbose", action="store_true")
    p = commands.add_parser("make")
    p.add_argument("first", type=int)
    p.add_argument("count", type=int)
    p.add_argument("folder", type=pathlib.Path)
    p = commands.add_parser("shrink")
    p.add_argument("case", type=pathlib.Path)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--rnncc", required=True)
    p.add_argument("--via", default="jit")
    options = parser.parse_args()
    if options.command == "make":
        make(options.first, options.count, options.folder)
    elif options.command == "run":
        return run(options)
    else:
        import shrink
        return shrink.shrink(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
