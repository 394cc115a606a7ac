"""NumPy's protocol for classes that do functions themselves: ``__array_function__``, NEP 18.

A class that has its own is asked, as NumPy asks it: units would be lost otherwise.
"""

import numpy as np

from ainv._libraries.arguments import functions


def _asks(a):
    """Whether the class has a say: it has the protocol, and not by being NumPy's array."""
    own = getattr(type(a), "__array_function__", None)
    return own not in (None, np.ndarray.__array_function__)


def _call(function, arrays, options):
    options = {name: value for name, value in options.items() if value is not None}
    asked = [x for x in (*arrays, options.get("out")) if _asks(x)]
    types = tuple(dict.fromkeys(map(type, asked)))
    for x in asked:
        result = x.__array_function__(function, types, arrays, options)
        if result is not NotImplemented:
            return result
    named = ", ".join(kind.__name__ for kind in types)
    raise TypeError(
        f"no implementation found for ainv.{function.__name__} on the types {named}, which "
        "implement __array_function__: give the plain array that they hold"
    )


globals().update(functions(_call))
