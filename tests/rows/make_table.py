#!/usr/bin/env python3
"""The table of models/README.md: each row, its model, what its first comment says, what its reference was held against,
whether it streams, and the levels that the test expects.

    tests/rows/make_table.py            rewrites the table
    tests/rows/make_table.py --check    status 1 where the file does not have it
"""
import os
import re
import sys

import references

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "models")
PAGE = os.path.join(MODELS, "README.md")
BEGIN, END = "<!-- made by tests/rows/make_table.py -->\n", "<!-- end -->\n"


def source(model):
    """The head of a model's comment: what it is, and from where."""
    head = []
    with open(os.path.join(MODELS, model + ".rnn")) as f:
        for line in f:
            if not re.match(r"# \S", line):
                break
            head.append(line[2:].strip())
    return " ".join(head).replace("|", "\\|")


def table():
    expected = {}
    with open(os.path.join(HERE, "..", "expected", "rows.txt")) as f:
        for row, model, level in map(str.split, f):
            expected.setdefault(model, []).append(level)
    with open(os.path.join(HERE, "check_torch.py")) as f:
        in_torch = set(re.findall(r'^    "(\w+)":', f.read(), re.M))
    lines = ["| row | model | what, and from where | reference | streams | passes |\n", "|---|---|---|---|---|---|\n"]
    for r in references.ROWS:
        levels = " ".join(l for l in "FOSPN" if l in expected.get(r.model, []))
        lines.append("| %s | [%s](%s.rnn) | %s | %s | %s | %s |\n" % (
            r.name, r.model, r.model, source(r.model), "PyTorch" if r.model in in_torch else "NumPy", "yes" if r.streams else "no", levels))
    return "".join(lines)


def main():
    with open(PAGE) as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    new = before + BEGIN + table() + END + rest.split(END)[1]
    if "--check" in sys.argv:
        print("1 passed, 0 failed" if new == text else "FAIL models/README.md is stale: run tests/rows/make_table.py\n0 passed, 1 failed")
        sys.exit(new != text)
    with open(PAGE, "w") as f:
        f.write(new)


if __name__ == "__main__":
    main()
