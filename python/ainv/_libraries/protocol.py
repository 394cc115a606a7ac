"""NumPy's protocol for classes that do functions themselves: ``__array_function__``, NEP 18.

A class that has its own is asked, as NumPy asks it: units would be lost otherwise.
"""

import numpy as np

from ainv import _ainv


def _asks(a):
    """Whether the class has a say: it has the protocol, and not by being NumPy's array."""
    own = getattr(type(a), "__array_function__", None)
    return own not in (None, np.ndarray.__array_function__)


def _dispatched(function, *names, arrays=1):
    """A function whose first arguments are arrays, the others the options of these names."""

    def dispatched(*arguments):
        a = arguments[:arrays]
        options = dict(zip(names, arguments[arrays:], strict=False))
        options = {name: value for name, value in options.items() if value is not None}
        asked = [x for x in (*a, options.get("out")) if _asks(x)]
        types = tuple(dict.fromkeys(map(type, asked)))
        for x in asked:
            result = x.__array_function__(function, types, a, options)
            if result is not NotImplemented:
                return result
        named = ", ".join(kind.__name__ for kind in types)
        raise TypeError(
            f"no implementation found for ainv.{function.__name__} on the types {named}, which "
            "implement __array_function__: give the plain array that they hold"
        )

    return dispatched


_last = ("on_singular", "precision", "out")
inv = _dispatched(_ainv.inv, "assume", *_last)
inv_ex = _dispatched(_ainv.inv_ex, "check_errors", "assume", "precision", "out")
pinv = _dispatched(_ainv.pinv, "rtol", "hermitian", "atol", *_last)
cholesky_inv = _dispatched(_ainv.cholesky_inv, "upper", *_last)
tri_inv = _dispatched(_ainv.tri_inv, "upper", "unit_diagonal", *_last)
cholesky = _dispatched(_ainv.cholesky, "upper", *_last)
solve = _dispatched(_ainv.solve, "assume", *_last, arrays=2)
rcond = _dispatched(_ainv.rcond, "p", "assume")
