"""Pull-backs of the routines of linear algebra: one row each, as in `adjoints`.

Each is written in routines and products that have derivatives themselves, so that second
derivatives follow. Cotangents are called g; they have `batch` more axes in front than the result.
Where a routine reads one triangle of its operand, `lower` makes of a derivative along symmetric
changes the derivative by what is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .axes import broadcast_to
from .creation import tril, triu
from .errors import DerivativeError
from .functions import eq, where
from .joining import concatenate
from .linalg import transposed
from .node import Call, Layout, LayoutSpec, number_node
from .origin import place
from .products import matmul
from .routines import routine
from .tensor import Tensor


def operand(x: Call, k: int = 0) -> Tensor:
    return Tensor(x.operands[k])


def result(x: Call, output: int, dims: tuple) -> Tensor:
    """One of the results of the call that x is a result of."""
    if x.spec.output == output:
        return Tensor(x)
    return called(x, x.spec.routine, [operand(x)], dims, x.spec.params, output)


def called(
    x: Call, name: str, operands: list[Tensor], dims: Any, params: tuple = (), output: int = 0
) -> Tensor:
    """A routine whose faults are those of the line that wrote x."""
    return routine(name, operands, dims, x.dtype, params, output, where=x.origin)


def product(*factors: Tensor) -> Tensor:
    """The matrix product."""
    left, *rest = factors
    for f in rest:
        left = matmul(left, f)
    return left


def new_axes(t: Tensor, *places: int) -> Tensor:
    """Axes of extent 1 at these places, counted from the end of the result."""
    rank = t.ndim + len(places)
    fresh = {rank + p for p in places}
    rest = iter(range(t.ndim))
    return t.dimshuffle(*("x" if k in fresh else next(rest) for k in range(rank)))


def zeros(like: Tensor, shape: tuple) -> Tensor:
    return Tensor(number_node(0, shape, like.dtype))


def inverse_transposed(x: Call) -> Tensor:
    a = operand(x)
    return transposed(called(x, "inv", [a], a.shape))


def lower(s: Tensor) -> Tensor:
    """The lower triangle of s + s^T with its diagonal halved."""
    return phi(s + transposed(s))


def phi(s: Tensor) -> Tensor:
    """The lower triangle with its diagonal halved."""
    return (tril(s) + tril(s, -1)) * 0.5


def symmetrised(m: Tensor) -> Tensor:
    """The lower triangle, copied to the upper one."""
    return tril(m) + transposed(tril(m, -1))


def gaps(w: Tensor, squares: bool = False) -> Tensor:
    """1 / (w_j - w_i), or 1 / (w_j^2 - w_i^2), and 0 where the two are equal."""
    right, left = new_axes(w, -2), new_axes(w, -1)
    equal = eq(right, left)
    difference = (right - left) * (right + left) if squares else right - left
    return where(equal, 0, 1 / where(equal, 1, difference))


def without(t: Tensor, basis: Tensor) -> Tensor:
    """What is left of columns outside of the span of an orthonormal basis."""
    return t - product(basis, product(transposed(basis), t))


# ---------------------------------------------------------------- inverses and determinants


def _inv(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """dX = -X dA X: Giles 2008, 2.2.3."""
    xt = transposed(Tensor(x))
    return -product(xt, g, xt)


def _solve(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """B' = A^-T G, A' = -B' X^T: Giles 2008, 2.3.1."""
    a = operand(x)
    of_b = called(x, "solve", [transposed(a), g], g.shape)
    return of_b if k == 1 else _by_left(x, of_b, batch)


def _by_left(x: Call, of_b: Tensor, batch: int) -> Tensor:
    """-B' X^T, summed over the batch that the left operand does not have."""
    extra = x.ndim - operand(x).ndim
    total = -product(of_b, transposed(Tensor(x)))
    return total.sum(tuple(range(batch, batch + extra))) if extra else total


def _solve_triangular(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """As for solve, on the triangle that is read."""
    is_lower, unit = x.spec.params
    params = (1 - is_lower, unit)
    of_b = called(x, "solve_triangular", [transposed(operand(x)), g], g.shape, params)
    if k == 1:
        return of_b
    total = _by_left(x, of_b, batch)
    return tril(total, -unit) if is_lower else triu(total, unit)


def _det(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """det(A) A^-T: Giles 2008, 2.2.4."""
    return new_axes(g * Tensor(x), -2, -1) * inverse_transposed(x)


def _logdet(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """A^-T: Giles 2008, 2.2.4."""
    return new_axes(g, -2, -1) * inverse_transposed(x)


def _slogdet(x: Call, k: int, g: Tensor, batch: int) -> Tensor | None:
    return _logdet(x, k, g, batch) if x.spec.output == 1 else None


# ---------------------------------------------------------------- decompositions


def _cholesky(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """S = L^-T phi(L^T G) L^-1: Murray 2016, (10)."""
    factor = Tensor(x)
    upper = transposed(factor)
    middle = phi(product(upper, g))
    left = called(x, "solve_triangular", [upper, middle], g.shape, (0, 0))
    both = called(x, "solve_triangular", [upper, transposed(left)], g.shape, (0, 0))
    return lower(transposed(both))


def _eigh(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """V (diag(g_w) + F * V^T G_v) V^T with F_ij = 1/(w_j - w_i): Giles 2008, 3.1."""
    a = operand(x)
    vectors = result(x, 1, a.shape)
    if x.spec.output == 0:
        return lower(product(vectors * new_axes(g, -2), transposed(vectors)))
    values = result(x, 0, a.shape[:-1])
    inner = gaps(values) * product(transposed(vectors), g)
    return lower(product(vectors, inner, transposed(vectors)))


def _svd(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """Townsend 2016: of U, S and Vh each its own part."""
    u, s, vh = _svd_results(x)
    if x.spec.output == 1:
        return product(u * new_axes(g, -2), vh)
    scale, inverse = new_axes(s, -2), new_axes(1 / s, -2)
    if x.spec.output == 0:
        rest = product(without(g, u) * inverse, vh)
        basis, cotangent = u, g
    else:
        v, cotangent = transposed(vh), transposed(g)
        rest = product(u * inverse, transposed(without(cotangent, v)))
        basis = v
    inner = gaps(s, squares=True) * product(transposed(basis), cotangent)
    inner = inner + transposed(inner)
    scaled = inner * scale if x.spec.output == 0 else inner * transposed(scale)
    return product(u, scaled, vh) + rest


def _svd_results(x: Call) -> list[Tensor]:
    a = operand(x)
    lead = a.shape[:-2]
    small = x.dims[-2] if x.spec.output == 2 else x.dims[-1]
    shapes = (a.shape[-2], small), (small,), (small, a.shape[-1])
    return [result(x, j, (*lead, *s)) for j, s in enumerate(shapes)]


def _qr(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """Tall: Walter & Lehmann 2018, 3.2. Wide, A = [X, Y]: X = Q U, and R = [U, Q^T Y]."""
    a = operand(x)
    rows, columns = a.shape[-2:]
    if rows != columns and not (isinstance(rows, int) and isinstance(columns, int)):
        raise DerivativeError(
            f"the derivative of qr of a matrix of {rows} rows and {columns} columns,"
            " of which the smaller is not known",
            where=place(x.origin),
            fix="give both extents as numbers in shape=",
        )
    small = min(rows, columns) if isinstance(rows, int) else rows
    q = result(x, 0, (*a.shape[:-2], rows, small))
    r = result(x, 1, (*a.shape[:-2], small, columns))
    of_q = x.spec.output == 0
    if small == columns:
        return _tall(x, q, r, g if of_q else None, None if of_q else g)
    left = r[..., :small]
    if of_q:
        first = _tall(x, q, left, g, None)
        shape = (*first.shape[:-1], columns - small)
        return concatenate([first, zeros(g, shape)], -1)
    rest = g[..., small:]
    of_y = product(a[..., small:], transposed(rest))
    first = _tall(x, q, left, of_y, g[..., :small])
    return concatenate([first, product(q, rest)], -1)


def _tall(x: Call, q: Tensor, r: Tensor, of_q: Tensor | None, of_r: Tensor | None) -> Tensor:
    """(G_Q + Q sym(R G_R^T - G_Q^T Q)) R^-T."""
    parts = []
    if of_r is not None:
        parts.append(product(r, transposed(of_r)))
    if of_q is not None:
        parts.append(-product(transposed(of_q), q))
    inner = product(q, symmetrised(sum(parts[1:], parts[0])))
    inner = inner if of_q is None else of_q + inner
    turned = transposed(inner)
    return transposed(called(x, "solve_triangular", [r, turned], turned.shape, (0, 0)))


# ---------------------------------------------------------------- functions of matrices


def _pinv(x: Call, k: int, g: Tensor, batch: int) -> Tensor | None:
    """Golub & Pereyra 1973, (4.12); 0 for the cutoff."""
    if k:
        return None
    a, y = operand(x), Tensor(x)
    yt, gt = transposed(y), transposed(g)
    right = product(gt, y, yt)
    left = product(yt, y, gt)
    return (
        -product(yt, g, yt)
        + (right - product(a, product(y, right)))
        + (left - product(product(left, y), a))
    )


def _matrix_power(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """The product rule; A^2h is the square of A^h: about 2 log2(n) products."""
    at = transposed(operand(x))
    return _of_power(x, at, x.spec.params[0], g)


def _of_power(x: Call, at: Tensor, n: int, g: Tensor) -> Tensor:
    if n == 1:
        return g
    if n % 2:
        last = product(_power(x, at, n - 1), g)
        return _of_power(x, at, n - 1, product(g, at)) + last
    half = _power(x, at, n // 2)
    return _of_power(x, at, n // 2, product(g, half) + product(half, g))


def _power(x: Call, a: Tensor, n: int) -> Tensor:
    return a if n == 1 else called(x, "matrix_power", [a], a.shape, (n,))


def _expm(x: Call, k: int, g: Tensor, batch: int) -> Tensor:
    """The upper right block of expm([[A^T, G], [0, A^T]]): Higham 2008, (3.16)."""
    a = operand(x)
    n = a.shape[-1]
    at = broadcast_to(transposed(a), g.shape)
    upper = concatenate([at, g], -1)
    under = concatenate([zeros(g, g.shape), at], -1)
    whole = concatenate([upper, under], -2)
    places = (*((0, 1) for _ in g.shape[:-2]), (0, 1), (n, 1))
    spec = LayoutSpec("slice", places, g.shape, g.dtype, False)
    return Tensor(Layout(spec, called(x, "expm", [whole], whole.shape).node))


MATRIX_ADJOINTS: dict[str, Callable[[Call, int, Tensor, int], Tensor | None]] = {
    "inv": _inv,
    "solve": _solve,
    "solve_triangular": _solve_triangular,
    "det": _det,
    "logdet": _logdet,
    "slogdet": _slogdet,
    "cholesky": _cholesky,
    "eigh": _eigh,
    "svd": _svd,
    "qr": _qr,
    "pinv": _pinv,
    "matrix_power": _matrix_power,
    "expm": _expm,
}
