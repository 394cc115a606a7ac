"""How the extension calls an adapter: the arrays first, then every option by its position."""

from ainv import _ainv

_LAST = ("on_singular", "precision", "out")
# The number of arrays, and the names of the options.
_FUNCTIONS = {
    "inv": (1, "assume", *_LAST),
    "inv_ex": (1, "check_errors", "assume", "precision", "out"),
    "pinv": (1, "rtol", "hermitian", "atol", *_LAST),
    "cholesky_inv": (1, "upper", *_LAST),
    "tri_inv": (1, "upper", "unit_diagonal", *_LAST),
    "cholesky": (1, "upper", *_LAST),
    "solve": (2, "assume", *_LAST),
    "rcond": (1, "p", "assume"),
}


def functions(call):
    """An adapter's functions, all of which are ``call(ainv's function, arrays, options)``."""

    def adapted(name, arrays, *names):
        function = getattr(_ainv, name)
        return lambda *given: call(
            function, given[:arrays], dict(zip(names, given[arrays:], strict=False))
        )

    return {name: adapted(name, *rest) for name, rest in _FUNCTIONS.items()}
