"""A formula means what its graph means: random contractions and maps, evaluated both ways."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

import closedform as cf
from closedform.algebra.names import Names
from closedform.algebra.node import Node, contract_node, delta_leaf, map_node
from closedform.algebra.normal_form import chain, hadamard, product, symmetric, transpose
from closedform.algebra.notation import (
    Apply,
    Chain,
    Entries,
    Entry,
    Formula,
    Hadamard,
    Identity,
    IndexSum,
    Kronecker,
    MatrixPower,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Symbol,
    Transpose,
)
from closedform.algebra.scalar import Add, Mul, Pow, Slot, exp, tanh
from closedform.algebra.sums import total
from closedform.algebra.transcription import transcribe

N = 3  # every extent
F64 = np.dtype("float64")
FUNCTIONS = {
    "tr": np.trace,
    "sum": np.sum,
    "norm": lambda a: np.sqrt((a * a).sum()),
    "exp": np.exp,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
}


class Reader:
    """The value of a formula. A vector is a column in chains, and has shape (N,) elsewhere."""

    def __init__(self, values: dict[str, np.ndarray]) -> None:
        self.values = values
        self.indices: dict[Formula, int] = {}

    def read(self, e: Formula):
        return getattr(self, type(e).__name__.lower())(e)

    def number(self, e: Number):
        return float(e.value)

    def symbol(self, e: Symbol):
        return N if e.name == "n" else self.values[e.name]

    def ones(self, e: Ones):
        return np.ones(N)

    def identity(self, e: Identity):
        return np.eye(N)

    def sum(self, e: Sum):
        terms = [np.asarray(self.read(t)) for t in e.terms]
        assert len({t.shape for t in terms if t.ndim}) <= 1, "only scalars broadcast in a sum"
        return sum(terms)

    def product(self, e: Product):
        result = float(e.coefficient)
        for s in e.scalars:
            result = result * self.scalar(s)
        for s in e.below:
            result = result / self.scalar(s)
        return result * (1 if e.array is None else self.read(e.array))

    def scalar(self, e: Formula):
        value = np.asarray(self.read(e))
        assert value.ndim == 0
        return value

    def chain(self, e: Chain):
        result = self.matrix(e.factors[0])
        for f in e.factors[1:]:
            result = result @ self.matrix(f)
        assert {0: (1, 1), 1: (N, 1), 2: (N, N)}[e.order] == result.shape
        return result.reshape((N,) * e.order)

    def matrix(self, e: Formula):
        if isinstance(e, Transpose):
            return self.matrix(e.base).T
        value = np.asarray(self.read(e))
        return value.reshape(N, -1)

    def hadamard(self, e: Hadamard):
        values = [self.read(f) for f in (*e.factors, *e.below)]
        assert len({np.shape(v) for v in values}) == 1, "elementwise products are of one shape"
        result = np.ones(np.shape(values[0]))
        for k, value in enumerate(values):
            result = result * value if k < len(e.factors) else result / value
        return result

    def power(self, e: Power):
        return self.read(e.base) ** self.read(e.exponent)

    def matrixpower(self, e: MatrixPower):
        return np.linalg.matrix_power(self.read(e.base), int(e.exponent))

    def kronecker(self, e: Kronecker):
        return np.einsum("ik,jl->ijkl", self.read(e.left), self.read(e.right))

    def transpose(self, e: Transpose):
        assert e.rank == 2
        return self.read(e.base).T

    def apply(self, e: Apply):
        (a,) = map(self.read, e.args)
        return np.diag(a) if e.word == "diag" else FUNCTIONS[e.word](a)

    def entry(self, e: Entry):
        return self.read(e.base)[tuple(self.indices[i] for i in e.indices)]

    def indexsum(self, e: IndexSum):
        return sum(
            self.at(e.indices, place, e.body)
            for place in itertools.product(range(N), repeat=len(e.indices))
        )

    def entries(self, e: Entries):
        result = np.empty((N,) * len(e.indices))
        for place in np.ndindex(result.shape):
            result[place] = self.at(e.indices, place, e.body)
        return result

    def at(self, indices, place, body):
        before = dict(self.indices)
        self.indices.update(zip(indices, place, strict=True))
        result = self.read(body)
        self.indices = before
        return result


def value(node: Node, values: dict[str, np.ndarray]) -> np.ndarray:
    document = transcribe(node, lambda s: s.name + "'" * s.primes)
    reader = Reader(dict(values))
    for name, definition in document.definitions:
        reader.values[name.name] = reader.read(definition)
    found = np.asarray(reader.read(document.main))
    return np.broadcast_to(found, (N,) * node.ndim) if found.ndim == 0 else found


class Draw:
    """Random graphs over inputs of rank 0 to 3, and their values by NumPy."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.values: dict[str, np.ndarray] = {}

    def leaf(self, rank: int) -> tuple[Node, np.ndarray]:
        if rank == 2 and self.random.random() < 0.15:
            return delta_leaf(cf.vector(shape="n").node.dims[0], F64), np.eye(N)
        name = f"u{len(self.values)}"
        self.values[name] = self.random.uniform(0.5, 2.0, (N,) * rank)
        symmetric = rank == 2 and self.random.random() < 0.3
        if symmetric:
            self.values[name] = self.values[name] + self.values[name].T
        assume = "symmetric" if symmetric else ()
        return cf.tensor(name, ("n",) * rank, assume=assume).node, self.values[name]

    def contraction(self, ranks: list[int], operands=None) -> tuple[Node, np.ndarray]:
        pairs = operands or [self.leaf(r) for r in ranks]
        labels = int(self.random.integers(1, 5))
        indices = [tuple(int(t) for t in self.random.integers(0, labels, p[0].ndim)) for p in pairs]
        carried = sorted(set().union(*indices))
        count = int(self.random.integers(0, min(3, labels) + 1))
        out = tuple(int(t) for t in self.random.permutation(labels)[:count])
        n = cf.vector(shape="n").node.dims[0]
        node = contract_node(tuple(indices), out, (n,) * labels, F64, *(p[0] for p in pairs))
        everything = [p[1] for p in pairs] + [np.ones(N) for t in range(labels) if t not in carried]
        letters = "abcdef"
        left = ["".join(letters[t] for t in i) for i in indices]
        left += [letters[t] for t in range(labels) if t not in carried]
        right = "".join(letters[t] for t in out)
        return node, np.einsum(f"{','.join(left)}->{right}", *everything)

    def map(self, operands) -> tuple[Node, np.ndarray]:
        rank = max(p[0].ndim for p in operands)
        rank = rank if rank > 2 else max(rank, int(self.random.integers(0, 3)))
        indices = [
            tuple(int(t) for t in self.random.permutation(rank)[: p[0].ndim]) for p in operands
        ]
        n = cf.vector(shape="n").node.dims[0]
        s = [Slot(k) for k in range(len(operands))]
        views = [self.spread(p[1], i, rank) for p, i in zip(operands, indices, strict=True)]
        bodies = [
            (Add(s[0], Mul(-2, s[1])), lambda a, b: a - 2 * b),
            (Mul(s[0], Pow(Add(1, s[1]), -1)), lambda a, b: a / (1 + b)),
            (Mul(tanh(s[0]), s[1], s[0]), lambda a, b: np.tanh(a) * b * a),
            (exp(Mul(-1, Pow(s[0], 2), s[1])), lambda a, b: np.exp(-(a**2) * b)),
            (Add(1, Mul(s[0], Add(1, s[1]))), lambda a, b: 1 + a * (1 + b)),
        ]
        body, meaning = bodies[int(self.random.integers(len(bodies)))]
        node = map_node(body, tuple(indices), (n,) * rank, F64, *(p[0] for p in operands))
        return node, meaning(*views)

    @staticmethod
    def spread(a: np.ndarray, index: tuple[int, ...], rank: int) -> np.ndarray:
        result = np.empty((N,) * rank)
        for place in np.ndindex(result.shape):
            result[place] = a[tuple(place[t] for t in index)]
        return result


@pytest.mark.parametrize("seed", range(300))
def test_contractions_mean_what_einsum_means(seed) -> None:
    draw = Draw(seed)
    ranks = [
        int(r) for r in draw.random.choice(4, draw.random.integers(1, 5), p=[0.1, 0.35, 0.45, 0.1])
    ]
    node, expected = draw.contraction(ranks)
    np.testing.assert_allclose(value(node, draw.values), expected, rtol=1e-10)


@pytest.mark.parametrize("seed", range(300))
def test_graphs_mean_what_numpy_means(seed) -> None:
    draw = Draw(1000 + seed)
    ranks = [int(r) for r in draw.random.choice(3, 3)]
    first, second = draw.contraction(ranks), draw.leaf(int(draw.random.integers(0, 3)))
    middle = draw.map([first, second])
    if middle[0].ndim <= 2 and draw.random.random() < 0.6:
        last = draw.contraction([], [middle, draw.leaf(int(draw.random.integers(0, 3)))])
    else:
        last = draw.map([middle, middle])
    np.testing.assert_allclose(value(last[0], draw.values), last[1], rtol=1e-9)


u, v = Symbol("u", 1), Symbol("v", 1)
A, B, S = Symbol("A", 2), Symbol("B", 2), Symbol("S", 2, symmetric=True)
SYMMETRIC = [
    S,
    Identity(),
    MatrixPower(S, "-1"),
    MatrixPower(chain([transpose(A), S, A], 2), "-1"),
    chain([u, transpose(u)], 2),
    total([chain([A, B], 2), chain([transpose(B), transpose(A)], 2)]),
    product([Number(Fraction(1, 2))], total([A, S, transpose(A)])),
    hadamard([A, transpose(A), S]),
    Power(S, Number(Fraction(3))),
    Apply("exp", (S,), 2),
    Apply("diag", (v,), 2),
]
CHANGED = [A, chain([A, S], 2), MatrixPower(A, "-1"), chain([u, transpose(v)], 2),
           total([A, B]), hadamard([A, S]), Apply("exp", (A,), 2),
           Apply("cholesky", (S,), 2)]  # fmt: skip


@pytest.mark.parametrize("e", SYMMETRIC, ids=repr)
def test_a_symmetric_matrix_is_its_transpose(e) -> None:
    assert transpose(e) == e and symmetric(e)


@pytest.mark.parametrize("e", CHANGED, ids=repr)
def test_another_matrix_is_not(e) -> None:
    assert transpose(e) != e and not symmetric(e)
    assert transpose(transpose(e)) == e


def test_names_are_unique() -> None:
    names = Names(lambda s: s.name + "'" * s.primes)
    xs = [cf.scalar("w").node for _ in range(10)]
    names.claim(xs)
    assert len({names.variable(x) for x in xs}) == 10
