"""The operations on whole arrays that users call: one row each, for documentation and tests.

A row is a call, written out, and what it means in the words of others. The calls are over arrays
x (n, d), y (m, d), s (n, n), t (p, n, d), v (n), w (n), positions i (k) and a mask b (n, d); `a` is
a positive definite matrix, `u` and `r` have three components. As with `operations`, nothing imports
this to build or run an expression.
"""

from __future__ import annotations

SHAPES: dict[str, tuple] = {
    "x": ("n", "d"), "y": ("m", "d"), "s": ("n", "n"), "t": ("p", "n", "d"), "v": ("n",),
    "w": ("n",), "i": ("k",), "b": ("n", "d"), "u": ("n", 3), "r": (3,), "c": ("n", 1),
    "a": ("n", "n"),
}  # fmt: skip
# family -> lines: call; meaning, if it is not NumPy's function of that name
CALLS: dict[str, str] = {
    "reductions": """
sum(x, 0)
mean(x, 0)
prod(x, 0)
max(x, 0)
min(x, 0)
var(x, 0)
std(x, 0)
ptp(x, 0)
norm(x, axis=0); numpy.linalg.norm
any(x, 0)
all(x, 0)
count_nonzero(x, 0)
argmax(x, 0)
argmin(x, 0)
logsumexp(x, 0); scipy.special.logsumexp
softmax(x, 1); scipy.special.softmax
log_softmax(x, 1); scipy.special.log_softmax
average(x, 0, v)
median(x, 0)
nansum(x, 0)
nanprod(x, 0)
nanmean(x, 0)
nanvar(x, 0)
nanstd(x, 0)
nanmax(x, 0)
nanmin(x, 0)
cov(x)
corrcoef(x)
allclose(v, w)
""",
    "scans": """
cumsum(x, 0)
cumprod(x, 0)
linear_recurrence(v, w); y[i] = v[i]*y[i - 1] + w[i]
diff(x, 1, 0)
trapezoid(x)
""",
    "products": """
dot(s, x)
matmul(s, x)
einsum('ij,kj->ik', x, y)
tensordot(x, y, (1, 1))
inner(x, y)
outer(v, w)
vdot(v, w)
vecdot(x, x)
kron(x, y)
cross(u, r)
""",
    "linear algebra": """
linalg.inv(a); numpy.linalg.inv
linalg.pinv(x); numpy.linalg.pinv
linalg.solve(a, x); numpy.linalg.solve
linalg.solve_triangular(a, x); scipy.linalg.solve_triangular
linalg.cholesky(a); numpy.linalg.cholesky
linalg.det(a); numpy.linalg.det
linalg.logdet(a); numpy.log(numpy.linalg.det(a))
linalg.slogdet(a); numpy.linalg.slogdet
linalg.eigh(a); numpy.linalg.eigh
linalg.eigvalsh(a); numpy.linalg.eigvalsh
linalg.svd(a); numpy.linalg.svd
linalg.svdvals(x); scipy.linalg.svdvals
linalg.qr(a); numpy.linalg.qr
linalg.matrix_power(a, 3); numpy.linalg.matrix_power
linalg.matrix_norm(x, 2); numpy.linalg.norm
linalg.matrix_rank(x); numpy.linalg.matrix_rank
linalg.expm(a); scipy.linalg.expm
""",
    "diagonals and triangles": """
trace(s)
diagonal(s)
diag(v)
tril(s)
triu(s)
""",
    "shape": """
transpose(x)
matrix_transpose(t)
dimshuffle(x, 1, "x", 0); transpose, with new axes
swapaxes(t, 0, 2)
moveaxis(t, 0, 2)
reshape(x, (-1,))
ravel(x)
expand_dims(x, 1)
squeeze(c, 1)
broadcast_to(v, (2, v.shape[0]))
broadcast_arrays(x, c)
flip(x, 0)
fliplr(x)
flipud(x)
rot90(x)
roll(x, 1, 0)
atleast_1d(v)
atleast_2d(v)
atleast_3d(v)
cast(x, "float64"); x.astype(dtype)
as_tensor(x); numpy.asarray
""",
    "joins": """
concatenate([x, y])
stack([v, w])
hstack([v, w])
vstack([v, w])
dstack([v, w])
column_stack([v, w])
append(v, w)
split(x, [1])
repeat(x, 2, 0)
tile(x, (2, 1))
pad(x, 1)
meshgrid(v, w)
""",
    "choosing and writing": """
select([b, x > 1], [x, x * 2])
isclose(x, x)
isposinf(x)
isneginf(x)
modf(x)
divmod(x, 3)
take(x, i, 0)
take_along_axis(x, argsort(x, 0), 0)
set_subtensor(x[i], 0); a copy with x[i] = 0
inc_subtensor(x[i], 1); a copy after numpy.add.at(x, i, 1)
sort(x, 0)
argsort(x, 0)
one_hot(i, 4); i[:, None] == numpy.arange(4)
""",
    "creation": """
zeros((2, v.shape[0]))
ones((2, v.shape[0]))
full((2, v.shape[0]), v)
zeros_like(x)
ones_like(x)
full_like(x, 1)
eye(v.shape[0])
tri(v.shape[0])
arange(v.shape[0])
linspace(0, v[0], 5)
logspace(0, v[0], 5)
""",
    "neural networks": """
nnet.binary_crossentropy(x, b); -b*log(x) - (1 - b)*log(1 - x)
nnet.sigmoid_binary_crossentropy(x, b); binary_crossentropy(sigmoid(x), b)
nnet.categorical_crossentropy(x, b); -(b*log(x)).sum(-1)
nnet.hard_sigmoid(x); clip(0.2*x + 0.5, 0, 1)
special.multigammaln(v + 5, 2); scipy.special.multigammaln
""",
    "marks for derivatives": """
disconnected_grad(x); x
zero_grad(x); x
consider_constant(x); x
grad_clip(x, -1, 1); x
""",
    "words of Theano": """
tensor.alloc(v, 2, v.shape[0]); numpy.full
tensor.fill(x, 1); numpy.full_like
tensor.identity_like(x); numpy.eye(*x.shape)
tensor.fill_diagonal(x, 1); a copy after numpy.fill_diagonal(x, 1)
tensor.flatten(t, 2); t.reshape(t.shape[0], -1)
tensor.batched_dot(t, moveaxis(t, 1, 2)); numpy.matmul
tensor.batched_tensordot(t, t, (2, 2)); numpy.tensordot per element of the first axis
tensor.max_and_argmax(x, 0); numpy.max, numpy.argmax
tensor.iround(x); numpy.rint(x).astype(int)
tensor.shape_padleft(x); x[None]
tensor.shape_padright(x); x[..., None]
tensor.stacklists([[v, w], [w, v]]); numpy.array
tensor.addbroadcast(c, 1); x
tensor.unbroadcast(x, 0); x
tensor.nonzero(x)
tensor.nonzero_values(x); x[x != 0]
tensor.unique(x)
""",
}


def rows() -> list[tuple[str, str, str]]:
    """(family, call, meaning) of each operation; the meaning is "" where the name says it."""
    return [
        (family, call.strip(), meaning.strip())
        for family, lines in CALLS.items()
        for call, _, meaning in (line.partition("; ") for line in lines.split("\n") if line)
    ]
