"""The acceptance problems: expressions, their derivatives, the textbook's, and random draws.

`problems.json` holds the text; here are the shapes of its names, what the text does not define, and
values. `python -m tests.acceptance.problems` writes `docs/problems.md`, whose LaTeX is golden.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import closedform as cf
from closedform.algebra.constructors import tensor
from closedform.simplify.display import display_form
from closedform.simplify.reading import reading_cost

FILE = Path(__file__).with_suffix(".json")
EXTENTS = {"n": 5, "N": 4, "k": 3, "m": 6, "p": 4}
SHAPES: dict[str, tuple] = {
    **dict.fromkeys("a b c x s p q mu lv g h al lx w gam bet".split(), ("N",)),
    **dict.fromkeys("z y t cnt yr".split(), ("n",)),
    **dict.fromkeys("b1 v2 pi".split(), ("k",)),
    **dict.fromkeys("A B C D W Y Sp".split(), ("N", "N")),
    **dict.fromkeys("X M Mp Qa".split(), ("n", "N")),
    **dict.fromkeys("T L U Up G".split(), ("n", "k")),
    **dict.fromkeys("Q R K Vv Vp H1".split(), ("N", "k")),
    "P": ("m", "N"), "Mu": ("k", "N"), "Ka": ("m", "N"), "Va": ("m", "k"),
    **dict.fromkeys("lam tau ell eps u".split(), ()),
}  # fmt: skip
# promises that the text makes: W and Sp are symmetric, rates and probabilities positive
FACTS = {
    "W": ("symmetric",),
    "Sp": ("psd",),
    "T": ("onehot",),
    **dict.fromkeys("pi al Up Vp Mp ell eps".split(), ("positive",)),
}


def pdf(v: Any) -> Any:
    """Density of the normal distribution, which the texts use and do not define."""
    return cf.exp(-v * v / 2) / cf.sqrt(2 * cf.as_tensor(np.pi))


@dataclass(frozen=True, eq=False)
class Problem:
    """One row of the file, read."""

    number: int
    group: str
    name: str
    text: str
    wrt: tuple[str, ...]
    textbook: str
    source: str
    cost: Any
    derivative: Any
    closed: Any

    @functools.cached_property
    def costs(self) -> tuple[int, int]:
        """Reading cost of the derivative as we show it, and of the textbook's as it stands."""
        ours = reading_cost(display_form(self.derivative.node))
        return ours, reading_cost(self.closed.node, as_typed=True)


@functools.cache
def variables() -> dict[str, Any]:
    """What names stand for, shared by all problems."""
    found: dict[str, Any] = {n: tensor(n, s, assume=FACTS.get(n, ())) for n, s in SHAPES.items()}
    return found | {"pdf": pdf}


def problem(row: dict[str, Any]) -> Problem:
    """Read one row."""
    names = variables()
    derivative = cost = cf.parse(row["expr"], names)
    for name in row["wrt"]:
        derivative = cf.jacobian(derivative, names[name])
    closed = cf.parse(row["derivative"], names)
    return Problem(row["id"], row["group"], row["name"], row["expr"], tuple(row["wrt"]),
                   row["derivative"], row["source"], cost, derivative, closed)  # fmt: skip


@functools.cache
def rows() -> dict[int, dict[str, Any]]:
    """The file by number."""
    return {row["id"]: row for row in json.loads(FILE.read_text())}


@functools.cache
def read(number: int) -> Problem:
    """The problem of this number."""
    return problem(rows()[number])


@functools.cache
def values(seed: int) -> dict[str, np.ndarray]:
    """One draw of every variable, as the texts want them."""
    rng = np.random.default_rng(seed)
    found = {n: rng.normal(size=[EXTENTS[d] for d in s]) for n, s in SHAPES.items()}
    n, k = EXTENTS["n"], EXTENTS["k"]
    found["W"] = found["W"] + found["W"].T
    found["Sp"] = found["Sp"] @ found["Sp"].T + 4 * np.eye(4)
    found["Y"] += 3 * np.eye(4)
    found["y"] = (found["y"] > 0) * 1.0
    found["t"] = np.sign(found["t"])
    found["cnt"] = rng.poisson(3, n) * 1.0
    found["T"] = np.eye(k)[rng.integers(0, k, n)]
    for name in ("pi", "p", "q"):
        found[name] = rng.dirichlet(np.ones(len(found[name])))
    found["lx"] = np.log(rng.dirichlet(np.ones(4)))
    for name in ("al", "Up", "Vp", "Mp"):
        found[name] = rng.random(found[name].shape) + 0.3
    scalars = {"lam": 0.3, "tau": 0.7, "ell": 0.9, "eps": 1e-3, "u": 0.4}
    return found | {name: np.array(v * (1 + 0.1 * seed)) for name, v in scalars.items()}


# ---------------------------------------------------------------- the page

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
HEAD = """\
# Textbook derivatives, and ours

Each row is a problem with a known derivative, read by `cf.parse` from the text in its first line.
Our derivative is what `cf.latex` prints. The verdict is that of `cf.equal` between both: `proof` by
canonical form, or `evidence` from random points; every one is also compared in numbers, on the
NumPy and the C target. The reading cost (docs/design.md) counts the marks of a formula: ours, then
the textbook's as it is typed; where ours is larger, the row says so.

`make docs` writes this page, and a test compares it.
"""


def page() -> str:
    """The page."""
    every = [read(number) for number in rows()]
    verdicts = {p.number: cf.equal(p.derivative, p.closed).kind for p in every}
    proofs = sum(v == "proof" for v in verdicts.values())
    short = sum(p.costs[0] <= p.costs[1] for p in every)
    lines = [HEAD, f"{len(every)} problems: {proofs} proven equal, {short} no longer to read.", ""]
    for group in dict.fromkeys(p.group for p in every):
        lines += [f"## {group}", ""]
        for p in every:
            if p.group == group:
                lines += entry(p, verdicts[p.number])
    return "\n".join(lines)


def entry(p: Problem, verdict: str) -> list[str]:
    """The lines of one problem."""
    ours, theirs = p.costs
    longer = ", **longer**" if ours > theirs else ""
    return [
        f"**{p.number}. {p.name}**: `{p.text}` by `{', '.join(p.wrt)}` ({p.source})",
        "",
        f"$$ {cf.latex(p.derivative)} $$",
        "",
        f"textbook: `{p.textbook}`; verdict: {verdict}; reading cost {ours} and {theirs}{longer}",
        "",
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
