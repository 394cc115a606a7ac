"""Other libraries' functions done by ainv's, in programs whose lines are not changed."""

import importlib
import importlib.util
import threading
from types import ModuleType, TracebackType

from ainv._imports import wait_no_more, when_imported
from ainv._patch._swap import Swapped

# For each library the module whose import makes its functions there to be swapped.
LIBRARIES = {
    "numpy": "numpy.linalg",
    "scipy": "scipy.linalg",
    "torch": "torch",
    "jax": "jax.numpy",
    "mlx": "mlx.core",
}

_lock = threading.Lock()
_active: dict[str, "_Library"] = {}


class _Library:
    """A library that is patched, or will be when the program imports it."""

    def __init__(self, name: str, numpy_rcond: bool) -> None:
        self._name = name
        self.numpy_rcond = numpy_rcond
        self._swapped: Swapped | None = None

    def begin(self) -> None:
        """Called without the lock: an import may wait for another thread's, and that one for us."""
        when_imported(LIBRARIES[self._name], self._install)

    def _install(self) -> None:
        ours = importlib.import_module(f"ainv._patch.{self._name}")
        with _lock:
            if _active.get(self._name) is self:
                self._swapped = Swapped(ours.swaps(numpy_rcond=self.numpy_rcond))

    def undo(self) -> None:
        """Called with the lock."""
        wait_no_more(LIBRARIES[self._name], self._install)
        if self._swapped is not None:
            self._swapped.undo()


class Patched:
    """What `patch` did: as a context, it is undone at the end.

    Attributes
    ----------
    libraries : tuple of str
        The libraries that this call patched, without those that were patched already.
    """

    def __init__(self, libraries: tuple[str, ...]) -> None:
        self.libraries = libraries

    def __enter__(self) -> "Patched":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.libraries:
            unpatch(*self.libraries)

    def __repr__(self) -> str:
        return f"<patched: {', '.join(self.libraries) or 'nothing'}>"


def _names(libraries: tuple[str | ModuleType, ...]) -> tuple[str, ...]:
    names = [x.__name__.partition(".")[0] if isinstance(x, ModuleType) else x for x in libraries]
    for name in names:
        if name not in LIBRARIES:
            raise ValueError(f"{name!r} cannot be patched: {', '.join(LIBRARIES)} can")
    return tuple(dict.fromkeys(names))


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def patch(*libraries: str | ModuleType, numpy_rcond: bool = False) -> Patched:
    """Let ainv do the work of other libraries' functions, in the whole process.

    The functions ``inv``, ``pinv``, ``solve`` and their kin of the libraries keep their signatures,
    defaults, result types and exceptions. What ainv does not serve goes to the library's own
    function: dtypes and shapes that the library refuses, objects, masked arrays, other devices,
    tracers of a compiler. Names that were imported before, as by ``from numpy.linalg import inv``,
    are reached too. A library that is not loaded yet is patched when the program imports it.

    Parameters
    ----------
    *libraries : str or module
        Of "numpy", "scipy", "torch", "jax", "mlx"; all that are installed if none is given.
    numpy_rcond : bool, optional
        Whether ``numpy.linalg.pinv`` has NumPy's default cut-off of 1e-15 for every dtype, which
        for float32 lies under the rounding errors. Otherwise it is max(m, n) times the epsilon of
        the dtype, NumPy's own meaning of ``rtol=None``.

    Returns
    -------
    Patched
        A context whose end undoes this call. Without it the patch stays until `unpatch`.

    Raises
    ------
    ValueError
        If ainv has nothing to put into a library of this name, or if NumPy is patched with another
        ``numpy_rcond``.
    ModuleNotFoundError
        If a library is not installed.

    See Also
    --------
    unpatch : The way back.

    Notes
    -----
    Functions are exchanged in the namespaces of all modules. Those that a program keeps elsewhere
    (in a list, in a class, as a default argument) stay as they are. A process that is spawned
    begins without the patch. A class that registers its own function for ``numpy.linalg.inv``
    under a patch is not found by it: NumPy asks with its original function.

    Examples
    --------
    >>> import numpy as np, ainv
    >>> from numpy.linalg import inv
    >>> with ainv.patch("numpy"):
    ...     x = inv(np.diag([2.0, 4.0]))
    >>> x
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    names = _names(libraries)
    for name in names:
        if not _installed(name):
            raise ModuleNotFoundError(
                f"{name} is not installed, so it cannot be patched", name=name
            )
    with _lock:
        if "numpy" in (names or LIBRARIES) and "numpy" in _active:
            if _active["numpy"].numpy_rcond != numpy_rcond:
                raise ValueError("numpy is patched with another numpy_rcond: unpatch it first")
        new = tuple(n for n in names or filter(_installed, LIBRARIES) if n not in _active)
        begun = {name: _Library(name, numpy_rcond) for name in new}
        _active.update(begun)
    for library in begun.values():
        library.begin()
    return Patched(new)


def unpatch(*libraries: str | ModuleType) -> None:
    """Give libraries their own functions back, wherever `patch` or the program put ainv's.

    Parameters
    ----------
    *libraries : str or module
        As for `patch`; all that are patched if none is given. One that is not is left alone.

    See Also
    --------
    patch : What is undone.

    Examples
    --------
    >>> import numpy as np, ainv
    >>> own = [np.linalg.inv]
    >>> _ = ainv.patch("numpy")
    >>> np.linalg.inv is own[0]
    False
    >>> ainv.unpatch("numpy")
    >>> np.linalg.inv is own[0]
    True
    """
    with _lock:
        for name in _names(libraries) or tuple(_active):
            library = _active.pop(name, None)
            if library is not None:
                library.undo()
