r"""Golden formulas: what derivatives of textbooks look like, in LaTeX and in Unicode text.

The rows are those of the Matrix Cookbook and of machine learning; how a formula is reached is
tested elsewhere, here it is read.
"""

from __future__ import annotations

import pytest

import closedform as cf

n, d, k, m = "n", "d", "k", "m"
a, b, c, x, s, mu = (cf.vector(name, shape=d) for name in ("a", "b", "c", "x", "s", "mu"))
g, gam = cf.vector("g", shape=d), cf.vector("gamma", shape=d)
y, t, u = (cf.vector(name, shape=n) for name in ("y", "t", "u"))
A, B, C, D = (cf.matrix(name, shape=(d, d)) for name in "ABCD")
S = cf.matrix("S", shape=(d, d), assume="symmetric")
Q = cf.matrix("Q", shape=(d, d), assume="orthogonal")
X, w, L = cf.matrix("X", shape=(n, d)), cf.vector("w", shape=d), cf.matrix("L", shape=(n, k))
T = cf.matrix("T", shape=(n, k), assume="onehot")
U, V, M = (cf.matrix("U", shape=(n, k)), cf.matrix("V", shape=(d, k)), cf.matrix("M", shape=(n, d)))
lam, eps = cf.scalar("lam"), cf.scalar("eps")
Mu, pi = cf.matrix("M", shape=(k, d)), cf.vector("pi", shape=k)
i = cf.lvector("i", shape=m)
grad, jac, hess = cf.grad, cf.jacobian, cf.hessian
norm, exp, log = cf.norm, cf.exp, cf.log
inv, det, logdet, solve = (cf.linalg.inv, cf.linalg.det, cf.linalg.logdet, cf.linalg.solve)
G, H = (cf.matrix(name, shape=(n, n), assume="psd") for name in "GH")


def gaussian(mean: cf.Tensor, covariance: cf.Tensor) -> cf.Tensor:
    """The logarithm of the density at x, without its constant."""
    return -0.5 * logdet(covariance) - 0.5 * (x - mean) @ inv(covariance) @ (x - mean)


def gaussian_data(mean: cf.Tensor, covariance: cf.Tensor) -> cf.Tensor:
    """The same, summed over the rows of X."""
    centred = X - mean
    return (
        -0.5 * X.shape[0] * logdet(covariance) - 0.5 * (centred @ inv(covariance) * centred).sum()
    )


GOLDEN = {
    # linear and quadratic forms, Matrix Cookbook (69) to (88)
    "linear": (grad(a @ x, x), "a", "a"),
    "bilinear": (grad(a @ A @ b, A), r"a b^\top", "a bᵀ"),
    "bilinear transposed": (grad(a @ A.T @ b, A), r"b a^\top", "b aᵀ"),
    "gram": (
        grad(b @ A.T @ A @ c, A),
        r"A \left(b c^\top + c b^\top\right)",
        "A (b cᵀ + c bᵀ)",
    ),
    "quadratic": (grad(x @ A @ x, x), r"\left(A + A^\top\right) x", "(A + Aᵀ) x"),
    "quadratic, Hessian": (hess(x @ A @ x, x), r"A + A^\top", "A + Aᵀ"),
    "symmetric": (grad(x @ S @ x, x), "2 S x", "2S x"),
    "symmetric, Hessian": (hess(x @ S @ x, x), r"2 S", "2S"),
    "affine maps": (
        grad((B @ x + b) @ C @ (D @ x + c), x),
        r"B^\top C \left(D x + c\right) + D^\top C^\top \left(B x + b\right)",
        "Bᵀ C (D x + c) + Dᵀ Cᵀ(B x + b)",
    ),
    "least squares": (grad(((x - A @ s) ** 2).sum(), s), r"2 A^\top \left(A s - x\right)",
                      "2 Aᵀ(A s − x)"),
    "weighted residual": (
        grad((x - A @ s) @ S @ (x - A @ s), x), r"2 S \left(x - A s\right)", "2S (x − A s)"),
    "weighted least squares": (
        grad((x - A @ s) @ S @ (x - A @ s), s),
        r"-2 A^\top S \left(x - A s\right)",
        "−2 Aᵀ S (x − A s)",
    ),
    "power of a form": (
        grad((x @ A @ x) ** -2, x),
        r"-\frac{2}{\left(x^\top A x\right)^{3}}\,\left(A + A^\top\right) x",
        "−2(A + Aᵀ) x/(xᵀ A x)³",
    ),
    "inner products": (grad((x @ x) * (y @ y), x), r"2 \left\|y\right\|^{2} x", "2 ‖y‖² x"),
    "average of both sides": (
        grad((x - a) @ A @ (x - a) / 2, x),
        r"\frac{1}{2} \left(A + A^\top\right) \left(x - a\right)", "(A + Aᵀ) (x − a)/2"),
    "Rayleigh quotient, (95)": (
        grad((x @ A @ x) / (x @ B @ x), x), None, "(A + Aᵀ − xᵀ A x (B + Bᵀ)/(xᵀ B x)) x/(xᵀ B x)"),
    "resolvent": (
        grad(a @ inv(X.T @ X + 0.1 * cf.eye(d)) @ b, X), None,
        "−X (Xᵀ X + 0.1 I)⁻¹ (b aᵀ + a bᵀ) (Xᵀ X + 0.1 I)⁻¹"),
    # traces, (99) to (121)
    "trace": (grad(cf.trace(A), A), "I", "I"),
    "trace of five": (
        grad(cf.trace(B.T @ A.T @ C @ A @ B), A), None, "(C + Cᵀ) A B Bᵀ"),
    "trace of a product": (grad(cf.trace(A @ B @ C), B), r"A^\top C^\top", "Aᵀ Cᵀ"),
    "trace, transposed": (grad(cf.trace(A @ B.T @ C), B), "C A", "C A"),
    "trace of a square": (
        grad(cf.trace(A @ A @ B), A), r"\left(B A + A B\right)^\top", "(B A + A B)ᵀ"),
    "trace of a cube": (
        grad(cf.trace(A @ A @ A), A), r"3 \left(A^{2}\right)^\top", "3(A²)ᵀ"),
    "residual": (
        grad(cf.trace((A @ B @ C + D) @ (A @ B @ C + D).T), B),
        r"2 A^\top \left(A B C + D\right) C^\top",
        "2 Aᵀ(A B C + D) Cᵀ",
    ),
    "Frobenius": (grad((A**2).sum(), A), "2 A", "2A"),
    "orthogonal": (Q.T @ (Q @ x), "x", "x"),
    "elementwise trace": (
        grad(cf.trace(A * B), B),
        r"\operatorname{diag}\left(\operatorname{diag}\left(A\right)\right)",
        "diag(diag(A))",
    ),
    # inverses and determinants, (49) to (64)
    "inverse in a form": (
        grad(a @ inv(A) @ b, A), r"-A^{-\top} a b^\top A^{-\top}", "−A⁻ᵀ a bᵀ A⁻ᵀ"),
    "determinant": (
        grad(det(A), A), r"\det\left(A\right) A^{-\top}", "det(A) A⁻ᵀ"),
    "determinant of a Gram matrix": (
        grad(det(X.T @ X), X),
        r"2 \det\left(X^\top X\right) X^{+\top}",
        "2 det(Xᵀ X) (X⁺)ᵀ",
    ),
    "log determinant": (
        grad(logdet(X.T @ X), X), r"2 X^{+\top}", "2(X⁺)ᵀ"),
    "determinant of a square": (
        grad(det(A @ A), A), r"2 \det\left(A\right)^{2} A^{-\top}",
        "2 det(A)² A⁻ᵀ"),
    "inverse": (jac(inv(A), A), r"-A^{-1} \otimes A^{-\top}", "−A⁻¹ ⊗ A⁻ᵀ"),
    "shifted": (
        grad(logdet(S + lam * cf.eye(d)), lam),
        r"\operatorname{tr}\left(\left(S + \lambda I\right)^{-1}\right)",
        "tr((S + λ I)⁻¹)",
    ),
    "solve": (grad(a @ solve(A, b), b), r"A^{-\top} a", "A⁻ᵀ a"),
    "symmetric inverse": (grad(x @ inv(S) @ x, x), r"2 S^{-1} x", "2S⁻¹ x"),
    "symmetric inverse, transposed": (
        grad(a @ inv(S) @ b, S), r"-S^{-1} a b^\top S^{-1}", "−S⁻¹ a bᵀ S⁻¹"),
    "determinant of a symmetric form": (
        grad(det(X.T @ G @ X), X),
        r"2 \det\left(X^\top G X\right) G X \left(X^\top G X\right)^{-1}",
        "2 det(Xᵀ G X) G X (Xᵀ G X)⁻¹",
    ),
    "ratio of forms, (126)": (
        grad(cf.trace(inv(X.T @ G @ X) @ (X.T @ H @ X)), X), None,
        "2(H − G X (Xᵀ G X)⁻¹ Xᵀ H) X (Xᵀ G X)⁻¹",
    ),
    # Gaussians, (346) to (356)
    "Gaussian, mean": (grad(gaussian(mu, S), mu), None, "S⁻¹ (x − μ)"),
    "Gaussian, covariance": (
        grad(gaussian(mu, S), S),
        r"\frac{1}{2} \left(S^{-1} \left(x - \mu\right) \left(x - \mu\right)^\top S^{-1} - "
        r"S^{-1}\right)",
        "(S⁻¹ (x − μ) (x − μ)ᵀ S⁻¹ − S⁻¹)/2",
    ),
    "Gaussian, many points": (
        grad(gaussian_data(mu, S), S), None,
        "(S⁻¹ (X − 𝟏 μᵀ)ᵀ(X − 𝟏 μᵀ) S⁻¹ − n S⁻¹)/2",
    ),
    "Gaussian, mean of many points": (
        grad(gaussian_data(mu, S), mu), None, "S⁻¹ (X − 𝟏 μᵀ)ᵀ 𝟏"),
    "Gaussian, Hessian": (hess(gaussian(mu, S), x), "-S^{-1}", "−S⁻¹"),
    # norms, (129) to (132)
    "distance": (
        grad(norm(x - a), x), r"\frac{x - a}{\left\|x - a\right\|}", "(x − a)/‖x − a‖"),
    "direction": (
        jac(x / norm(x), x),
        r"\frac{I - \frac{x x^\top}{\left\|x\right\|^{2}}}{\left\|x\right\|}",
        "(I − x xᵀ/‖x‖²)/‖x‖",
    ),
    "squared norm, (131)": (grad(norm(x) ** 2, x), "2 x", "2x"),
    "Frobenius, (132)": (grad(norm(X) ** 2, X), "2 X", "2X"),
    "sum of absolute values": (
        grad(abs(X @ w - y).sum(), w), r"X^\top \operatorname{sign}\left(X w - y\right)",
        "Xᵀ sign(X w − y)"),
    # regression
    "mean squared error": (
        grad(((X @ w - y) ** 2).mean(), w), r"\frac{2}{n} X^\top \left(X w - y\right)",
        "2 Xᵀ(X w − y)/n"),
    "logistic": (
        grad((cf.softplus(X @ w) - y * (X @ w)).mean() + 0.01 * (w @ w), w),
        r"\frac{1}{n} X^\top \left(\sigma\left(X w\right) - y\right) + 0.02\,w",
        "Xᵀ(σ(X w) − y)/n + 0.02 w",
    ),
    "logistic, by logarithms": (
        grad(-(y * log(cf.sigmoid(X @ w)) + (1 - y) * log(1 - cf.sigmoid(X @ w))).mean(), w),
        r"\frac{1}{n} X^\top \left(\sigma\left(X w\right) - y\right)",
        "Xᵀ(σ(X w) − y)/n",
    ),
    "labels of +-1": (
        grad(log(1 + exp(-t * (X @ w))).sum(), w),
        r"-X^\top \left(t \odot \sigma\left(-t \odot X w\right)\right)",
        "−Xᵀ(t ⊙ σ(−t ⊙ X w))",
    ),
    "Poisson": (
        grad((exp(X @ w) - y * (X @ w)).sum(), w),
        r"X^\top \left(\exp\left(X w\right) - y\right)", "Xᵀ(exp(X w) − y)"),
    "hinge": (
        grad(cf.maximum(0, 1 - t * (X @ w)).sum() + lam * (w @ w) / 2, w),
        r"\lambda w - X^\top \left(t \odot \mathbf{1}\left[t \odot X w < 1\right]\right)",
        "λ w − Xᵀ(t ⊙ 𝟏[t ⊙ X w < 1])",
    ),
    "squared hinge": (
        grad((cf.maximum(0, 1 - t * (X @ w)) ** 2).sum(), w),
        r"-2 X^\top \left(t \odot \max\left(0, 1 - t \odot X w\right)\right)",
        "−2 Xᵀ(t ⊙ maximum(0, 1 − t ⊙ X w))",
    ),
    "log cosh": (
        grad(log(cf.cosh(X @ w - y)).sum(), w), r"X^\top \tanh\left(X w - y\right)",
        "Xᵀ tanh(X w − y)"),
    "Gauss-Newton": (
        hess(((X @ w - y) ** 2).sum() / 2 + 0.01 * (w @ w), w), r"X^\top X + 0.02\,I",
        "Xᵀ X + 0.02 I"),
    # softmax
    "softmax": (
        jac(cf.softmax(x), x),
        r"\operatorname{diag}\left(\operatorname{softmax}\left(x\right)\right) - "
        r"\operatorname{softmax}\left(x\right) \operatorname{softmax}\left(x\right)^\top",
        "diag(softmax(x)) − softmax(x) softmax(x)ᵀ",
    ),
    "cross entropy": (
        grad(-(T * cf.log_softmax(L, axis=1)).sum(), L),
        r"\operatorname{softmax}_{\mathrm{axis}=1}\left(L\right) - T",
        "softmax(L, axis=1) − T",
    ),
    "entropy": (
        grad(-(cf.softmax(x) * cf.log_softmax(x)).sum(), x),
        r"\operatorname{softmax}\left(x\right) \odot \left(\operatorname{softmax}\left(x\right)"
        r"^\top x - x\right)",
        "softmax(x) ⊙ (softmax(x)ᵀ x − x)",
    ),
    "a label": (
        grad(x[1] - cf.logsumexp(x), x), r"e_{1} - \operatorname{softmax}\left(x\right)",
        "e₁ − softmax(x)"),
    "mixture": (
        grad(cf.logsumexp(log(pi) - ((X[:, None, :] - Mu[None]) ** 2).sum(axis=2) / 2,
                          axis=1).sum(), Mu),
        r"\begin{aligned} & T_{0}^\top X - \operatorname{diag}\left(T_{0}^\top \mathbf{1}\right) M"
        r" \\ & \text{where } T_{0} = \operatorname{softmax}_{\mathrm{axis}=1}\left(\mathbf{1} "
        r"\log\left(\pi\right)^\top - \frac{1}{2} \left[\sum_{l} \left(X_{i l} - M_{j l}\right)"
        r"^{2}\right]_{i j}\right) \end{aligned}",
        "T₀ᵀ X − diag(T₀ᵀ 𝟏) M\n"
        "  where T₀ = softmax(𝟏 log(π)ᵀ − [Σ_l (X_il − M_jl)²]_ij/2, axis=1)",
    ),
    # matrices and more axes
    "factorisation": (
        grad(((M - U @ V.T) ** 2).sum(), U), r"2 \left(U V^\top - M\right) V", "2(U Vᵀ − M) V"),
    "factorisation, Hessian": (
        hess(((M - U @ V.T) ** 2).sum(), U), r"2 I \otimes V^\top V", "2I ⊗ Vᵀ V"),
    "a matrix by a matrix": (jac(A @ B @ C, B), r"A \otimes C^\top", "A ⊗ Cᵀ"),
    "elementwise Jacobian": (
        jac(cf.sin(A @ x), x), r"\operatorname{diag}\left(\cos\left(A x\right)\right) A",
        "diag(cos(A x)) A"),
    "third derivative": (
        jac(hess((x**3).sum(), x), x),
        r"\left[6 \delta_{j k} \delta_{i k}\right]_{i j k}", "[6 δ_jk δ_ik]_ijk"),
    "layer norm": (
        grad(g @ (gam * (x - x.mean()) / cf.sqrt(((x - x.mean()) ** 2).mean() + eps)), x),
        r"\begin{aligned} & t_{2} - \frac{1}{d} \mathbf{1}^\top t_{2} \\ & \text{where } t_{0} = "
        r"x - \frac{1}{d} \mathbf{1}^\top x \\ & \phantom{\text{where }} t_{1} = \frac{1}{d} "
        r"\left\|t_{0}\right\|^{2} + \epsilon \\ & \phantom{\text{where }} t_{2} = "
        r"\frac{1}{\sqrt{t_{1}}}\,\left(g \odot \gamma - \frac{g^\top "
        r"\left(\gamma \odot t_{0}\right)}{t_{1} d} t_{0}\right) \end{aligned}",
        None,
    ),
    "centred": (grad(X.var(axis=0).sum(), X), None, "2(X − 𝟏 𝟏ᵀ X/n)/n"),
    "covariances": (
        grad(cf.cov(X, rowvar=False).sum(), X), None, "2(X − 𝟏 𝟏ᵀ X/n) 𝟏 𝟏ᵀ/(n − 1)"),
    # functions without a formula in others that keeps its digits
    "relative exponential": (
        grad(cf.special.exprel(x).sum(), x), r"\operatorname{exprel}'\left(x\right)", "exprel'(x)"),
    "sinc": (jac(grad(cf.sinc(x).sum(), x), x),
             r"\pi^{2} \operatorname{diag}\left(\operatorname{sinc}''\left(\pi x\right)\right)",
             "π² diag(sinc''(π x))"),
    "fourth derivative": (grad(cf.special.erfcx_derivative(3, lam), lam),
                          r"\operatorname{erfcx}^{(4)}\left(\lambda\right)", "erfcx^(4)(λ)"),
    # places
    "median": (cf.median(x), None, "(x[argsort(x)][(d − 1) // 2] + x[argsort(x)][d // 2])/2"),
    "median, gradient": (
        grad(cf.median(x), x), None,
        "one_hot(argsort(x))ᵀ(one_hot((d − 1) // 2) + one_hot(d // 2))/2"),
    "gather": (grad((x[i] ** 2).sum(), x), r"2 \operatorname{onehot}\left(i\right)^\top x_{i}",
               "2 one_hot(i)ᵀ x[i]"),
    "known places": (grad((x[[0, 2]] ** 2).sum(), x), None, "2 one_hot([0, 2])ᵀ x[[0, 2]]"),
    "halves": (grad((cf.concatenate([x, y]) ** 2).sum(), x), "2 x", "2x"),
    "differences": (
        grad(((x[1:] - x[:-1]) ** 2).sum(), x),
        r"\begin{pmatrix} 0 \\ 2 \left(x_{1:} - x_{:-1}\right) \end{pmatrix} + "
        r"\begin{pmatrix} -2 \left(x_{1:} - x_{:-1}\right) \\ 0 \end{pmatrix}",
        None,
    ),
    "sort": (grad(cf.sort(x) @ a, x), None, "one_hot(argsort(x))ᵀ a"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_the_formula_reads(name) -> None:
    tensor, latex, text = GOLDEN[name]
    if latex is not None:
        assert cf.latex(tensor) == latex
    if text is not None:
        assert cf.pp(tensor, "unicode") == text


def test_no_internal_name_is_shown() -> None:
    shown = " ".join(cf.latex(t) + cf.pp(t, "unicode") + cf.pp(t, "ascii")
                     for t, _, _ in GOLDEN.values())  # fmt: skip
    for word in ("Contract", "Map", "Layout", "scatter", "linear_recurrence(", "_{:}", "[:]"):
        assert word not in shown
