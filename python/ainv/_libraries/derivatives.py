"""The derivatives, for arrays of any library that have ``@``, ``.mT`` and ``.conj()``.

``*_jvp`` is forward mode: what the result changes by if the argument changes by ``da``. ``*_vjp``
is backward mode, its adjoint under Re tr(U^H V): what a function of the result changes by, if
``g`` is its gradient. The formulas are built of differentiable products, so that they can be
differentiated again. Sources:

M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008: inverse, products, systems, Cholesky.
G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
problems whose variables separate", SIAM J. Numer. Anal. 10, 1973: the pseudo-inverse where the
rank does not change.
"""


def adjoint(a):
    """A^H."""
    return a.mT.conj()


def inv_jvp(x, da):
    """-X dA X, for X = A^-1, and for triangles too.

    >>> import numpy as np, ainv
    >>> a, da = np.array([[2.0, 1.0], [0.0, 4.0]]), 1e-7 * np.ones((2, 2))
    >>> x = ainv.inv(a)
    >>> np.allclose(ainv.inv(a + da) - x, inv_jvp(x, da), atol=1e-13)
    True
    """
    return -(x @ da @ x)


def inv_vjp(x, g):
    """-X^H G X^H."""
    return inv_jvp(adjoint(x), g)


def inverse_jvp(a, x, da, on_singular):
    """That of ``inv``: where pseudo-inverses stand in for inverses theirs, which -X dA X is not."""
    return pinv_jvp(a, x, da) if on_singular == "pinv" else inv_jvp(x, da)


def inverse_vjp(a, x, g, on_singular):
    """The adjoint of `inverse_jvp`."""
    return inverse_jvp(adjoint(a), adjoint(x), g, on_singular)


def pinv_jvp(a, x, da):
    """-X dA X + X X^H dA^H (I - A X) + (I - X A) dA^H X^H X, for X = A^+ of a constant rank.

    No product is larger than the smaller side of A: a wide matrix goes by the formula for A^H.
    """
    if a.shape[-2] < a.shape[-1]:
        return adjoint(pinv_jvp(adjoint(a), adjoint(x), adjoint(da)))
    xh, dah = adjoint(x), adjoint(da)
    rows = (x @ xh) @ (dah - (dah @ a) @ x)
    columns = (dah - (x @ a) @ dah) @ xh
    return rows + (columns - x @ da) @ x


def pinv_vjp(a, x, g):
    """The adjoint: A X and X A are Hermitian, hence the same formula for A^H."""
    return pinv_jvp(adjoint(a), adjoint(x), g)


def cholesky_inv_jvp(l, x, dl):
    """-X dA X with dA = dL L^H + L dL^H, for X = A^-1, A = L L^H."""
    w = dl @ adjoint(l)
    return -(x @ (w + adjoint(w)) @ x)


def cholesky_inv_vjp(l, x, g):
    """-X (G + G^H) X L."""
    return -(x @ (g + adjoint(g)) @ x @ l)


def cholesky_jvp(l, inverse, da, half):
    """L half(L^-1 dA L^-H), for A = L L^H.

    ``inverse`` is L^-1; ``half`` takes the lower triangle and half of the diagonal.
    """
    return l @ half(inverse @ da @ adjoint(inverse))


def cholesky_vjp(l, inverse, g, half):
    """L^-H half(L^H G) L^-1."""
    return adjoint(inverse) @ half(adjoint(l) @ g) @ inverse


def hermitian(a):
    """The Hermitian part: the tangents, and the gradients, of a matrix known to be Hermitian."""
    return (a + adjoint(a)) / 2


def symmetric(a):
    """The symmetric part."""
    return (a + a.mT) / 2


_STRUCTURES = "auto general symmetric hermitian posdef lower upper diagonal".split()
# SciPy's names, short and long.
_SCIPY = {
    "gen": "general",
    "sym": "symmetric",
    "her": "hermitian",
    "pos": "posdef",
    "positive definite": "posdef",
    "lower triangular": "lower",
    "upper triangular": "upper",
}


def structure(assume):
    """The one name for what ``assume=`` says, of those that it accepts.

    >>> structure("lower triangular"), structure("pos")
    ('lower', 'posdef')
    """
    name = _SCIPY.get(assume, assume)
    if name not in _STRUCTURES:
        raise ValueError(f"assume={assume!r} is none of: {', '.join([*_STRUCTURES, *_SCIPY])}")
    return name


def adjoint_structure(assume):
    """The structure of A^H."""
    return {"lower": "upper", "upper": "lower"}.get(assume, assume)
