"""What names of formulas mean in a file that has NumPy alone: one row per name, as Python text."""

from __future__ import annotations

SOURCES = '''
def sigmoid(x):
    """1/(1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)

def softplus(x):
    """log(1 + exp(x)) without overflow."""
    return np.logaddexp(0, x)

def logcosh(x):
    """log(cosh(x)) without overflow, accurate near 0."""
    a = np.abs(x)
    near = np.log1p(2 * np.sinh(np.minimum(a, 1) / 2) ** 2)
    return np.where(a < 1, near, a - np.log(2) + np.log1p(np.exp(-2 * a)))

def relu(x):
    """x where it is positive, else 0."""
    return np.maximum(x, 0)

def logit(p):
    """log(p/(1 - p))."""
    return np.log(p) - np.log1p(-p)

def xlogy(x, y):
    """x log(y), and 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(np.where(x == 0, 1, y)))

def xlog1py(x, y):
    """x log(1 + y), and 0 where x is 0."""
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(np.where(x == 0, 0, y)))

def entr(x):
    """-x log(x), 0 at 0, and -inf where x is negative."""
    safe = np.where(x > 0, x, 1)
    return np.where(x < 0, -np.inf, np.where(x == 0, 0, -x * np.log(safe)))

def rel_entr(x, y):
    """x log(x/y), 0 where x is 0 and y is not negative, and inf outside."""
    inside = (x > 0) & (y > 0)
    value = x * np.log(np.where(inside, x, 1) / np.where(inside, y, 1))
    outside = np.where((x == 0) & (y >= 0), 0, np.inf)
    return np.where(inside | np.isnan(x) | np.isnan(y), value, outside)

def softmax(x, axis=None):
    """exp(x) over its sum."""
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)

def log_softmax(x, axis=None):
    """The logarithm of softmax."""
    below = x - np.max(x, axis=axis, keepdims=True)
    return below - np.log(np.sum(np.exp(below), axis=axis, keepdims=True))

def logsumexp(x, axis=None):
    """log(sum(exp(x))) without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.squeeze(total, axis=axis)

def norm(x, axis=None):
    """The root of the sum of squares."""
    return np.sqrt(np.sum(x * x, axis=axis))

def one_hot(k, n):
    """Rows of the unit matrix."""
    return 1.0 * (k[..., None] == np.arange(n))

def argsort(x, axis=-1):
    """Positions in rising order, equal elements in theirs."""
    return np.argsort(x, axis=axis, kind="stable")

def logdet(a):
    """The logarithm of the determinant, not a number where that is negative."""
    sign, value = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, value)

def linear_recurrence(a, b, axis=-1):
    """y[i] = a[i] y[i-1] + b[i] along an axis, from y[-1] = 0."""
    a, b = (np.moveaxis(x, axis, 0) for x in np.broadcast_arrays(a, b))
    y, held = np.empty_like(b), np.zeros_like(b[0])
    for k in range(len(b)):
        y[k] = held = a[k] * held + b[k]
    return np.moveaxis(y, 0, axis)

def solve_triangular(a, b, lower=False, unit_diagonal=False):
    """Solve a x = b, reading one triangle of a."""
    triangle = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        eye = np.eye(a.shape[-1])
        triangle = triangle * (1 - eye) + eye
    return np.linalg.solve(triangle, b)
'''

DEFINITIONS = {
    text.split("(", 1)[0]: f"def {text.rstrip()}" for text in SOURCES.split("\ndef ")[1:]
}
