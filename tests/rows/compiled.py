"""A model's generated C in this process: compiled to a shared library, its functions called on NumPy arrays.

What a function takes is read from the generated header, as a person would read it: the prototype for the order of the
arguments, the lines "in x: float[T][5]" and "out y: float[T][7]" above it for the shapes.
"""
import ctypes
import os
import re
import subprocess

import numpy as np

TYPES = {"float": np.float32, "double": np.float64, "int64_t": np.int64, "int32_t": np.int32, "uint8_t": np.uint8}
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]


class Failure(Exception):
    """What a level expected and did not get."""


def call(command, cwd=None):
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd)
    if p.returncode:
        raise Failure("%s: status %d: %s" % (" ".join(command[:2]), p.returncode, " | ".join(p.stdout.split("\n"))[:300]))
    return p.stdout


class Function:
    def __init__(self, name, comment, arguments):
        self.name, self.shapes, known = name, {}, {}
        line = re.compile(r"\* +(in|out) +(\w+): (\w+)((?:\[[^\]]*\])*)(?:   (\S+))?$", re.M)
        for direction, c, kind, dims, array in line.findall(comment):
            array = array or c  # the model's name is there where C's is another
            self.shapes[array] = direction, TYPES[kind], re.findall(r"\[([^\]]*)\]", dims)
            known[c] = array
        self.arguments = []  # (what, name): dim, in, out, state, workspace; names as in the model
        for a in arguments.split(","):
            name = re.search(r"(\w+)$", a).group(1)
            if "*" not in a:
                self.arguments.append(("dim", name))
            elif name in ("workspace", "state", "weights"):
                self.arguments.append((name, name))
            else:
                self.arguments.append((self.shapes[known[name]][0], known[name]))

    def names(self, what):
        return [name for kind, name in self.arguments if kind == what]

    def shape(self, name, dims):
        return tuple(int(eval(d, {"__builtins__": {}}, dict(dims))) for d in self.shapes[name][2])


class Library:
    """The files PREFIX.c and PREFIX.h in `directory`, compiled."""

    def __init__(self, directory, prefix="m", compiler=("gcc", "-std=c99", "-O1"), threads=False):
        self.prefix, self.directory, self.weights = prefix, directory, None
        path, source = os.path.join(directory, prefix + ".so"), os.path.join(directory, prefix + ".c")
        call(list(compiler) + STRICT + ["-ffp-contract=off", "-fPIC", "-shared", source, "-lm", "-o", path]
             + (["-fopenmp"] if threads else []))
        self.path, self.library = path, ctypes.CDLL(path)
        with open(os.path.join(directory, prefix + ".h")) as f:
            self.header = f.read()
        self.functions, comment = {}, ""
        for part in re.findall(r"/\*.*?\*/|^(?:int|void|size_t) \w+\([^;]*\);", self.header, re.S | re.M):
            if part.startswith("/*"):
                comment = part
                continue
            name, arguments = re.match(r"\w+ (\w+)\((.*)\);", part, re.S).groups()
            name = name[len(prefix) + 1:]
            if name in ("run", "batch", "step", "steps"):
                self.functions[name] = Function(name, comment, arguments)

    def with_weights(self, path):
        """The same with the weights of a file; self has them until it gets others."""
        blob = np.fromfile(path, np.uint8)
        memory = np.zeros(blob.size + 64, np.uint8)
        self.blob = memory[-memory.ctypes.data % 64:][:blob.size]
        self.blob[:] = blob
        self.weights = ctypes.c_void_p()
        status = getattr(self.library, self.prefix + "_load")(ctypes.byref(self.weights), ctypes.c_void_p(self.blob.ctypes.data),
                                                              ctypes.c_size_t(blob.size))
        if status:
            raise Failure("%s_load returns %d" % (self.prefix, status))
        return self

    def _workspace(self, name, dims):
        """An aligned workspace full of rubbish."""
        ask = "%s_%sworkspace_bytes" % (self.prefix, "" if name == "run" else name + "_")
        macro = re.search(r"#define %s_%sWORKSPACE_BYTES (\d+)" % (self.prefix.upper(), "" if name == "run" else name.upper() + "_"),
                          self.header)
        if macro:
            size = int(macro.group(1))
        else:
            match = re.search(r"size_t %s\(([^)]*)\);" % ask, self.header)
            if not match:
                return None
            f = getattr(self.library, ask)
            f.restype = ctypes.c_size_t
            size = f(*[ctypes.c_int64(dims[re.search(r"(\w+)$", a).group(1)]) for a in match.group(1).split(",") if a != "void"])
        memory = np.full(size + 64, 0xAB, np.uint8)
        return memory[-memory.ctypes.data % 64:][:size]

    def new_state(self):
        size = re.search(r"typedef struct \{(.*?)\} %s_state;" % self.prefix, self.header, re.S)
        if not size:
            return None
        state = np.full(1 << 16, 0xCD, np.uint8)
        getattr(self.library, self.prefix + "_reset")(ctypes.c_void_p(state.ctypes.data))
        return state

    def prepare(self, name, dims, inputs, state=None):
        """(call, outputs by name): call() makes the call again and again, and gives its status."""
        f = self.functions[name]
        workspace = self._workspace(name, dims)
        arrays, values = {}, []
        for what, argument in f.arguments:
            if what == "dim":
                values.append(ctypes.c_int64(dims[argument]))
                continue
            if what == "weights":
                values.append(ctypes.byref(self.weights))
                continue
            if what in ("workspace", "state"):
                memory = workspace if what == "workspace" else state
                values.append(ctypes.c_void_p(memory.ctypes.data if memory is not None else None))
                continue
            _, kind, _ = f.shapes[argument]
            shape = f.shape(argument, dims)
            if what == "in":
                arrays[argument] = np.ascontiguousarray(inputs[argument], kind)
                if arrays[argument].shape != shape:
                    raise Failure("%s: %s has shape %s, not %s" % (name, argument, arrays[argument].shape, shape))
            else:
                arrays[argument] = np.full(shape, 99, kind)
            values.append(ctypes.c_void_p(arrays[argument].ctypes.data))
        function = getattr(self.library, "%s_%s" % (self.prefix, name))
        memories = workspace, state, arrays  # which `values` point into

        def again(_=memories):
            return function(*values)

        return again, {argument: arrays[argument] for argument in f.names("out")}

    def __call__(self, name, dims, inputs, state=None):
        """The outputs by name. dims: name -> size; inputs: name -> array of the shape that the header says."""
        again, outputs = self.prepare(name, dims, inputs, state)
        status = again()
        if status:
            raise Failure("%s returns %d" % (name, status))
        return outputs
