"""Saved graphs: complete, new identities, and nothing believed (semantics 6.3)."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import closedform as cf
from closedform.algebra import late, scalar
from closedform.algebra import node as nodes
from closedform.algebra.decoding import parse_body
from closedform.algebra.dims import FreshDim
from closedform.algebra.graph import leaves, topological
from closedform.algebra.serialise import dump, load, prefix
from closedform.algebra.text import pp


def samples() -> dict:
    X, w = cf.matrix("X", shape=("n", 3)), cf.vector("w", shape=3, assume="positive")
    v, M = cf.vector(), cf.matrix("M", dtype="float32")
    z = X @ w
    return {
        "map": cf.where(v > 0, v * 0.3, cf.sigmoid(v) ** 2),
        "contract": cf.einsum("ij,ik->jk", X, X) @ w,
        "reduce": cf.logsumexp(X, axis=1) + X.max(axis=1) + X.argmax(axis=1),
        "layout": v[1::2].sum() + v[::-1][0] + M.reshape(-1)[1:].sum() + M[None, 0].sum(),
        "gradient": cf.grad((z * z * w.sum()).sum(), w, consider_constant=[z]),
        "composite": cf.softmax(X).mean(axis=0),
        "constant": cf.as_tensor([[1.5, float("nan")], [float("inf"), -0.0]]) + cf.as_tensor(True),
        "extent": v.sum() / v.shape[0] + X.shape[0],
        "number": cf.zeros_like(X),
        "interned": cf.Tensor(nodes.delta_leaf(FreshDim(), nodes.FLOAT64)),
        "cast": M.astype("float64").T,
    }


def facts(order: list) -> list:
    return [
        (type(x), x.spec.fields, x.label, x.origin, len(x.equalities), x.dtype, x.ndim)
        + ((x.word.text, [order.index(a) for a in x.word.sources]) if x.word else ())
        for x in order
    ]


@pytest.mark.parametrize("kind", sorted(samples()))
def test_6_3_a_graph_comes_back(kind) -> None:
    tensor = samples()[kind]
    text = dump([tensor.node])
    (again,) = load(text)
    assert pp(again) == pp(tensor) if kind != "gradient" else again.dims[0] == 3
    assert facts(topological([again])) == facts(topological([tensor.node]))
    assert dump([again]) == text == dump([tensor.node]), "the text is a function of the graph"


def test_every_primitive_and_sign_comes_back() -> None:
    for name, row in scalar.PRIMITIVES.items():
        signs = ("positive", "nonnegative", "real")
        count = 3 if row.arity is None else row.arity
        body = scalar.CLASSES[name](*(scalar.Slot(k, signs[k]) for k in range(count)))
        assert parse_body(prefix(body)) is body


def test_identities_are_new_and_kept_apart() -> None:
    x, y = cf.vector("x"), cf.vector("x")
    first, second = load(dump([(x + y).node, y.node])), load(dump([(x + y).node, y.node]))
    assert first[1] in first[0].operands and first[0].operands[0] is not first[1]
    assert not set(first[0].operands) & {*second[0].operands, x.node, y.node}
    assert first[1].dims[0] is not y.node.dims[0], "unknown extents are new too"


def test_named_extents_stay_equal() -> None:
    x = cf.vector("x", shape="n")
    assert load(dump([x.node]))[0].dims == x.node.dims


def test_tensors_of_one_pickle_agree() -> None:
    x, y = cf.vector("x"), cf.vector("y")
    p = cf.exp(x + y)
    cost = (p * x).sum()
    x2, p2, cost2, x3 = pickle.loads(pickle.dumps([x, p, cost, x]))
    inside = topological([cost2.node])
    assert x2.node is x3.node
    assert x2.node in inside and p2.node in inside and x.node not in inside
    assert cf.grad(cost2, p2).shape == p2.shape
    assert x2.shape[0] is p2.node.operands[0].operands[0].dims[0]
    again = pickle.loads(pickle.dumps([x]))
    assert again[0].node is not x2.node, "two pickles give different inputs"


@pytest.fixture
def containers(monkeypatch):
    """Shared variables with state of their own, as `runtime` provides them."""
    made = []

    def make_shared(array, name, broadcastable=None):
        variable = cf.shared(array, name, broadcastable=broadcastable)
        made.append(variable)
        return variable.node

    monkeypatch.setitem(late._verbs, "make_shared", make_shared)
    state = lambda leaf: (leaf.payload.cell[0], leaf.label)  # noqa: E731
    monkeypatch.setitem(late._verbs, "shared_state", state)
    return made


def test_6_3_shared_state_is_made_new_once_per_load(containers) -> None:
    w = cf.shared(np.arange(3.0).reshape(3, 1), "w", broadcastable=(False, True))
    total, alone = load(dump([(w * 2).sum().node, w.node]))
    assert alone in topological([total]) and alone is not w.node
    assert len(containers) == 1 and alone.dims[1] == 1 and alone.label == "w"
    np.testing.assert_array_equal(containers[0].get_value(), w.get_value())
    doubled = next(x for x in topological([total]) if isinstance(x, nodes.Map))
    assert doubled.dims == alone.dims, "operations run over the extents of the new variable"


def test_6_3_unpickled_shared_state_is_new_once_per_pickle() -> None:
    w = cf.shared([1.0, 2.0], "w")
    cost = (w * w).sum()
    cost2, w2 = pickle.loads(pickle.dumps([cost, w]))
    (leaf,) = leaves([cost2.node])
    assert leaf is w2.node and leaf is not w.node
    w2.set_value([5.0, 6.0])
    np.testing.assert_array_equal(w.get_value(), [1.0, 2.0])
    squared = cost2.node.operands[0]
    assert squared.dims == leaf.dims


def test_constants_come_back_bit_for_bit() -> None:
    for dtype in ("bool", "int8", "uint64", "float32", "float64"):
        array = np.array([[0, 1], [2, 3]]).astype(dtype)
        (leaf,) = load(dump([cf.as_tensor(array).node]))
        np.testing.assert_array_equal(leaf.payload, array, strict=True)
        assert not leaf.payload.flags.writeable


def test_6_3_a_chain_100_000_deep_pickles() -> None:
    x = y = cf.vector("x", shape="n")
    for _ in range(100_000):
        y = cf.exp(y)
    x2, y2 = pickle.loads(pickle.dumps([x, y]))
    order = topological([y2.node])
    assert len(order) == 100_001 and order[0] is x2.node


def test_a_long_chain_of_slices_has_extents_defined_by_extents() -> None:
    v = cf.vector("v")
    for _ in range(5000):
        v = v[1:]
    (again,) = load(dump([v.node]))
    dim, steps = again.dims[0], 0
    while dim.definition is not None:
        dim, steps = dim.definition[1], steps + 1
    assert steps == 5000


def test_equal_in_every_process() -> None:
    code = (
        "import closedform as cf\nfrom closedform.algebra.serialise import dump\n"
        "x = cf.vector('x', shape='n', assume=('positive', 'nonnegative'))\n"
        "print(dump([(cf.softmax(x)*x[1:].sum()*0.1).node]))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""} | _path(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(texts) == 1


def _path() -> dict:
    import os

    return {k: v for k, v in os.environ.items() if k == "PYTHONPATH"}


# ---------------------------------------------------------------- damage


def tampered(change) -> str:
    X, w = cf.matrix("X", shape=("n", 3)), cf.vector("w", shape=3)
    tensor = cf.where(X @ w > 0, cf.logsumexp(X, axis=1)[0], 0.25) + cf.as_tensor([1.0]).sum()
    content = json.loads(dump([tensor.node]))
    change(content)
    return json.dumps(content)


def spec(content: dict, kind: str) -> list:
    return next(s for s in content["specs"] if s[0] == kind)


def data_of(content: dict) -> dict:
    return next(n[2] for n in content["nodes"] if n[2:] and "data" in n[2])


DAMAGES = {
    "no version": lambda c: c.pop("version"),
    "version": lambda c: c.update(version=99),
    "format": lambda c: c.update(format="other"),
    "no nodes": lambda c: c.pop("nodes"),
    "roots": lambda c: c.update(roots=[10**6]),
    "negative root": lambda c: c.update(roots=[-1]),
    "forward reference": lambda c: c["nodes"][2].__setitem__(1, [len(c["nodes"]) - 1]),
    "kind": lambda c: spec(c, "Map").__setitem__(0, "Node"),
    "dtype": lambda c: spec(c, "Map").__setitem__(4, "object"),
    "truth": lambda c: spec(c, "Map").__setitem__(5, 1),
    "fields": lambda c: spec(c, "Map").pop(),
    "extent": lambda c: spec(c, "Map").__setitem__(3, ["d9"]),
    "negative extent": lambda c: spec(c, "Leaf").__setitem__(3, [-1]),
    "slot": lambda c: c["bodies"].__setitem__(0, ["s7"]),
    "primitive": lambda c: c["bodies"].__setitem__(0, ["__import__:1", "s0"]),
    "arity": lambda c: c["bodies"].__setitem__(0, ["exp:2", "s0", "s0"]),
    "spare": lambda c: c["bodies"].__setitem__(0, ["s0", "s0"]),
    "empty": lambda c: c["bodies"].__setitem__(0, []),
    "number": lambda c: c["bodies"].__setitem__(0, ["9" * 10**5]),
    "zero": lambda c: c["bodies"].__setitem__(0, ["1/0"]),
    "indices": lambda c: spec(c, "Contract").__setitem__(1, [[0, 7], [7]]),
    "axes": lambda c: spec(c, "Reduce").__setitem__(2, [5]),
    "op": lambda c: spec(c, "Reduce").__setitem__(1, "system"),
    "name of an extent": lambda c: c["dims"].__setitem__(0, ["name", 5]),
    "definition": lambda c: c["dims"].__setitem__(0, ["fresh", "eval", "d0"]),
    "label": lambda c: c["nodes"][0][2].update(label=["x"]),
    "origin": lambda c: c["nodes"][-1][2].update(origin=[99, 1]),
    "data": lambda c: data_of(c).update(data=["float64", [9], "AAAA"]),
    "base64": lambda c: data_of(c).update(data=["float64", [1], "\u00e9"]),
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_damaged_text_is_refused(damage) -> None:
    with pytest.raises(cf.ExpressionError) as caught:
        load(tampered(DAMAGES[damage]))
    assert "saved graph" in str(caught.value) and caught.value.fix


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "[" * 100_000, "\x80\x04.", None, "{}", '{"a": 1}']
)
def test_other_text_is_refused(text) -> None:
    with pytest.raises(cf.ExpressionError):
        load(text)


def test_a_truncated_text_is_refused() -> None:
    text = tampered(lambda c: None)
    load(text)
    for cut in range(1, len(text), 97):
        with pytest.raises(cf.ExpressionError):
            load(text[:cut])


def test_random_damage_never_escapes() -> None:
    """Whatever is changed, the answer is a graph or an ExpressionError."""
    text = tampered(lambda c: None)
    random = np.random.default_rng(0)
    for _ in range(400):
        at = int(random.integers(len(text)))
        changed = text[:at] + chr(int(random.integers(32, 127))) + text[at + 1 :]
        try:
            load(changed)
        except cf.ExpressionError:
            pass
