"""What shall happen once a module is imported, without importing it."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType

_waiting: dict[str, list[Callable[[], None]]] = {}


def when_imported(name: str, then: Callable[[], None]) -> None:
    """Call `then` now if the module is loaded, or as soon as an import of it is done."""
    if name in sys.modules:
        then()
        return
    _waiting.setdefault(name, []).append(then)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def wait_no_more(name: str, then: Callable[[], None]) -> None:
    """Take back what `when_imported` was asked for, if it has not happened yet."""
    calls = _waiting.get(name, [])
    if then in calls:
        calls.remove(then)
    if not calls:
        _waiting.pop(name, None)
    _leave()


def _arrived(name: str) -> None:
    for then in _waiting.pop(name, []):
        then()
    _leave()


def _leave() -> None:
    if not _waiting and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


class _Finder:
    """Finds modules as the other finders do, and hears when the awaited ones are executed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        loader = spec and spec.loader
        if loader is None or not hasattr(loader, "exec_module"):
            return spec
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            # The loader stays in the module's __spec__, where it shall be found as it was.
            del loader.exec_module
            execute(module)
            _arrived(name)

        # The loader is this import's own; one of a class that allows no attribute is left alone.
        with suppress(AttributeError):
            loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_finder = _Finder()
