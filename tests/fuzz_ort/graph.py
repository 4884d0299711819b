"""Graphs under construction: every node is run by the peer as soon as it is made, so that all values are known.

With each float value goes an estimate of how far two right answers may be apart (err, one number an element; None: not at
all).  It is found by running the node again on operands that are off by their own err: no operator needs a rule of its own.
What is too ill-conditioned, or jumps within err (a floor, a comparison, a sort), is not made part of the graph.
"""
import numpy as np
from onnx import AttributeProto, TensorProto as T
from onnx import helper

import divergences
import peer
from rng import Rng

FLOATS = [T.FLOAT, T.DOUBLE, T.FLOAT16]
SIGNED = [T.INT8, T.INT16, T.INT32, T.INT64]
UNSIGNED = [T.UINT8, T.UINT16, T.UINT32, T.UINT64]
INTS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTS
ANY = NUMBERS + [T.BOOL]
WEIGHTS = {T.FLOAT: 12, T.DOUBLE: 2, T.FLOAT16: 2, T.BFLOAT16: 1, T.INT8: 1, T.INT16: 1, T.INT32: 2, T.INT64: 3,
           T.UINT8: 1, T.UINT16: 1, T.UINT32: 1, T.UINT64: 1, T.BOOL: 1}
EPSILON = {T.FLOAT: 2.0**-23, T.DOUBLE: 2.0**-52, T.FLOAT16: 2.0**-10, T.BFLOAT16: 2.0**-7}
# Integers and fractions of so few bits that sums of products of them are exact in any order.
EXACT_STEP = {T.FLOAT: 2.0**-6, T.DOUBLE: 2.0**-6, T.FLOAT16: 1.0, T.BFLOAT16: 1.0}
EXACT_MOST = {T.FLOAT: 2.0**10, T.DOUBLE: 2.0**10, T.FLOAT16: 32.0, T.BFLOAT16: 8.0}
LARGEST = {T.FLOAT: 1e6, T.DOUBLE: 1e6, T.FLOAT16: 1e3, T.BFLOAT16: 1e3}
MOST_ELEMENTS = 4000
# No rounding of their own: they move values, or give one of their operands.
MOVING = set("""Abs Neg Floor Ceil Round Sign Relu Clip Min Max Identity Cast CastLike Where Reshape Flatten Squeeze Unsqueeze
    Transpose Concat Split Expand Tile Slice Pad Gather GatherElements GatherND ScatterND ScatterElements Scatter DepthToSpace
    SpaceToDepth ReverseSequence Trilu EyeLike Shape Size ConstantOfShape OneHot NonZero Compress Unique TopK ArgMax ArgMin
    ReduceMax ReduceMin MaxPool GlobalMaxPool MaxRoiPool MaxUnpool Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor Not
    IsNaN IsInf BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift Constant Dropout CenterCropPad ThresholdedRelu
    Hardmax NonMaxSuppression TensorScatter SequenceConstruct SequenceAt SequenceInsert SequenceErase
    ConcatFromSequence SplitToSequence SequenceLength SequenceEmpty Col2Im Range""".split())
# Exact where operands and results are of few bits.
NAN_MAKERS = set("Log Sqrt Asin Acos Atanh Acosh Div Mod Pow Reciprocal ReduceMin ReduceMax Cast".split())
ADDING = set("Add Sub Mul Sum ReduceSum MatMul Gemm Conv ConvTranspose Einsum CumSum ReduceProd Range".split())


class Reject(Exception):
    """Not a node for this graph: try something else."""


class Value:
    __slots__ = ("name", "elem", "array", "err", "leaf", "make", "is_input", "finite")

    def __init__(self, name, elem, array, err=None, leaf=False, make=None, is_input=False):
        self.name, self.elem, self.array, self.err = name, elem, array, err
        self.leaf, self.make, self.is_input = leaf, make, is_input
        self.finite = elem not in EPSILON or bool(np.isfinite(array).all())

    @property
    def shape(self):
        return list(self.array.shape)

    @property
    def rank(self):
        return self.array.ndim



def exactly_few(value):
    if value.elem not in EPSILON:
        return True
    if value.err is not None or not value.finite:
        return False
    x = value.array.astype(np.float64)
    return not x.size or (np.all(x == np.round(x / EXACT_STEP[value.elem]) * EXACT_STEP[value.elem])
                          and np.abs(x).max() <= EXACT_MOST[value.elem])


def attr_graphs(node):
    return [a.g for a in node.attribute if a.type == AttributeProto.GRAPH]


def free_names(nodes, defined=()):
    """What nodes use and do not define, in order."""
    known, free = set(defined), {}
    for node in nodes:
        for name in node.input:
            if name and name not in known:
                free[name] = None
        for g in attr_graphs(node):
            inner = {i.name for i in g.input} | {i.name for i in g.initializer} | known
            for name in free_names(g.node, inner):
                free[name] = None
            made = {o for n in g.node for o in n.output}
            for o in g.output:
                if o.name not in inner and o.name not in made:
                    free[o.name] = None
        known.update(node.output)
    return list(free)


def all_ops(node):
    yield node.op_type
    for g in attr_graphs(node):
        for n in g.node:
            yield from all_ops(n)


def perturbed(rng, value, inexact, flip):
    """The operand, off by its err."""
    if value.elem not in EPSILON or (value.err is None and not inexact):
        return value.array
    x = value.array.astype(np.float64)
    off = np.zeros(x.shape) if value.err is None else value.err
    if inexact:
        off = np.maximum(off, np.abs(np.where(np.isfinite(x), x, 0)) * EPSILON[value.elem])
    sign = np.where(rng.array_bits(x.size).reshape(x.shape) & np.uint64(1), 1.0, -1.0) * flip
    y = np.where(np.isfinite(x), x + sign * off, x)
    if flip < 0 and value.err is not None:
        y = np.where(y == 0, -y, y)  # and of zero the other one
    return y.astype(value.array.dtype)


def same_specials(a, b):
    return np.array_equal(np.isnan(a), np.isnan(b)) and np.array_equal(a[np.isinf(a)], b[np.isinf(a)]) \
        and np.array_equal(np.isinf(a), np.isinf(b))


def evaluate(node, opset, values, rng):
    """Runs node on values ({name: Value} of all that it uses).  Gives [(name, elem, array, err)] of its outputs."""
    names = free_names([node])
    why = divergences.known(node, values, opset)
    if why:
        raise Reject(why)
    ops = list(all_ops(node))
    moving, adding = all(o in MOVING for o in ops), all(o in MOVING or o in ADDING for o in ops)
    inexact = not moving and not adding
    operands = [values[n] for n in names]
    fed = [v for v in operands if not v.leaf or v.is_input]
    constants = [peer.to_tensor(v.array, v.elem, v.name) for v in operands if v.leaf and not v.is_input]
    outputs = [o for o in node.output if o]
    session = peer.Session([node], opset, {v.name: (v.elem, v.shape) for v in fed}, constants, outputs)
    results = session.run({v.name: v.array for v in fed})
    floats = [v for v in fed if v.elem in EPSILON]
    others = []
    if floats and (inexact or any(v.err is not None for v in floats)):
        for flip in (1.0, -1.0, 1.0):
            others.append(session.run({v.name: perturbed(rng, v, inexact, flip) for v in fed}))
    few = adding and all(exactly_few(v) for v in operands)
    made = []
    for k, (name, array) in enumerate(zip(outputs, results)):
        elem = session.types[name]
        if array.size > MOST_ELEMENTS:
            raise Reject("too large")
        for other in others:
            if other[k].shape != array.shape:
                raise Reject("a shape that rounding decides")
        if elem not in EPSILON:
            if any(not np.array_equal(o[k], array) for o in others):
                raise Reject("an integer that rounding decides")
            made.append((name, elem, array, None))
            continue
        y = array.astype(np.float64)
        finite = np.isfinite(y)
        if y[finite].size and np.abs(y[finite]).max() > LARGEST[elem]:
            raise Reject("large")
        err = np.zeros(y.shape)
        with np.errstate(invalid="ignore"):
            for other in others:
                z = other[k].astype(np.float64)
                if not same_specials(y, z):
                    raise Reject("a special value that rounding decides")
                err = np.maximum(err, np.where(finite, np.abs(z - y), 0))
        if not finite.all() and node.op_type not in NAN_MAKERS and all(v.finite for v in operands):
            raise Reject("not finite, of finite numbers")
        own = 0.0 if moving else 4 * EPSILON[elem]
        err = 2 * err + own * np.abs(np.where(finite, y, 0))
        if divergences.ROUGH.intersection(ops) and elem == T.DOUBLE:
            err += EPSILON[T.FLOAT] * np.abs(y[finite]).max(initial=1.0)
        if divergences.CANCELLING.intersection(ops):
            err += 8 * EPSILON[elem] * np.abs(y[finite]).max(initial=1.0)
        exact = not err.any() if moving else few
        if few and not moving and y.size:
            step = EXACT_STEP[elem] ** 2
            exact = bool(finite.all()) and np.abs(y).max() * 4 < step / EPSILON[elem] and np.all(y == np.round(y / step) * step)
        if not exact and err.size:
            scale = np.abs(y[finite]).max() if finite.any() else 0
            rough = T.FLOAT if divergences.ROUGH.intersection(ops) else elem
            if err.max() > 32 * max(EPSILON[rough], EPSILON[elem]) ** 0.75 * max(scale, 1e-3):
                raise Reject("ill-conditioned")
        made.append((name, elem, array, None if exact else err))
    return made


class Builder:
    """A graph, or a body within one (parent)."""

    def __init__(self, rng, opset, parent=None):
        self.rng, self.opset, self.parent = rng, opset, parent
        self.root = parent.root if parent else self
        self.nodes, self.own = [], []
        if not parent:
            self.counter, self.values, self.refused = 0, {}, {}
            self.symbols = {}  # size -> name

    # ---- values

    def visible(self):
        return (self.parent.visible() if self.parent else []) + self.own

    def name(self, prefix):
        self.root.counter += 1
        return f"{prefix}{self.root.counter}"

    def add(self, value):
        self.own.append(value)
        self.root.values[value.name] = value
        return value

    def leaf(self, elem, shape, kind="any", constant=None, lo=None, hi=None):
        """A graph input, a constant of the graph, or, in a body, a Constant there.  constant=None: any of these."""
        rng = self.rng
        salt = rng.bits()

        def make(shape):
            return np.asarray(make_array(Rng(salt), elem, shape, kind, lo, hi))
        array = make(shape)
        if constant is None:
            constant = rng.chance(0.4)
        if self.parent and constant and rng.chance(0.5) and elem != T.BFLOAT16:
            return self.constant(array, elem)
        value = Value(self.name("x" if not constant else "w"), elem, array, None, True, make, not constant)
        return self.root.add(value)

    def constant(self, array, elem):
        """Exactly these numbers: an initialiser, or a Constant node."""
        array = np.asarray(array, peer.NUMPY[elem])
        if self.parent or self.rng.chance(0.1):
            name = self.name("k")
            self.nodes.append(helper.make_node("Constant", [], [name], value=peer.to_tensor(array, elem, "")))
            value = Value(name, elem, array, None, True)
            return self.add(value)
        return self.add(Value(self.name("w"), elem, array, None, True))

    def ints(self, values, run_time=0.02, elem=T.INT64):
        """An operand that steers: nearly always a constant."""
        array = np.asarray(values, peer.NUMPY[elem])
        if self.rng.chance(run_time):
            return self.root.add(Value(self.name("s"), elem, array, None, True, None, True))
        return self.constant(array, elem)

    def elem(self, types):
        return self.rng.weighted(types, [WEIGHTS[t] for t in types])

    def shape(self, rank=None, most=5):
        rng = self.rng
        if rank is None:
            rank = rng.weighted([0, 1, 2, 3, 4, 5], [1, 3, 5, 5, 3, 1])
        sizes = [1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 0]
        weights = [4, 6, 6, 5, 4, 3, 3, 1, 1, 0.5, 0.4] if rank < 4 else [4, 6, 6, 3, 2, 0, 0, 0, 0, 0, 0.2]
        return [rng.weighted(sizes, weights) for _ in range(rank)]

    def pick(self, types=ANY, rank=None, ok=None, kind="any", shape=None, fresh=0.15, lo=None, hi=None):
        """A value of one of the types; rank: a number or a range (lo, hi); ok: a further wish.  kind, lo, hi: of a fresh one;
        without kind="special" it is finite."""
        rank = (rank, rank) if isinstance(rank, int) else rank
        if not self.rng.chance(fresh):
            found = [v for v in self.visible() if v.elem in types and (rank is None or rank[0] <= v.rank <= rank[1])
                     and (v.finite or kind == "special")
                     and (shape is None or v.shape == list(shape)) and (ok is None or ok(v))
                     and (lo is None or (v.array.size and v.array.min() >= lo and v.array.max() <= hi))]
            if found:
                return self.rng.weighted(found, [1 + i for i in range(len(found))])  # later ones rather
        elem = self.elem(types)
        for _ in range(20):
            at = list(shape) if shape is not None else self.shape(rank and self.rng.between(*rank))
            if ok is None or ok(Value("", elem, np.zeros(at, peer.NUMPY[elem]))):
                return self.leaf(elem, at, kind, lo=lo, hi=hi)
        raise Reject("no operand")

    def partner(self, value, types=None, kind="any", **more):
        """A value that broadcasts with `value`, and is of its type."""
        def fits(v):
            return all(a == b or 1 in (a, b) for a, b in zip(v.shape[::-1], value.shape[::-1]))
        types = types or [value.elem]
        if self.rng.chance(0.6):
            found = [v for v in self.visible() if v.elem in types and fits(v) and (v.finite or kind == "special")
                     and (more.get("lo") is None or (v.array.size and v.array.min() >= more["lo"] and v.array.max() <= more["hi"]))]
            if found:
                return self.rng.choice(found)
        shape = value.shape[self.rng.below(value.rank + 1):] if self.rng.chance(0.4) else value.shape
        shape = [1 if self.rng.chance(0.2) else n for n in shape]
        if self.rng.chance(0.05) and len(shape) < 5:
            shape = [self.rng.between(1, 3)] + shape
        return self.leaf(self.elem(types), shape, kind, **more)

    def within(self, value, lo, hi):
        """value where it is in [lo, hi], else clipped to it."""
        x = value.array
        if not x.size or (value.finite and x.min() >= lo and x.max() <= hi):
            return value
        if self.opset >= 11:
            return self.node("Clip", [value, self.constant(lo, value.elem), self.constant(hi, value.elem)])
        return self.node("Clip", [value], min=float(lo), max=float(hi))

    # ---- nodes

    def node(self, op, inputs, outputs=1, domain="", **attrs):
        """Makes a node and gives its value, or, for several, all of them; outputs: how many, or a list of wanted ones."""
        wanted = [True] * outputs if isinstance(outputs, int) else outputs
        names = [self.name("n") if w else "" for w in wanted]
        while names and not names[-1]:
            names.pop()
        given = [v.name if v is not None else "" for v in inputs]
        while given and not given[-1]:
            given.pop()
        attrs = {k: v for k, v in attrs.items() if v is not None}
        node = helper.make_node(op, given, names, domain=domain, **attrs)
        root = self.root
        signature = (op, self.opset, tuple(v.elem for v in inputs if v is not None))
        if signature in UNSUPPORTED:
            raise Reject("not of the peer")
        try:
            made = evaluate(node, self.opset, root.values, self.rng)
        except peer.Refused as e:
            text = str(e)
            if "NOT_IMPLEMENTED" in text or "Type Error" in text:
                UNSUPPORTED.add(signature)
            root.refused[op] = text
            raise Reject(text) from None
        self.nodes.append(node)
        by_name = {m[0]: self.add(Value(*m)) for m in made}
        results = [by_name.get(n) for n in names] + [None] * (len(wanted) - len(names))
        return results[0] if outputs == 1 else results

    def attempt(self, rule):
        """A rule as a whole or not at all."""
        nodes, own, root_own = len(self.nodes), len(self.own), len(self.root.own)
        try:
            rule(self)
            return True
        except Reject:
            del self.nodes[nodes:], self.own[own:], self.root.own[root_own:]
            return False


UNSUPPORTED = set()


def make_array(rng, elem, shape, kind, lo, hi):
    """any: small fractions of few bits, or arbitrary ones; special: now and then with NaN, infinities and -0; few: of few bits."""
    dtype = peer.NUMPY[elem]
    if elem == T.BOOL:
        return rng.integers(shape, 0, 1).astype(np.bool_)
    if elem in EPSILON:
        how = rng.below(20)
        if lo is not None:
            array = rng.uniform(shape, lo, hi)
        elif kind == "few" or how < 8:
            array = rng.integers(shape, -16, 16) / (4.0 if elem in (T.FLOAT, T.DOUBLE) else 1.0)
        elif kind == "special" and how < 12:
            array = rng.uniform(shape, -2, 2)
            pool = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0]
            picks = rng.integers(shape, 0, 19)
            for i, x in enumerate(pool):
                array = np.where(picks == i, x, array)
        else:
            array = rng.uniform(shape, -2, 2)
        if elem == T.BFLOAT16:
            bits = np.asarray(array, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
            return bits.view(np.float32).reshape(array.shape)
        return array.astype(dtype)
    if lo is None:
        info = np.iinfo(dtype)
        if rng.chance(0.1):
            lo, hi = max(info.min, -(2**62)), min(info.max, 2**62)
        else:
            lo, hi = max(info.min, -9), 9
    return rng.integers(shape, int(lo), int(hi)).astype(dtype)
