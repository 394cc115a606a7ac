"""What the tests of the libraries share: the functions, and the cases of their derivatives."""

import ainv
import numpy as np
from helpers import posdef, random

# Each function of some of its keywords, and the shapes it is called with.
CALLS = {
    "inv": (ainv.inv, {}, [(2, 3, 3)]),
    "inv posdef": (ainv.inv, {"assume": "posdef"}, [(2, 3, 3)]),
    "inv_ex": (ainv.inv_ex, {}, [(2, 3, 3)]),
    "pinv": (ainv.pinv, {"rtol": 1e-3}, [(2, 4, 3)]),
    "pinv hermitian": (ainv.pinv, {"hermitian": True}, [(3, 3)]),
    "cholesky_inv": (ainv.cholesky_inv, {}, [(2, 3, 3)]),
    "cholesky_inv upper": (ainv.cholesky_inv, {"upper": True}, [(2, 3, 3)]),
    "tri_inv": (ainv.tri_inv, {"unit_diagonal": True}, [(2, 3, 3)]),
    "cholesky": (ainv.cholesky, {}, [(2, 3, 3)]),
    "solve": (ainv.solve, {}, [(2, 3, 3), (3, 2)]),
    "solve vector": (ainv.solve, {"assume": "upper"}, [(3, 3), (3,)]),
    "rcond": (ainv.rcond, {"p": 2}, [(2, 3, 3)]),
    "nothing": (ainv.inv, {}, [(0, 3, 3)]),
    "order 0": (ainv.inv, {}, [(2, 0, 0)]),
    "one": (ainv.rcond, {}, [(3, 3)]),
}


def arguments(shapes, dtype, seed=0):
    """Well-conditioned matrices, positive definite ones where they are square."""
    square = lambda shape: len(shape) > 1 and shape[-1] == shape[-2]  # noqa: E731
    make = [posdef if square(shape) else random for shape in shapes]
    return [f(shape, dtype, seed + i) for i, (f, shape) in enumerate(zip(make, shapes))]


def check_calls(call, dtype, give, take, is_ours):
    """The library's arrays come back with the bits that NumPy's have in native precision."""
    function, keywords, shapes = call
    arrays = arguments(shapes, dtype)
    native = {} if function is ainv.rcond else {"precision": "native"}
    expected = function(*arrays, **keywords, **native)
    result = function(*map(give, arrays), **keywords)
    if isinstance(expected, tuple):
        assert len(result) == 2 and result.inverse is result[0] and result.info is result[1]
    else:
        expected, result = (expected,), (result,)
    for x, y in zip(expected, result):
        assert is_ours(y)
        np.testing.assert_array_equal(take(y), x)
        assert take(y).dtype == x.dtype and take(y).shape == x.shape


def _hermitian(function, **keywords):
    """A function of the Hermitian part, so that every direction is one along Hermitian matrices."""
    return lambda a, *b: function((a + a.mT.conj()) / 2, *b, **keywords)


def _symmetric(function, **keywords):
    return lambda a, *b: function((a + a.mT) / 2, *b, **keywords)


def _plain(function, **keywords):
    return lambda *a: function(*a, **keywords)


# Functions with derivatives, and the shapes to take them at.
DERIVATIVES = {
    "inv": (ainv.inv, [(2, 3, 3)]),
    "inv_ex": (lambda a: ainv.inv_ex(a).inverse, [(3, 3)]),
    "inv order 1": (ainv.inv, [(2, 1, 1)]),
    "pinv tall": (ainv.pinv, [(2, 4, 3)]),
    "pinv wide": (ainv.pinv, [(2, 4)]),
    "pinv hermitian": (_hermitian(ainv.pinv, hermitian=True), [(3, 3)]),
    "pinv of rank 2": (lambda b, c: ainv.pinv(b @ c, rtol=1e-6), [(4, 2), (2, 3)]),
    "cholesky_inv": (ainv.cholesky_inv, [(2, 3, 3)]),
    "cholesky_inv upper": (_plain(ainv.cholesky_inv, upper=True), [(3, 3)]),
    "tri_inv": (ainv.tri_inv, [(2, 3, 3)]),
    "tri_inv upper unit": (_plain(ainv.tri_inv, upper=True, unit_diagonal=True), [(3, 3)]),
    "cholesky": (_hermitian(ainv.cholesky), [(2, 3, 3)]),
    "cholesky upper": (_hermitian(ainv.cholesky, upper=True), [(3, 3)]),
    "solve": (ainv.solve, [(3, 3), (2, 3, 2)]),
    "solve vector": (ainv.solve, [(3, 3), (3,)]),
}
for _name in ("lower", "upper", "diagonal"):
    DERIVATIVES[f"inv {_name}"] = (_plain(ainv.inv, assume=_name), [(3, 3)])
    DERIVATIVES[f"solve {_name}"] = (_plain(ainv.solve, assume=_name), [(3, 3), (3, 2)])
for _name in ("hermitian", "posdef"):
    DERIVATIVES[f"inv {_name}"] = (_hermitian(ainv.inv, assume=_name), [(3, 3)])
    DERIVATIVES[f"solve {_name}"] = (_hermitian(ainv.solve, assume=_name), [(3, 3), (3, 2)])
DERIVATIVES["inv symmetric"] = (_symmetric(ainv.inv, assume="symmetric"), [(3, 3)])
DERIVATIVES["solve symmetric"] = (_symmetric(ainv.solve, assume="symmetric"), [(3, 3), (3, 2)])


def points(shapes, dtype):
    """Where derivatives are taken: matrices that are far from singular, and not Hermitian."""
    arrays = []
    for i, shape in enumerate(shapes):
        a = random(shape, dtype, seed=i)
        if len(shape) > 1 and shape[-1] == shape[-2]:
            a = (0.3 * a + 2 * np.eye(shape[-1])).astype(dtype)
        arrays.append(a)
    return arrays
