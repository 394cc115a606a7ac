"""Arrays of other libraries: each has an adapter, a module with our functions for its arrays.

`ainv.inv` hands over every argument that NumPy does not own. An adapter is imported when the
first array of its library comes, and by then the library is loaded: nothing here is the first to
import it. An adapter views the array's memory through NumPy, calls the very same function of the
extension and gives the result back as its library's array; where the library transforms programs
(derivatives, vmap, compilers), it says what our functions are to it.
"""

from functools import lru_cache
from importlib import import_module

from ainv._imports import when_imported

# The package that defines a class, to the adapter that takes its objects.
_ADAPTERS = {"torch": "torch", "jax": "jax", "jaxlib": "jax", "mlx": "mlx", "dask": "dask", "cupy": "cupy"}


@lru_cache(maxsize=256)
def adapter(kind):
    """The adapter for the objects of a class; None for those that NumPy shall read."""
    for base in kind.__mro__:
        name = _ADAPTERS.get(str(base.__module__).partition(".")[0])
        if name is not None:
            module = import_module(f"ainv._libraries.{name}")
            return module if issubclass(kind, module.ARRAYS) else None
    if hasattr(kind, "__dlpack__") and hasattr(kind, "__dlpack_device__"):
        return import_module("ainv._libraries.dlpack")
    if hasattr(kind, "__array_function__"):
        return import_module("ainv._libraries.protocol")
    return None


def device(stream):
    """What device a library's own device or stream object means: ("cpu" or "gpu", number), or None.

    >>> device(object()) is None
    True
    """
    kind = type(stream)
    library = str(kind.__module__).partition(".")[0]
    if library not in ("torch", "mlx", "jax", "jaxlib", "cupy"):
        return None
    if kind.__name__ not in ("device", "Device", "DeviceType", "Stream", "ExternalStream"):
        return None
    if kind.__module__ == "torch.cpu":
        return "cpu", 0
    # A stream knows its device, a device its kind; MLX's mx.cpu is a kind already.
    place = getattr(stream, "device", stream)
    name = getattr(place, "platform", None) or getattr(place, "type", place)
    number = getattr(place, "index", None) or getattr(place, "id", None) or 0
    return ("cpu" if str(name).rpartition(".")[2] == "cpu" else "gpu"), number


class _Within:
    """An adapter whose functions are called in a context."""

    def __init__(self, library, context):
        self._library, self._context = library, context

    def __getattr__(self, name):
        def call(*arguments):
            with self._context:
                return getattr(self._library, name)(*arguments)

        return call


def within(library, stream, a):
    """The adapter of an array in a GPU's memory, its work that of another stream; None if its library has no such stream."""
    context = library.current(stream, a) if hasattr(library, "current") else None
    return None if context is None else _Within(library, context)


def _tell_torchs_compiler():
    import_module("ainv._libraries.torch.compiling").tell()


# The compiler cannot look into functions that are not Python's. What it shall trace instead has to be
# known before it meets one, and loading it only for that takes seconds: torch loads it by itself.
when_imported("torch._dynamo", _tell_torchs_compiler)
