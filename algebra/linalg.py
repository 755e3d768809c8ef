"""Linear algebra, with the names of `numpy.linalg` and `scipy.linalg`.

Functions take matrices in the last two axes; all axes before them are a batch. Integers and
booleans are computed in float64, float32 stays float32. A matrix that is singular, or not positive
definite where it must be, raises `LinAlgError` when the function is called; it names the line that
wrote the operation. Derivatives are in `matrix_adjoints`.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import build
from .axes import axis_of, broadcast_to, moveaxis
from .dims import Equality, Extent, least, show_shape, unify
from .dtypes import FLOAT64, promote
from .errors import ExpressionError, ShapeError
from .functions import maximum
from .joining import pad
from .node import delta_leaf
from .origin import here
from .reductions import count_nonzero
from .routines import routine
from .tensor import Tensor, as_tensor
from .words import call, named


class SlogdetResult(NamedTuple):
    """det = sign * exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


class EighResult(NamedTuple):
    """Eigenvalues in ascending order; eigenvectors are columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """a = Q @ R."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """a = (U * S) @ Vh; singular values in descending order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


# ---------------------------------------------------------------- inverses and systems


def inv(a: Any) -> Tensor:
    """Inverse of square matrices.

    Parameters
    ----------
    a : (..., n, n)

    The derivative is dX = -X dA X. Where an inverse is only applied, as in `inv(a) @ b`, the
    compiled form solves the system instead.

    Raises
    ------
    ShapeError if a is not square; LinAlgError at the call if it is singular.
    Source: Giles 2008, "Collected matrix derivative results", 2.2.3.

    >>> import closedform as cf
    >>> A = cf.matrix("A", shape=("n", "n"))
    >>> cf.linalg.inv(A).shape
    (n, n)
    """
    x, equal = square(a, "inv")
    return routine("inv", [x], x.shape, x.dtype, equalities=equal)


def solve(a: Any, b: Any) -> Tensor:
    """The solution X of a X = b, by an LU decomposition with partial pivoting.

    Parameters
    ----------
    a : (..., n, n)
    b : (n,) or (..., n, k); batches broadcast.

    The adjoint solves with the transpose: B' = A^-T X', A' = -B' X^T.

    Raises
    ------
    ShapeError for shapes that do not fit; LinAlgError at the call if a is singular.
    Source: Giles 2008, 2.3.1.

    >>> import closedform as cf
    >>> A, b = cf.matrix("A", shape=("n", "n")), cf.vector("b", shape="n")
    >>> cf.linalg.solve(A, b).shape
    (n,)
    """
    return _solved("solve", a, b, ())


def solve_triangular(
    a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False
) -> Tensor:
    """The solution X of a X = b (or a^T X = b) for triangular a.

    Parameters
    ----------
    a : (..., n, n); only one triangle of it is read.
    b : (n,) or (..., n, k); batches broadcast.
    trans : 0 or "N", 1 or "T": whether a is transposed; `lower` speaks of a itself.
    unit_diagonal : take the diagonal as ones without reading it.

    Raises
    ------
    ShapeError for shapes that do not fit; LinAlgError at the call for a 0 on the diagonal.
    Source: Giles 2008, 2.3.1, on the triangle that is read.
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ExpressionError(
            f"solve_triangular with trans={trans!r}", where=here(), fix="use 0 or 1, 'N' or 'T'"
        )
    given = as_tensor(a)
    if trans not in (0, "N"):
        given, lower = transposed(at_least_matrix(given, "solve_triangular")), not lower
    return _solved("solve_triangular", given, b, (int(bool(lower)), int(bool(unit_diagonal))))


def _solved(name: str, a: Any, b: Any, params: tuple[int, ...]) -> Tensor:
    left, equal = square(a, name)
    right = as_tensor(b)
    if right.ndim == 0:
        raise ShapeError(
            f"{name} with {build.describe(right.node)} of shape () on the right",
            where=here(),
            fix="give a vector or a matrix",
        )
    vector = right.ndim == 1
    right = right.dimshuffle(0, "x") if vector else right
    dtype, _ = promote([(left.dtype, False), (_floating(right).dtype, right.node.weak)])
    found = unify([left.shape[-1], right.shape[-2]])
    if found is None:
        pairs = [(left.node, left.ndim - 1), (right.node, right.ndim - 2)]
        raise build.shape_conflict(pairs, None)
    batch = _common_batch(left, right)
    if batch[len(batch) - left.ndim + 2 :] != left.shape[:-2]:
        left = broadcast_to(left, (*batch, *left.shape[-2:]))
    right = broadcast_to(right, (*batch, *right.shape[-2:]))
    operands = [t.astype(dtype) for t in (left, right)]
    shape = (*batch, found[0], right.shape[-1])
    result = routine(name, operands, shape, dtype, params, equalities=(*equal, *found[1]))
    options = dict(zip(("lower", "unit_diagonal"), map(bool, params), strict=False))
    given = as_tensor(b)
    result = result.dimshuffle(*range(result.ndim - 1)) if vector else result
    return named(result, call(name, left, given, **options), left, given)


def _common_batch(a: Tensor, b: Tensor) -> tuple[Extent, ...]:
    """The extents that the leading axes of two stacks of matrices broadcast to."""
    rank = max(a.ndim, b.ndim) - 2
    batch: list[Extent] = []
    for k in range(-2 - rank, -2):
        pairs = [(t.node, t.ndim + k) for t in (a, b) if t.ndim + k >= 0]
        wide = [(x, axis) for x, axis in pairs if x.dims[axis] != 1]
        found = unify([x.dims[axis] for x, axis in wide]) if wide else (1, ())
        if found is None:
            raise build.shape_conflict(wide, None)
        batch.append(found[0])
    return tuple(batch)


def pinv(a: Any, rcond: Any = None, *, rtol: Any = None) -> Tensor:
    """Moore-Penrose inverse, by a singular value decomposition.

    Parameters
    ----------
    a : (..., m, n)
    rcond, rtol : a number or tensor of shape (): singular values up to this times the largest count
        as 0. Default: 1e-15, as in NumPy.

    The derivative holds where the rank does not change.
    Source: Golub & Pereyra 1973, "The differentiation of pseudo-inverses", (4.12).
    """
    x = at_least_matrix(a, "pinv")
    if rcond is not None and rtol is not None:
        raise ExpressionError("pinv with rcond= and rtol=", where=here(), fix="give one of them")
    given = next((v for v in (rcond, rtol) if v is not None), 1e-15)
    cutoff = as_tensor(given).astype(x.dtype)
    if cutoff.ndim:
        raise ShapeError("pinv with an array as rcond", where=here(), fix="give one number")
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return routine("pinv", [x, cutoff], shape, x.dtype)


def matrix_power(a: Any, n: Any) -> Tensor:
    """A square matrix to a whole power; a negative one is a power of the inverse.

    Parameters
    ----------
    a : (..., k, k)
    n : int

    The derivative takes about 2 log2(n) products.
    Source: product rule; Higham 2008, "Functions of Matrices", 3.1.
    """
    if not isinstance(n, numbers.Integral) or isinstance(n, bool):
        raise ExpressionError(
            f"matrix_power with exponent {n!r}", where=here(), fix="give a whole number"
        )
    x, equal = square(a, "matrix_power")
    if n == 0:
        return broadcast_to(Tensor(delta_leaf(x.shape[-1], x.dtype)), x.shape)
    base = inv(x) if n < 0 else x
    if abs(n) == 1:
        return base
    return routine("matrix_power", [base], x.shape, x.dtype, (abs(int(n)),), equalities=equal)


def expm(a: Any) -> Tensor:
    """Matrix exponential, by scaling and squaring with a Pade approximant of degree 13.

    Parameters
    ----------
    a : (..., n, n)

    The adjoint is a block of the exponential of [[A^T, G], [0, A^T]].
    Source: Higham 2005, "The scaling and squaring method revisited"; derivative: Higham 2008,
    "Functions of Matrices", (3.16).
    """
    x, equal = square(a, "expm")
    return routine("expm", [x], x.shape, x.dtype, equalities=equal)


# ---------------------------------------------------------------- determinants


def det(a: Any) -> Tensor:
    """Determinant of square matrices (..., n, n).

    Its derivative det(A) A^-T needs the inverse: at a singular matrix it raises LinAlgError.
    Source: Giles 2008, 2.2.4.

    >>> import closedform as cf
    >>> A = cf.matrix("A", shape=("n", "n"))
    >>> print(cf.pp(cf.grad(cf.linalg.det(A), A)))
    det(A) A^-T
    """
    return _of_square("det", a)


def logdet(a: Any) -> Tensor:
    """log(det(a)), without over- or underflow: NaN for a negative determinant, -inf for 0.

    Source: Giles 2008, 2.2.4; the derivative is A^-T.
    """
    return _of_square("logdet", a)


def slogdet(a: Any) -> SlogdetResult:
    """Sign of the determinant, and the logarithm of its absolute value (-inf for 0).

    The derivative of the sign is 0. Source: Giles 2008, 2.2.4.
    """
    x, equal = square(a, "slogdet")
    parts = (routine("slogdet", [x], x.shape[:-2], x.dtype, (), k, equal) for k in range(2))
    return SlogdetResult(*parts)


def _of_square(name: str, a: Any) -> Tensor:
    x, equal = square(a, name)
    return routine(name, [x], x.shape[:-2], x.dtype, equalities=equal)


# ---------------------------------------------------------------- decompositions


def cholesky(a: Any, *, upper: bool = False) -> Tensor:
    """The triangular L with a = L L^T of a symmetric positive definite matrix.

    Parameters
    ----------
    a : (..., n, n); only its lower triangle is read (with `upper`, the upper one).
    upper : give U with a = U^T U instead.

    The derivative is that of this function of the triangle that is read: it is 0 in the other one.
    Source: Murray 2016, "Differentiation of the Cholesky decomposition", (10).

    Raises
    ------
    ShapeError if a is not square; LinAlgError at the call if it is not positive definite.
    """
    x, equal = square(a, "cholesky")
    if upper:
        return transposed(cholesky(transposed(x)))
    return routine("cholesky", [x], x.shape, x.dtype, equalities=equal)


def eigh(a: Any, UPLO: str = "L") -> EighResult:  # noqa: N803
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix.

    Parameters
    ----------
    a : (..., n, n); only one triangle is read, which UPLO ("L" or "U") names.

    The derivative is that of this function of the triangle that is read: it is 0 in the other one.
    Eigenvectors of equal eigenvalues have no derivative; what they contribute to each other is left
    out, so that the derivative of what depends only on their span is right.
    Source: Giles 2008, 3.1.

    Raises
    ------
    ShapeError if a is not square; LinAlgError at the call if it does not converge.
    """
    if UPLO not in ("L", "U", "l", "u"):
        raise ExpressionError(f"eigh with UPLO={UPLO!r}", where=here(), fix="use 'L' or 'U'")
    x, equal = square(a, "eigh")
    x = transposed(x) if UPLO in "Uu" else x
    values = routine("eigh", [x], x.shape[:-1], x.dtype, (), 0, equal)
    return EighResult(values, routine("eigh", [x], x.shape, x.dtype, (), 1, equal))


def eigvalsh(a: Any, UPLO: str = "L") -> Tensor:  # noqa: N803
    """Eigenvalues of a symmetric matrix, ascending; see `eigh`."""
    return eigh(a, UPLO).eigenvalues


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition a = (U * S) @ Vh.

    Parameters
    ----------
    a : (..., m, n)
    full_matrices : must be False unless a is square: U has min(m, n) columns, Vh as many rows.
    compute_uv : False gives the singular values only.

    What vectors of equal singular values contribute to a derivative is left out, as in `eigh`.
    Source: Townsend 2016, "Differentiating the singular value decomposition".
    """
    x = at_least_matrix(a, "svd")
    if not compute_uv:
        return svdvals(x)
    rows, columns = x.shape[-2:]
    if full_matrices and rows != columns:
        raise ExpressionError(
            f"svd of {build.describe(x.node)} with shape {show_shape(x.shape)} and full_matrices",
            where=here(),
            fix="pass full_matrices=False",
        )
    k = least(rows, columns)
    shapes = (rows, k), (k,), (k, columns)
    parts = (routine("svd", [x], (*x.shape[:-2], *s), x.dtype, (), j) for j, s in enumerate(shapes))
    return SVDResult(*parts)


def svdvals(a: Any) -> Tensor:
    """Singular values of matrices (..., m, n), descending.

    Source of the derivative U^T dA V: Giles 2008, 3.2.
    """
    x = at_least_matrix(a, "svdvals")
    shape = (*x.shape[:-2], least(*x.shape[-2:]))
    return routine("svd", [x], shape, x.dtype, (), 1)


def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthonormal Q and upper triangular R with a = Q R, by Householder reflections.

    Parameters
    ----------
    a : (..., m, n); Q has min(m, n) columns, R as many rows.
    mode : "reduced", or "r" for R alone.

    The derivative needs to know which of m and n is smaller: extents that are numbers, or equal.
    Source: Walter & Lehmann 2018, "Algorithmic differentiation of linear algebra functions with
    application in optimum experimental design", 3.2; wide matrices: Liao et al. 2019,
    "Differentiable programming tensor networks", II.E.
    """
    if mode not in ("reduced", "r"):
        raise ExpressionError(
            f"qr with mode={mode!r}", where=here(), fix="use mode='reduced' or 'r'"
        )
    x = at_least_matrix(a, "qr")
    rows, columns = x.shape[-2:]
    k = least(rows, columns)
    r = routine("qr", [x], (*x.shape[:-2], k, columns), x.dtype, (), 1)
    if mode == "r":
        return r
    return QRResult(routine("qr", [x], (*x.shape[:-2], rows, k), x.dtype, (), 0), r)


# ---------------------------------------------------------------- norms and ranks


def matrix_norm(
    x: Any, ord: Any = "fro", axes: Sequence[int] = (-2, -1), keepdims: bool = False
) -> Tensor:  # noqa: A002
    """Norm of matrices.

    Parameters
    ----------
    ord : "fro" (the root of the sum of squares), "nuc" (the sum of the singular values), 2 and -2
        (the largest and the smallest of them), 1 and -1 (of the sums of absolute values of the
        columns), inf and -inf (of the rows).
    axes : those of rows and columns.
    """
    from .reductions import norm

    given = _floating(as_tensor(x))
    i, j = (axis_of(given, k) for k in axes)
    if i == j:
        raise ShapeError(f"a matrix norm along axis {i} twice", where=here(), fix="name two axes")
    if ord in ("fro", None):
        return norm(given, None, (i, j), keepdims)
    matrices = moveaxis(given, (i, j), (-2, -1))
    result = _matrix_norm(matrices, ord)
    if keepdims:
        rest = iter(range(result.ndim))
        result = result.dimshuffle(*("x" if k in (i, j) else next(rest) for k in range(given.ndim)))
    options = {"ord": repr(ord)} | ({"axis": (i, j)} if given.ndim > 2 else {})
    return named(result, call("norm", given, **options), given)


def _matrix_norm(x: Tensor, ord: Any) -> Tensor:  # noqa: A002
    if ord == "nuc":
        return svdvals(x).sum(-1)
    if ord in (2, -2):
        values = svdvals(x)
        return values.max(-1) if ord > 0 else values.min(-1)
    if ord in (1, -1, np.inf, -np.inf):
        sums = abs(x).sum(-2 if abs(ord) == 1 else -1)
        return sums.max(-1) if ord > 0 else sums.min(-1)
    raise ExpressionError(
        f"a matrix norm with ord={ord!r}",
        where=here(),
        fix="use 'fro', 'nuc', 1, -1, 2, -2, inf or -inf",
    )


def matrix_rank(a: Any, tol: Any = None, *, rtol: Any = None) -> Tensor:
    """Number of singular values above a tolerance, int64.

    Parameters
    ----------
    a : (..., m, n), or a vector, whose rank is 1 unless it is 0.
    tol : the tolerance; default: rtol times the largest singular value.
    rtol : default: max(m, n) times the distance from 1 to the next number of the dtype.
    """
    x = as_tensor(a)
    if x.ndim < 2:
        return (count_nonzero(x) > 0).astype("int64")
    values = svdvals(x)
    if tol is None:
        with_zero = pad(values, [(0, 0)] * (values.ndim - 1) + [(0, 1)])  # there may be none
        largest = with_zero.max(-1, keepdims=True)
        if rtol is None:
            longest = maximum(as_tensor(x.shape[-2]), as_tensor(x.shape[-1]))
            rtol = longest * as_tensor(np.asarray(np.finfo(values.dtype).eps, values.dtype))
        tol = largest * rtol
    else:
        tol = as_tensor(tol)
        tol = tol.dimshuffle(*range(tol.ndim), "x") if tol.ndim else tol
    return named(count_nonzero(values > tol, -1), call("matrix_rank", x), x)


# ---------------------------------------------------------------- what they share


def transposed(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    return x.dimshuffle(*order)


def at_least_matrix(a: Any, what: str) -> Tensor:
    """A floating tensor with two axes or more.

    Raises ShapeError for fewer.
    """
    x = as_tensor(a)
    if x.ndim < 2:
        raise ShapeError(
            f"{what} of {build.describe(x.node)} with shape {show_shape(x.shape)}",
            where=here(),
            fix="give a matrix, or a stack of them",
        )
    return _floating(x)


def _floating(x: Tensor) -> Tensor:
    return x if x.dtype.kind == "f" else x.astype(FLOAT64)


def square(a: Any, what: str) -> tuple[Tensor, tuple[Equality, ...]]:
    """A floating tensor of square matrices, and the equalities that make them square.

    Raises ShapeError if they cannot be.
    """
    x = at_least_matrix(a, what)
    found = unify(list(x.shape[-2:]))
    if found is None:
        raise ShapeError(
            f"{what} of {build.describe(x.node)} with shape {show_shape(x.shape)},"
            " which is not square",
            where=here(),
            fix="give square matrices: the last two extents must be equal",
        )
    return x, found[1]
