"""A library's function and ours in its place: found everywhere, put back exactly."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from types import ModuleType
from typing import Any, NamedTuple

from ainv._ainv import LinAlgError

Function = Callable[..., Any]


class Swap(NamedTuple):
    """One function of a library and what stands in for it.

    `ours` takes the library's arguments and returns NotImplemented for what it does not serve; a
    TypeError or a ValueError of it (arguments that do not fit, shapes, dtypes) means the same. Then
    the library's own function is called, which serves or refuses in its own words. `failed` makes
    the library's exception out of ours, and of the call's first argument, where a matrix has no
    result; where it is None the library is asked for that, too.
    """

    owner: ModuleType | type
    name: str
    ours: Function
    failed: Callable[[LinAlgError, Any], Exception] | None = None


class Call(NamedTuple):
    """What the statistics count."""

    function: str
    shape: tuple[int, ...] | None
    dtype: str
    served: bool


tally: Counter[Call] | None = None
_counting = threading.Lock()


def count() -> Counter[Call]:
    """Start to count the calls of functions that are swapped."""
    global tally
    tally = Counter()
    return tally


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return next(iter((*args, *kwargs.values())), None)


def _note(tally: Counter[Call], label: str, a: Any, served: bool) -> None:
    shape = getattr(a, "shape", None)
    dtype = str(getattr(a, "dtype", type(a).__name__)).rpartition(".")[2]
    with _counting:
        tally[Call(label, None if shape is None else tuple(shape), dtype, served)] += 1


def _replacement(swap: Swap, original: Function) -> Function:
    ours, failed = swap.ours, swap.failed
    label = f"{swap.owner.__name__}.{swap.name}"
    if isinstance(swap.owner, type):
        label = f"{swap.owner.__module__}.{label}"

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = ours(*args, **kwargs)
        except LinAlgError as error:
            if error.rcond is not None:
                raise  # The program asked for it, which no library knows of.
            if error.batch_index is not None and failed is not None:
                if tally is not None:
                    _note(tally, label, _first(args, kwargs), True)
                raise failed(error, _first(args, kwargs)) from error
            result = NotImplemented
        except (TypeError, ValueError):
            result = NotImplemented
        served = result is not NotImplemented
        if tally is not None:
            _note(tally, label, _first(args, kwargs), served)
        return result if served else original(*args, **kwargs)

    return call


Namespace = dict[str, Any]


class Swapped:
    """Functions that were swapped, and where.

    Parameters
    ----------
    swaps : iterable of Swap
        The functions. One that this version of the library does not have is left out.
    """

    def __init__(self, swaps: Iterable[Swap]) -> None:
        self._pairs: list[tuple[Function, Function]] = []
        self._methods: list[tuple[type, str, Function, Function, bool]] = []
        known: dict[int, Function] = {}
        for swap in swaps:
            original = getattr(swap.owner, swap.name, None)
            if original is None:
                continue
            if isinstance(swap.owner, type):
                replacement = _replacement(swap, original)
                inherited = swap.name not in vars(swap.owner)
                method = (swap.owner, swap.name, original, replacement, inherited)
                self._methods.append(method)
                setattr(swap.owner, swap.name, replacement)
            elif id(original) not in known:
                known[id(original)] = _replacement(swap, original)
                self._pairs.append((original, known[id(original)]))
        self._places = _exchange({id(a): (a, b) for a, b in self._pairs}, [])

    def undo(self) -> None:
        """Put every function back, also where a name was bound to ours meanwhile."""
        for owner, name, original, replacement, inherited in reversed(self._methods):
            if vars(owner).get(name) is not replacement:
                continue  # Another has put its own there.
            if inherited:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        _exchange({id(b): (b, a) for a, b in self._pairs}, self._places)


def _exchange(
    table: dict[int, tuple[Function, Function]], more: Iterable[Namespace]
) -> list[Namespace]:
    """Exchange functions in the namespaces of all modules, and in `more`; return where any was.

    A module is asked for nothing but its dictionary: its own ``__getattr__`` could import others.
    """
    modules = [m for m in list(sys.modules.values()) if isinstance(m, ModuleType)]
    spaces: list[Namespace] = [object.__getattribute__(m, "__dict__") for m in modules]
    places: dict[int, Namespace] = {}
    for space in [*spaces, *more]:
        for name, value in list(space.items()):
            pair = table.get(id(value))
            if pair is not None and pair[0] is value:
                space[name] = pair[1]
                places[id(space)] = space
    return list(places.values())
