#!/usr/bin/env python3
"""Files and command lines that are wrong, mutilated or malicious, given to the command in the environment's RNNCC.

Each must end with exit status 1 (2: the command line is at fault) and a message, or, where that is right too, with 0: never
by a signal, an assertion or a sanitizer's report, never after a minute of the processor, never with more than 3 GB, and a
command that fails writes nothing. What is made is the same on every run. Needs nothing but Python.
"""
import io
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import zipfile

from protobuf import data, number

RNNCC, SOURCE = os.environ["RNNCC"], os.environ["RNNCC_SOURCE_DIR"]
SANITIZED = bool(os.environ.get("RNNCC_SANITIZE"))  # it maps terabytes
TOP = os.getcwd()
MEMORY, SECONDS = 3 << 30, 60  # of the processor: what else runs does not count
HANGS = 5 * SECONDS  # of waiting
counts = [0, 0]

# ------------------------------------------------------------------------------------------------ judging


def limit():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def listing(folder):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files)


def judge(what, args, allowed=(1,), says=None, written=()):
    """args: of rnncc. says: what the message must hold. written: folders that stay as they are unless the status is 0."""
    before = [listing(w) for w in written]
    wrong, status, text = None, None, ""
    try:
        done = subprocess.run([RNNCC, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS, preexec_fn=limit)
        status, text = done.returncode, (done.stderr or done.stdout).decode(errors="replace")
    except subprocess.TimeoutExpired:
        wrong = f"did not end within {HANGS} s"
    if wrong is None:
        if status == -signal.SIGXCPU:
            wrong = f"took more than {SECONDS} s of the processor"
        elif status not in allowed:
            wrong = f"status {status}"
        elif any(w in text for w in ("Sanitizer", "runtime error:", "Assertion", "PLEASE submit a bug")):
            wrong = "a report"
        elif status and not text.strip():
            wrong = "no message"
        elif any(c < " " and c not in "\n\t" for c in text):
            wrong = "control characters in the message"
        elif status and len(text) > 1 << 18:
            wrong = f"a message of {len(text)} characters"
        elif status and says and says not in text:
            wrong = f"the message does not say '{says}'"
        elif status and [listing(w) for w in written] != before:
            wrong = "files were written"
    counts[wrong is not None] += 1
    if wrong:
        print(f"FAIL {what}: {wrong}: rnncc {' '.join(args)[:200]}\n  {text.strip()[-500:]}", flush=True)
    return status


def compiles(what, path, allowed=(1,), says=None):
    status = judge(what, ["compile", path, "-o", "out"], allowed, says, ["out"])
    shutil.rmtree("out", ignore_errors=True)
    os.makedirs("out")
    return status


def save(name, content):
    with open(name, "wb") as f:
        f.write(content)
    return name


# ------------------------------------------------------------------------------------------------ ONNX files, both ways


def tensor(name, kind, dims, raw):
    return b"".join(number(1, d) for d in dims) + number(2, kind) + data(8, name) + data(9, raw)


def info(name, kind, dims):
    shape = b"".join(data(1, number(1, d) if isinstance(d, int) else data(2, d)) for d in dims)
    return data(1, name) + data(2, data(1, number(1, kind) + data(2, shape)))


def node(op, inputs, outputs, name="n", attributes=b""):
    return b"".join(data(1, i) for i in inputs) + b"".join(data(2, o) for o in outputs) + data(3, name) + data(4, op) + attributes


def model(nodes, weights=(), inputs=(), outputs=("y",)):
    g = b"".join(data(1, n) for n in nodes) + data(2, "g") + b"".join(data(5, w) for w in weights)
    g += b"".join(data(11, info(*i)) for i in inputs) + b"".join(data(12, data(1, o)) for o in outputs)
    return number(1, 8) + data(7, g) + data(8, number(2, 14))


def structure(content):
    """Where the bytes are that are not weights: tags, lengths, short fields."""
    places = []

    def walk(at, end, depth):
        found = []
        while at < end:
            start = at
            key = shift = 0
            while at < end:
                key |= (content[at] & 127) << shift
                shift += 7
                at += 1
                if not content[at - 1] & 128:
                    break
            wire, size = key & 7, 0
            if wire == 0:
                while at < end and content[at] & 128:
                    at += 1
                at += 1
            elif wire == 2:
                shift = 0
                while at < end:
                    size |= (content[at] & 127) << shift
                    shift += 7
                    at += 1
                    if not content[at - 1] & 128:
                        break
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            else:
                return None
            if at + size > end or key >> 3 == 0 or key >> 3 > 40:
                return None
            found += range(start, at)
            if wire == 2:
                inner = walk(at, at + size, depth + 1) if depth < 12 and size else None
                found += inner if inner is not None else range(at, at + min(size, 64))
                at += size
        return found

    places = walk(0, len(content), 0)
    assert places
    return places


# ------------------------------------------------------------------------------------------------ what is tried


def mutilated(path, n_cut, n_changed):
    """Cut short, and with bytes changed, removed, doubled: any status but a crash."""
    name = os.path.basename(os.path.dirname(path)) if path.endswith("model.onnx") else os.path.basename(path)
    content = open(path, "rb").read()
    places, rng = structure(content), random.Random(name)
    for k in range(n_cut):
        at = rng.choice(places) if k % 2 else rng.randrange(len(content))
        compiles(f"{name} cut at {at}", save("mutant.onnx", content[:at]), (0, 1))
    for k in range(n_changed):
        mutant = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.choice(places)
            kind = rng.randrange(6)
            if at >= len(mutant):
                continue
            if kind == 0:
                del mutant[at]
            elif kind == 1:
                mutant.insert(at, rng.randrange(256))
            elif kind == 2:
                mutant[at] = rng.choice((0, 1, 127, 128, 255))
            elif kind == 3:
                mutant[at] ^= 1 << rng.randrange(8)
            else:
                mutant[at] = content[rng.choice(places)]
        compiles(f"{name} mutant {k}", save("mutant.onnx", bytes(mutant)), (0, 1))


def large_and_deep():
    nested = b""
    for level in range(100000):
        nested = data((6, 5, 1)[level % 3], nested)
        if len(nested) > 54000 and level % 3 == 2:
            break
    compiles("54 KB nested", save("nested.onnx", number(1, 8) + data(7, nested) + data(8, number(2, 14))), says="nested")
    compiles("10 MB of empty nodes", save("empty.onnx", number(1, 8) + data(7, data(1, b"") * (5 << 20)) + data(8, number(2, 14))))
    compiles("10 MB of empty tensors", save("empty.onnx", number(1, 8) + data(7, data(5, b"") * (5 << 20)) + data(8, number(2, 14))))
    for name in ("nested.onnx", "empty.onnx"):
        os.remove(name)
    n = 20000 if SANITIZED else 200000  # in MEMORY
    chain = [node("Tanh", [f"v{i}"], [f"v{i + 1}"]) for i in range(n)]
    compiles(f"a chain of {n} nodes", save("chain.onnx", model(chain, (), [("v0", 1, [4])], [f"v{n}"])), (0,))
    layers = [node(("MatMul", "Relu")[i % 2], [f"v{i}", "w"][: 2 - i % 2], [f"v{i + 1}"]) for i in range(4000)]
    compiles("2,000 layers", save("chain.onnx", model(layers, (), [("v0", 1, [4, 4]), ("w", 1, [4, 4])], ["v4000"])), (0,))
    long_sum()
    ladder = [node("Add", [f"v{i}", f"v{i}"], [f"v{i + 1}"]) for i in range(60)]
    compiles("2^60 paths", save("ladder.onnx", model(ladder, (), [("v0", 1, [4])], ["v60"])), (0, 1))
    ladder = [node("MatMul", ["x", "x"], ["v0"])] + ladder
    compiles("2^60 paths to a sum", save("ladder.onnx", model(ladder, (), [("x", 1, [4, 4])], ["v60"])), (0, 1))
    circle = [node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"])]
    compiles("nodes in a circle", save("circle.onnx", model(circle, (), [], ["a"])))


def long_sum():
    """x + x + ... is one tree of additions; the result is exact."""
    n = 3000
    os.makedirs("sum/test_data_set_0")
    adds = [node("Add", [f"v{i}", "v0"], [f"v{i + 1}"]) for i in range(n)]
    save("sum/model.onnx", model(adds, (), [("v0", 1, [4])], [f"v{n}"]))
    for name, what, scale in (("input_0", "v0", 1), ("output_0", f"v{n}", n + 1)):
        save(f"sum/test_data_set_0/{name}.pb", tensor(what, 1, [4], struct.pack("<4f", *(scale * v for v in (1, -2, 3, 0)))))
    for way in ("interpret", "gcc") if shutil.which("gcc") else ("interpret",):
        judge(f"a sum of {n + 1} terms, {way}", ["test", "--via", way, "sum"], (0,))


def dims(*values):
    return tensor("s", 7, [len(values)], struct.pack(f"<{len(values)}q", *values))


def huge():
    big, one = 1 << 40, tensor("v", 1, [1], struct.pack("<f", 1))
    shapes = {
        "weights of 2^62 elements": model([node("Relu", ["w"], ["y"])], [tensor("w", 1, [1 << 31, 1 << 31], b"\0" * 16)]),
        "weights of 2^64 elements": model([node("Relu", ["w"], ["y"])], [tensor("w", 1, [1 << 32, 1 << 32], b"")]),
        "weights of negative size": model([node("Relu", ["w"], ["y"])], [tensor("w", 1, [-4], b"\0" * 16)]),
        "less data than dims": model([node("Relu", ["w"], ["y"])], [tensor("w", 1, [1000], b"\0" * 16)]),
        "ConstantOfShape": model([node("ConstantOfShape", ["s"], ["y"])], [dims(big, big)]),
        "ConstantOfShape of a negative": model([node("ConstantOfShape", ["s"], ["y"])], [dims(-1)]),
        "Expand": model([node("Expand", ["v", "s"], ["y"])], [one, dims(big, 7)]),
        "Tile": model([node("Tile", ["v", "s"], ["y"])], [one, dims(big)]),
        "Pad": model([node("Pad", ["v", "s"], ["y"])], [one, dims(big, big)]),
        "Reshape": model([node("Reshape", ["v", "s"], ["y"])], [one, dims(big, big, 0)]),
        "Range": model([node("Range", ["a", "b", "c"], ["y"])],
                       [tensor(n, 7, [], struct.pack("<q", v)) for n, v in (("a", 0), ("b", big), ("c", 1))]),
        "OneHot": model([node("OneHot", ["i", "d", "o"], ["y"])],
                        [tensor("i", 7, [1], b"\0" * 8), tensor("d", 7, [], struct.pack("<q", big)), tensor("o", 1, [2], b"\0" * 8)]),
        "an input of 2^40 floats, and its square": model([node("MatMul", ["x", "x"], ["y"])], (), [("x", 1, [1 << 20, 1 << 20])]),
        "an input of 2^80 floats": model([node("Relu", ["x"], ["y"])], (), [("x", 1, [big, big])]),
    }  # fmt: skip
    for name, content in shapes.items():
        compiles(f"huge: {name}", save("huge.onnx", content), (0, 1))
        judge(f"huge, run: {name}", ["run", "--via", "interpret", "huge.onnx"], (0, 1))


def external():
    os.makedirs("inside", exist_ok=True)
    save("secret.bin", b"\0" * 64)
    save("inside/data.bin", b"\0" * 64)
    if not os.path.islink("inside/link.bin"):
        os.symlink("../secret.bin", "inside/link.bin")
        os.symlink("..", "inside/up")

    def weights(**entries):
        w = b"".join(number(1, d) for d in (4,)) + number(2, 1) + data(8, "w")
        return w + b"".join(data(13, data(1, k) + data(2, str(v))) for k, v in entries.items()) + number(14, 1)

    good = model([node("Relu", ["w"], ["y"])], [weights(location="data.bin", length=16)])
    compiles("external data beside the model", save("inside/model.onnx", good), (0,))
    for name, entries in {
        "absolute": {"location": os.path.abspath("secret.bin")},
        "above": {"location": "../secret.bin"},
        "above, further in": {"location": "x/../../secret.bin"},
        "a symbolic link out": {"location": "link.bin"},
        "a linked folder": {"location": "up/secret.bin"},
        "a device": {"location": "/dev/zero"},
        "missing": {"location": "none.bin"},
        "the folder": {"location": "."},
        "no location": {"length": 16},
        "empty": {"location": ""},
        "an offset behind the end": {"location": "data.bin", "offset": 1 << 40},
        "a negative offset": {"location": "data.bin", "offset": -16},
        "an offset that overflows": {"location": "data.bin", "offset": (1 << 63) - 1, "length": 16},
        "a length behind the end": {"location": "data.bin", "length": 1 << 40},
        "a length that is none": {"location": "data.bin", "length": "sixteen"},
        "a name of a megabyte": {"location": "x" * (1 << 20)},
    }.items():
        entries.setdefault("length", 16)
        compiles(f"external data: {name}", save("inside/model.onnx", model([node("Relu", ["w"], ["y"])], [weights(**entries)])))


def names():
    """Names that are hostile to C, to comments, to terminals; what is generated must compile."""
    cc = shutil.which("cc")
    for name, text in {
        "comment": "*/ #error x /*", "newline": "a\n#error b\n", "backslash": "a\\", "trigraph": "a??/", "quote": 'a"b\'c',
        "escape": "\x1b[2J\x07", "keyword": "int", "reserved": "workspace", "function": "main", "digits": "0123", "blank": " ",
        "same but one": "a.b", "utf-8": "größe→", "not utf-8": b"\xff\xfe\x80", "percent": "%s%n%d", "long": "n" * 100000,
    }.items():  # fmt: skip
        text = text.encode() if isinstance(text, str) else text
        nodes = [node("Relu", [text], [text + b"_b"], text), node("Add", [text + b"_b", "a_b"], [text + b"!"], text)]
        content = model(nodes, (), [(text, 1, [text, 3]), ("a_b", 1, [text, 3])], [text + b"!"])
        if compiles(f"names: {name}", save("names.onnx", content), (0, 1)) == 0 and cc:
            judge_c(name)


def judge_c(name):
    subprocess.run([RNNCC, "compile", "names.onnx", "-o", "out"], capture_output=True)
    sources = [f for f in listing("out") if f.endswith(".c")]
    done = subprocess.run(["cc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Iout", *sources], capture_output=True)
    counts[done.returncode != 0] += 1
    if done.returncode:
        print(f"FAIL names: {name}: the C does not compile:\n{done.stderr.decode(errors='replace')[:600]}", flush=True)
    shutil.rmtree("out")
    os.makedirs("out")


def npy(header, body=b"", version=1):
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + body


def tensors():
    save("abs.onnx", model([node("Abs", ["x"], ["y"])], (), [("x", 1, [2, 3])]))
    six = b"\0" * 24
    good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    judge("a good .npy", ["run", "--via", "interpret", "abs.onnx", save("x.npy", npy(good, six))], (0,))
    bad = {
        "empty": b"", "magic only": b"\x93NUMPY", "no header": npy(""), "not a dict": npy("7"), "cut": npy(good, six[:20]),
        "more": npy(good, six * 2), "a header longer than the file": b"\x93NUMPY\x01\0\xff\xff" + good.encode(),
        "huge": npy(good.replace("2, 3", "4294967296, 4294967296"), six), "negative": npy(good.replace("2, 3", "-2, -3"), six),
        "objects": npy(good.replace("<f4", "|O"), six), "unknown type": npy(good.replace("<f4", "<f3"), six),
        "nested": npy("(" * 60000, six), "version 9": npy(good, six, 9), "wrong shape": npy(good.replace("2, 3", "6,"), six),
        "wrong type": npy(good.replace("<f4", "<f8"), six * 2), "1000 dims": npy(good.replace("2, 3", "1, " * 1000), b"\0" * 4),
        "zeros": b"\0" * 1000,
    }  # fmt: skip
    for name, content in bad.items():
        judge(f".npy: {name}", ["run", "--via", "interpret", "abs.onnx", save("x.npy", content)], (1,))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("x.npy", npy(good.replace("2, 3", "536870912,"), b"\0" * (1 << 20)))
    zipped = archive.getvalue()
    for name, content in {"empty": b"", "not one": b"PK\3\4" + b"\0" * 100, "cut": zipped[:500], "as it is": zipped,
                          "lies about its size": zipped.replace(struct.pack("<I", (1 << 20) + 80 - 3), struct.pack("<I", 0xFFFFFFF0))}.items():  # fmt: skip
        judge(f".npz: {name}", ["run", "--via", "interpret", "abs.onnx", save("x.npz", content)], (1,))
    for name, content in {
        "zeros": b"\0" * 64, "cut": tensor("x", 1, [2, 3], six)[:-3], "huge": tensor("x", 1, [1 << 40, 1 << 40], six),
        "negative": tensor("x", 1, [-2, -3], six), "no type": tensor("x", 0, [2, 3], six), "type 99": tensor("x", 99, [2, 3], six),
        "strings": tensor("x", 8, [2, 3], six), "external": tensor("x", 1, [2, 3], b"") + data(13, data(1, "location") + data(2, "/etc/passwd")) + number(14, 1),
        "less data": tensor("x", 1, [2, 3], six[:20]),
    }.items():  # fmt: skip
        judge(f".pb: {name}", ["run", "--via", "interpret", "abs.onnx", save("x.pb", content)], (1,))
    os.makedirs("case/test_data_set_0", exist_ok=True)
    shutil.copy("abs.onnx", "case/model.onnx")
    judge("a case without data", ["test", "case"], (0, 1))
    save("case/test_data_set_0/input_0.pb", b"\xff" * 10)
    save("case/test_data_set_0/output_0.pb", b"")
    judge("a case of garbage", ["test", "--via", "interpret", "case"], (1,), None)


def text_forms():
    for name, content in {"empty": b"", "binary": bytes(range(256)), "brackets": b"(" * 200000, "a line of a megabyte": b"x" * (1 << 20)}.items():
        judge(f".ir: {name}", ["opt", save("x.ir", content)])
    for path in ("", ".", "/dev/null", "none.onnx", "out", "x.txt"):
        for command in ("compile", "run", "inspect", "opt", "bench"):
            judge(f"{command} '{path}'", [command, path] + (["-o", "out"] if command == "compile" else []), (1, 2), None, ["out"])


def command_lines():
    langid = os.path.join(SOURCE, "models/langid.onnx")
    for args in (
        [], [""], ["nothing"], ["--nothing"], ["compile"], ["run"], ["test"], ["inspect"], ["opt"], ["bench"], ["compile", "--nothing", "x"],
        ["compile", "a", "b"], ["compile", langid, "--target"], ["compile", langid, "--target", "z80"], ["compile", langid, "-O9"],
        ["compile", langid, "-O"], ["compile", langid, "--threads", "0"], ["compile", langid, "--threads", "99999999999999999999"],
        ["compile", langid, "--dim", "T"], ["compile", langid, "--dim", "T=-1"], ["compile", langid, "--dim", "T=5..2"],
        ["compile", langid, "--dim", "=3"], ["compile", langid, "--weights", "none"], ["compile", langid, "--name", "1x"],
        ["compile", langid, "--name", ""], ["compile", langid, "--dtype", "f16"], ["compile", langid, "--bind", "x"],
        ["compile", langid, "--state", "x"], ["run", langid, "--via", "magic"], ["run", langid, "--seed", "x"], ["test", "--jobs", "0", "x"],
        ["test", "--rtol", "x", "y"], ["-" * 100000], ["compile", langid, "--" + "x" * 100000],
    ):  # fmt: skip
        judge(f"command line {[a[:40] for a in args]}", args, (2,), None, [TOP])
    texts = save("texts.onnx", model([node("Identity", ["t"], ["y"])], (), [("t", 8, ["N"])]))
    for value in ('["a"] b', '["a\\u0000"]', '["a"', '{"a": 1}["b"]'):
        judge(f"--bind t={value}", ["compile", texts, "--bind", f"t={value}", "-o", "out"], (1,), None, ["out"])
    for args in (
        ["compile", langid, "--dim", "NONE=3", "-o", "out"], ["compile", langid, "--bind", "none=3", "-o", "out"],
        ["compile", langid, "--state", "scores=text", "-o", "out"], ["compile", langid, "--state", "none=text", "-o", "out"],
        ["compile", langid, "-o", "/proc/none"], ["compile", langid, "-o", "abs.onnx"], ["compile", langid, "--stop-after", "none", "-o", "out"],
        ["compile", langid, "--dim", "T=9223372036854775807", "-o", "out"],
        ["compile", os.path.join(SOURCE, "tests/cases/lstm_forward/model.onnx"), "--dim", f"B={(1 << 53) + 1}", "-o", "out"],
        ["opt", langid, "--pass", "none"], ["run", langid, "none.npy"], ["run", langid, "abs.onnx"], ["run", langid, "--bind", "text=none.npy"], ["run", langid, "--bind", "text=1,x"], ["bench", langid, "--data", "none"],
        ["test", "none"], ["test", "--filter", "zzz", "case"],
    ):  # fmt: skip
        judge(f"command line {[a[-40:] for a in args]}", args, (1, 2), None, ["out"])


def main():
    os.makedirs("out", exist_ok=True)
    large_and_deep()
    huge()
    external()
    names()
    tensors()
    text_forms()
    command_lines()
    mutilated(os.path.join(SOURCE, "models/langid.onnx"), 40, 160)
    for name, n in (("scan_minimal_gated_unit", 80), ("loop_until", 80), ("if_forward_or_reverse", 60), ("stacked_lstm", 60)):
        mutilated(os.path.join(SOURCE, "tests/cases", name, "model.onnx"), 10, n)
    print(f"{counts[0]} passed, {counts[1]} failed")
    return counts[1] > 0


raise SystemExit(main())
